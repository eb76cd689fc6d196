"""Kafka in the place of the log, before it, and behind it, on a real broker.

Events of both presets go through topics, are counted as the oracle counts them, survive kill -9, and
what is published is read by other people's consumers.
"""

import json
import random
import time

import pytest
from harness import PRESETS, differences, ledger_of, oracle, tidemark
from kafka import generated, key_members, key_of, keyed, log_settings
from service import device_event

def check_against_oracle(service, preset, lines, tmp_path):
    """Every cell and the verdicts are the oracle's; the lake is the ledger's."""
    events = tmp_path / "events.ndjson"
    events.write_bytes(b"".join(lines))
    oracle(PRESETS / f"{preset}.yaml", events, tmp_path / "expected")
    service.query_all(tmp_path / "got")
    found = differences(tmp_path / "expected", tmp_path / "got", "--no-ledger")
    assert not found, found
    expected = ledger_of(tmp_path / "expected")
    ledger = service.check_lake_against_ledger()
    for key in ("processed", "duplicate", "rejected"):
        assert ledger[key] == expected[key], (key, ledger, expected)
    return ledger


@pytest.mark.parametrize("preset", ["device", "sunbird"])
def test_events_over_http_and_a_kill(kafka, make_service, tmp_path, preset):
    """Events are in the topic before they are acknowledged, keyed as Java would key them, in lz4;
    after kill -9 the topic is read again, and nothing is lost or counted twice."""
    topic = kafka.topic()
    service = make_service(preset=preset, settings=log_settings(kafka, topic)).start()
    lines = generated(preset, 3000, 12)
    for i in range(0, 2000, 250):
        assert service.post_events(b"".join(lines[i : i + 250])).status == 200
    service.barrier()
    service.kill()
    service.start()
    for i in range(2000, len(lines), 250):
        assert service.post_events(b"".join(lines[i : i + 250])).status == 200
    ledger = check_against_oracle(service, preset, lines, tmp_path)
    service.verify()

    messages = kafka.messages(topic)
    assert len(messages) == ledger["verdicts"] == len(lines)
    keys = sorted({m.key() for m in messages if m.key()})
    theirs = kafka.produce(
        kafka.topic(), [(key, b"x") for key in keys], partitioner="murmur2_random"
    )
    chosen = dict(zip(keys, theirs))
    assert all(m.partition() == chosen[m.key()] for m in messages if m.key())
    assert set(kafka.codecs(topic)) == {"lz4"}

    offsets = kafka.committed("tidemark", topic)
    assert sum(offsets.values()) == len(lines), "lag tools see where the lake is"
    assert service.stop() == 0


def test_a_preloaded_topic_is_read_directly(kafka, make_service, tmp_path):
    """Another producer's messages, keyed by the entity: no header, the broker's time is received."""
    topic = kafka.topic()
    lines = generated("sunbird", 2000, 5)
    kafka.produce(topic, list(keyed("sunbird", lines)), partitioner="murmur2_random")
    service = make_service(preset="sunbird", settings=log_settings(kafka, topic)).start()
    ledger = check_against_oracle(service, "sunbird", lines, tmp_path)
    assert ledger["verdicts"] == len(lines)
    service.verify()
    assert service.stop() == 0


def test_three_topics_by_event_type(kafka, make_service, tmp_path):
    """Co-partitioned topics; the order in which they were read is in the manifests, so a restart
    counts the same, whatever the topics would give first."""
    topics = [kafka.topic() for _ in range(3)]
    settings = log_settings(
        kafka,
        ",".join(topics),
        "log.kafka.route_by=event_type",
        f"log.kafka.route=crash_event={topics[1]};performance_metric={topics[2]}",
        "process.checkpoint=200ms",
    )
    service = make_service(preset="device", settings=settings).start()
    lines = generated("device", 4000, 3, **{"--late": 2000})
    for i in range(0, 4000, 100):
        assert service.post_events(b"".join(lines[i : i + 100])).status == 200
    before = service.ledger()
    service.kill()
    service.start()
    service.settle()
    assert service.ledger() == before
    check_against_oracle(service, "device", lines, tmp_path)
    kinds = [{json.loads(m.value())["event_type"] for m in kafka.messages(t) if m.key()} for t in topics]
    assert kinds[1] == {"crash_event"} and kinds[2] == {"performance_metric"}
    assert kinds[0] and not kinds[0] & {"crash_event", "performance_metric"}
    service.verify()
    assert service.stop() == 0


def test_foreign_topics(kafka, make_service, tmp_path):
    """Messages under any key, envelopes and garbage are collected and keyed anew; a kill in between
    makes nothing come twice."""
    foreign, log = kafka.topic(partitions=3), kafka.topic()
    lines = generated("sunbird", 3000, 21, **{"--defective": 0})
    messages, rest = [], list(lines)
    r = random.Random(1)
    while rest:
        size = min(len(rest), r.choice([1, 1, 1, 7, 40]))
        taken, rest = rest[:size], rest[size:]
        if size == 1:
            messages.append((f"k{r.randrange(5)}", taken[0]))
        else:
            events = b",".join(line.rstrip(b"\n") for line in taken)
            head = f'{{"id":"api.sunbird.telemetry","ver":"3.0","params":{{"msgid":"m{len(rest)}"}},'
            messages.append((None, head.encode() + b'"events":[' + events + b"]}"))
    garbage = [b"", b"\x00\xff", b"[1,2", b"null", b"{}"]
    messages[10:10] = [("k", value) for value in garbage]
    settings = log_settings(
        kafka,
        log,
        f"collect.kafka.brokers={kafka.brokers}",
        f"collect.kafka.topics={foreign}",
        "collect.kafka.properties.session.timeout.ms=6000",
    )
    kafka.produce(foreign, messages[: len(messages) // 2])
    service = make_service(preset="sunbird", settings=settings).start()
    wait_for(lambda: collected(service) > 0)
    service.kill()
    service.start()
    kafka.produce(foreign, messages[len(messages) // 2 :])
    wait_for(lambda: sum(kafka.committed("tidemark-collect", foreign).values()) >= len(messages))
    ledger = service.check_lake_against_ledger()
    assert ledger["processed"] == len(set(lines))
    assert sum(ledger["rejected"].values()) % len(garbage) == 0, "each again, if it came again"
    assert sum(ledger["rejected"].values()) >= len(garbage)
    events = tmp_path / "events.ndjson"
    events.write_bytes(b"".join(lines))
    oracle(PRESETS / "sunbird.yaml", events, tmp_path / "expected")
    service.query_all(tmp_path / "got")
    wrong = differences(tmp_path / "expected", tmp_path / "got", "--no-ledger")
    assert not wrong, wrong
    service.verify()
    assert service.stop() == 0


def collected(service):
    text = service.get("/metrics").body.decode()
    lines = [x for x in text.splitlines() if x.startswith("tidemark_topic_messages_total ")]
    return float(lines[0].split()[1]) if lines else 0


def wait_for(condition, at_most=120):
    deadline = time.monotonic() + at_most
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.1)  # until it is so


def test_published_numbers(kafka, make_service):
    """The last value of each key is what the API shows; journeys are those of the lake."""
    cells, journeys = kafka.topic(partitions=3), kafka.topic(partitions=3)
    settings = [
        f"publish.kafka.brokers={kafka.brokers}",
        f"publish.kafka.topic={cells}",
        f"publish.kafka.journeys={journeys}",
        "publish.kafka.interval=200ms",
    ]
    service = make_service(preset="sunbird", settings=settings).start()
    lines = generated("sunbird", 2000, 9)
    for i in range(0, len(lines), 500):
        assert service.post_events(b"".join(lines[i : i + 500])).status == 200
        if i == 0:
            wait_for(lambda: kafka.messages(cells))  # so that revisions are told, too
    service.barrier()
    shown = {}
    for metric in service.get_json("/api/v1/metrics")["metrics"]:
        reply = service.get(f"/api/v1/metrics/{metric['name']}?format=ndjson")
        for line in reply.body.decode().splitlines():
            shown[key_of(json.loads(line))] = json.loads(line)
    told = service.lake_rows("journeys", "metric, journey_key, ordinal, outcome, revision")
    assert service.stop() == 0  # looks a last time
    published = {key_of(cell): cell for cell in kafka.latest(cells).values()}
    assert {k: without_clock(v) for k, v in published.items()} == {
        k: without_clock(v) for k, v in shown.items()
    }
    assert len(kafka.messages(cells)) > len(published), "revisions were told"
    assert all(json.loads(key) == key_members(cell) for key, cell in kafka.latest(cells).items())

    newest = {}
    for metric, key, ordinal, outcome, revision in sorted(told, key=lambda row: row[4]):
        newest[(metric, json.dumps(json.loads(key), sort_keys=True), ordinal)] = outcome
    latest = {}
    for value in kafka.latest(journeys).values():
        j = value["journey"]
        latest[(j["metric"], json.dumps(j["key"], sort_keys=True), j["ordinal"])] = j["outcome"]
    assert latest == newest and len(latest) > 100
    assert kafka.kcat(journeys).count(b"\n") >= len(latest)


def without_clock(cell):
    """What depends on when it was asked."""
    return {k: v for k, v in cell.items() if k not in ("complete", "open_periods", "open", "steps")}


def test_init_makes_topics_and_says_what_is_wrong(kafka, tmp_path):
    names = [kafka.topic(partitions=4), f"new-{time.time_ns()}"]
    words = ["--preset", "device"]
    for setting in log_settings(kafka, ",".join(names)):
        words += ["--set", setting]
    missing = tidemark("kafka", "check", *words)
    assert missing.returncode == 7, missing
    assert f"{names[1]}" in missing.stdout.decode() and "missing" in missing.stdout.decode()
    made = tidemark("kafka", "init", *words)
    text = made.stdout.decode()
    assert made.returncode == 7, text  # the other one is still wrong
    assert "created" in text
    assert "partitions is 4, should be 6" in text
    assert "retention.ms is 86400000, should be -1" in text
    assert "message.timestamp.type is CreateTime, should be LogAppendTime" in text
    fine = tidemark("kafka", "check", "--preset", "device", "--set", f"log.kafka.brokers={kafka.brokers}",
                    "--set", f"log.kafka.topics={names[1]}")  # fmt: skip
    assert fine.returncode == 0, fine
    assert fine.stdout.decode().split() == [names[1], "fine"]


def test_what_is_refused(kafka, make_service):
    """A topic with other partitions, one that was made anew, a property that may load code."""
    topic = kafka.topic(partitions=3)
    other = make_service(preset="device", settings=log_settings(kafka, topic))
    other.launch()
    assert other.exited() != 0
    assert "has 3 partitions where log.kafka.partitions says 6" in other.log_tail()

    forbidden = make_service(
        preset="device",
        settings=log_settings(kafka, topic, "log.kafka.properties.plugin.library.paths=x.so"),
    )
    forbidden.launch()
    assert forbidden.exited() != 0
    assert "'plugin.library.paths' is not on the allow-list" in forbidden.log_tail()

    anew = kafka.topic()
    service = make_service(preset="device", settings=log_settings(kafka, anew)).start()
    events = [device_event(i, device=i) for i in range(200)]
    assert service.post_events(events).status == 200
    service.barrier()
    assert service.stop() == 0
    kafka.delete(anew)
    wait_for(lambda: not kafka.has(anew))
    kafka.topic(name=anew)
    service.launch()
    assert service.exited() != 0
    assert "it was made anew, or has lost messages" in service.log_tail()
    kafka.produce(anew, [(f"device-{i}", b"{}") for i in range(2000)], partitioner="murmur2_random")
    service.launch()
    assert service.exited() != 0
    assert "is not the one that was counted" in service.log_tail()


def test_the_broker_is_away_for_a_while(kafka, make_service):
    """While the broker is dead, events wait or are answered 503 and are sent again; after its
    return everything goes on by itself, and each event counts once."""
    topic = kafka.topic()
    settings = log_settings(kafka, topic, "log.kafka.properties.message.timeout.ms=3000")
    service = make_service(preset="device", settings=settings).start()
    events = [device_event(i, device=i % 50) for i in range(600)]
    wait_for(lambda: service.post_events(events[:300]).status == 200)
    kafka.kill(1)
    refused = service.post_events(events[300:])
    assert refused.status == 503, refused
    assert refused.headers["Retry-After"]
    kafka.start(1)
    wait_for(lambda: service.post_events(events[300:]).status == 200)
    ledger = service.ledger()
    assert ledger["processed"] == 600, ledger
    service.verify()
    assert service.stop() == 0
