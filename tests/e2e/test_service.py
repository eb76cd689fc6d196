"""The running service: real events in, the same numbers out, an exact lake; its answers and errors;
what a restart, a stop under load, and a wrong directory do."""

import csv
import http.client
import io
import json
import pathlib
import random
import re
import shutil
import signal
import subprocess
import time

import pytest
from harness import (
    PRESETS,
    cells_of,
    differences,
    ledger_of,
    metric_names,
    oracle,
    run_ok,
    shared,
    tidemark,
)
from service import JSON, NDJSON, Client, device_event, in_threads, now_iso

PROBLEM = "application/problem+json"
BODY_MAX = 8 << 20
A_DAY_AGO = now_iso(-86400)


@pytest.fixture
def device(make_service):
    """A service with the device preset, started."""
    return make_service(preset="device", settings=["log.embedded.partitions=3"]).start()


def check_problem(reply, status, *words):
    """RFC 9457: type, title, status, detail; and the words are in the detail."""
    assert reply.status == status, reply
    assert reply.headers["Content-Type"] == PROBLEM
    problem = reply.json
    assert problem["type"] == "about:blank" and problem["title"] and problem["status"] == status
    for word in words:
        assert word in problem["detail"], problem
    return problem


def check_answer(reply, accepted, rejected=()):
    """rejected: (index, reason, pointer) of each rejected event."""
    assert reply.status == 200, reply
    assert reply.headers["Content-Type"] == "application/json"
    answer = reply.json
    answer = answer.get("result", answer)
    errors = [(e["index"], e["reason"], e["pointer"]) for e in answer["errors"]]
    assert (answer["accepted"], errors) == (accepted, list(rejected)), answer
    assert answer["rejected"] == len(errors)
    assert all(e["detail"] for e in answer["errors"]), "a detail for people"
    assert sum(r["count"] for r in answer["receipt"]) == accepted + len(errors), answer
    return answer


# The main job


def envelopes_of(lines, size, message):
    for i in range(0, len(lines), size):
        events = ",".join(lines[i : i + size])
        head = f'{{"id":"api.sunbird.telemetry","ver":"3.0","ets":{time.time_ns() // 10**6},'
        yield (head + f'"params":{{"msgid":"{message}-{i}"}},"events":[{events}]}}').encode()


QUIET_USERS = 200  # enough that each partition has one
QUIET_AFTER_MS = 3 * 3_600_000


def with_an_end(events_file, output):
    """Hours later everybody is seen once more, and does nothing: the closing clocks of all
    partitions pass every timeout, so that no run of a funnel is open any more."""
    text = events_file.read_text(encoding="utf-8").rstrip("\n") + "\n"
    lines = text.split("\n")[:-1]
    at = QUIET_AFTER_MS + max(int(float(json.loads(line)["ets"])) for line in lines)
    for i in range(QUIET_USERS):
        event = {"eid": "LOG", "ets": at, "mid": f"quiet-{i}", "actor": {"id": f"quiet-{i}"}}
        text += json.dumps(event | {"syncts": at}) + "\n"
    output.write_text(text, encoding="utf-8")
    return output


def send_twice_and_compare(service, events_file, tmp_path, expected_processed):
    """Envelopes of 20, each sent again as it was, and again under another message id."""
    events_file = with_an_end(events_file, tmp_path / "with-an-end.ndjson")
    oracle(PRESETS / "sunbird.yaml", events_file, tmp_path / "expected")
    lines = events_file.read_text(encoding="utf-8").rstrip("\n").split("\n")
    client = service.client()
    first, again, other = (envelopes_of(lines, 20, name) for name in ("a", "a", "b"))
    for one, _, three in zip(first, again, other):
        answer = client.post_envelope(one)
        assert answer.status == 200, answer
        repeated = client.post_envelope(one, "/data/v3/telemetry")
        assert repeated.body == answer.body, "the same batch is answered as before"
        assert client.post_envelope(three).status == 200
    client.close()

    check_all_cells(service, "sunbird", tmp_path)
    verified = service.verify()
    for name in metric_names(PRESETS / "sunbird.yaml"):
        assert name in verified
    ledger = service.check_lake_against_ledger()
    assert ledger["processed"] == expected_processed + QUIET_USERS
    assert ledger["verdicts"] == 2 * len(lines)
    return ledger


def check_all_cells(service, preset, tmp_path):
    """Every metric by `query` is the oracle's; quantiles within the error that they state."""
    actual = service.query_all(tmp_path / "actual")
    cells = cells_of(actual)
    assert {cell["metric"] for cell in cells} == set(metric_names(PRESETS / f"{preset}.yaml"))
    assert all(cell["error"] == 0.01 for cell in cells if not cell["exact"])
    found = differences(tmp_path / "expected", actual, "--no-ledger")
    assert not found, found


def test_real_events_every_batch_twice(make_service, tmp_path):
    events = shared("data/sunbird-valid-500.ndjson")
    service = make_service(preset="sunbird", settings=["collect.trust_received=true"]).start()
    ledger = send_twice_and_compare(service, events, tmp_path, 500)
    assert (ledger["duplicate"], ledger["rejected"]) == (500 + QUIET_USERS, {})
    assert service.stop() == 0


def test_generated_events_every_batch_twice(make_service, tmp_path):
    """The same with our own events, some of them late, repeated and defective."""
    events = tmp_path / "events.ndjson"
    events.write_bytes(
        run_ok(
            "generate", "--preset", "sunbird", "--count", 2000, "--seed", 11, "--start", A_DAY_AGO,
            "--duplicate", 300, "--wrong-clock", 0, "--defective", 0, "--late", 500,
        ).stdout
    )  # fmt: skip
    distinct = len(set(events.read_bytes().splitlines()))
    assert distinct < 2000
    service = make_service(preset="sunbird", settings=["collect.trust_received=true"]).start()
    ledger = send_twice_and_compare(service, events, tmp_path, distinct)
    assert ledger["rejected"] == {}
    assert service.stop() == 0


def test_generated_device_events(make_service, tmp_path):
    """Events within the bounds of the clock, some of them late, repeated and defective."""
    events = tmp_path / "events.ndjson"
    events.write_bytes(
        run_ok(
            "generate", "--preset", "device", "--count", 3000, "--seed", 12, "--start", A_DAY_AGO,
            "--duplicate", 300, "--wrong-clock", 0, "--defective", 200, "--late", 500,
        ).stdout
    )  # fmt: skip
    oracle(PRESETS / "device.yaml", events, tmp_path / "expected")
    service = make_service(preset="device").start()
    lines = events.read_bytes().splitlines(keepends=True)
    for i in range(0, len(lines), 250):
        assert service.post_events(b"".join(lines[i : i + 250])).status == 200
    check_all_cells(service, "device", tmp_path)
    expected = ledger_of(tmp_path / "expected")
    ledger = service.check_lake_against_ledger()
    for key in ("processed", "duplicate", "rejected"):
        assert ledger[key] == expected[key], (key, ledger, expected)
    service.verify()
    assert service.stop() == 0


def test_generate_feeds_a_service(make_service):
    """Live: late, repeated, defective events and wrong clocks; the lake and the numbers agree."""
    for preset in ("sunbird", "device"):
        service = make_service(preset, preset=preset).start()
        run_ok(
            "generate", "--preset", preset, "--count", 3000, "--rate", 0, "--seed", 5, "--to",
            service.url,
            "--late", 500, "--duplicate", 300, "--defective", 300, "--wrong-clock", 300,
        )  # fmt: skip
        ledger = service.check_lake_against_ledger()
        assert ledger["verdicts"] >= 2900 and ledger["duplicate"] and ledger["rejected"]
        service.verify()
        assert service.stop() == 0


# Forms of a body


def test_ndjson_array_and_single_event(device):
    events = [device_event(i) for i in range(6)]
    client = device.client()
    check_answer(client.post_events(events[:2]), 2)
    reply = client.ask("POST", "/v1/events", json.dumps(events[2:4]), {"Content-Type": JSON})
    check_answer(reply, 2)
    reply = client.ask("POST", "/v1/events", json.dumps(events[4]), {"Content-Type": JSON})
    check_answer(reply, 1)
    last = json.dumps(events[5]).encode()  # no newline at the end, blank lines, CRLF
    check_answer(client.post_events(b"\n \r\n" + last + b"\r\n\t"), 1)
    check_answer(client.post_events(b""), 0)
    check_answer(client.post_events(b"\n\n"), 0)
    check_answer(client.ask("POST", "/v1/events", "[]", {"Content-Type": JSON}), 0)
    assert device.ledger()["processed"] == 6


def test_content_types(device):
    body = json.dumps(device_event(1))
    client = device.client()
    for kind in (
        NDJSON,
        "application/ndjson",
        "application/jsonl",
        JSON,
        "Application/JSON; charset=utf-8",
    ):
        assert client.ask("POST", "/v1/events", body, {"Content-Type": kind}).status == 200, kind
    for kind in ("text/plain", "application/xml", "application/jsonx", "multipart/form-data"):
        check_problem(device.ask("POST", "/v1/events", body, {"Content-Type": kind}), 415)
    check_problem(device.ask("POST", "/v1/events", body), 415)
    packed = {"Content-Type": JSON, "Content-Encoding": "br"}
    check_problem(device.ask("POST", "/v1/events", body, packed), 415)
    assert device.ledger()["verdicts"] == 5, "a 415 appends nothing"


def test_verdicts_by_index_reason_and_pointer(device):
    good = device_event(1)
    far = device_event(2) | {"timestamp": "2098-01-01T00:00:00Z"}
    old = device_event(3) | {"timestamp": "2001-01-01T00:00:00Z"}
    no_id = {k: v for k, v in device_event(4).items() if k != "device_id"}
    body = b"\n".join(
        [
            json.dumps(good).encode(),
            b"[" + json.dumps(device_event(5)).encode() + b"]",  # an array line is no event
            b"{broken",
            b'{"a":"\xff"}',
            b'{"a":"\\ud800"}',
            json.dumps(far).encode(),
            json.dumps(old).encode(),
            json.dumps(no_id).encode(),
            json.dumps(device_event(6) | {"device_id": 7}).encode(),
            json.dumps(device_event(7) | {"timestamp": "yesterday"}).encode(),
            b'{"event_id":"x","event_id":"y"}',
            b"[" * 65 + b"]" * 65,
            b'"' + b"a" * (1 << 20) + b'"',
            b"null",
            json.dumps(device_event(8)).encode(),
        ]
    )
    rejected = [
        (1, "not_an_object", ""), (2, "json_invalid", ""), (3, "utf8_invalid", ""), (4,
        "utf8_invalid", ""),
        (5, "clock_ahead", ""), (6, "too_old", ""), (7, "missing", "/device_id"), (8, "type",
        "/device_id"),
        (9, "time_invalid", "/timestamp"), (10, "duplicate_key", "/event_id"), (11, "too_deep", ""),
        (12, "too_large", ""), (13, "not_an_object", ""),
    ]  # fmt: skip
    reply = device.post_events(body)
    got = [(e["index"], e["reason"], e["pointer"]) for e in reply.json["errors"]]
    # Of the bounds of time the pointer may name the column; only reason and index are fixed.
    bounds = {5, 6}
    strip = lambda rows: [(i, r, "" if i in bounds else p) for i, r, p in rows]  # noqa: E731
    assert strip(got) == rejected
    check_answer(reply, 2, got)
    ledger = device.check_lake_against_ledger()
    counts = {}
    for _, reason, _ in rejected:
        counts[reason] = counts.get(reason, 0) + 1
    assert (ledger["processed"], ledger["rejected"]) == (2, counts)
    rows = device.lake_rows("rejected", "reason, detail, octet_length(bytes)")
    assert sorted(r[0] for r in rows) == sorted(r for _, r, _ in rejected)
    assert all(detail for _, detail, _ in rows)
    assert dict((r, n) for r, _, n in rows)["too_large"] == 64 << 10, "the first 64 KiB are kept"


def test_all_rejected_is_still_200(device):
    reply = device.ask("POST", "/v1/events", '[1,"x",null]', {"Content-Type": JSON})
    check_answer(reply, 0, [(i, "not_an_object", "") for i in range(3)])


@pytest.mark.parametrize(
    "body", [b'[{"a":1}', b"[1,]", b"", b"{", b"[\xff]", b'[{"a":1}] x', b"[" * 80]
)
def test_a_body_that_cannot_be_split_is_one_rejected_record(device, body):
    problem = check_problem(device.ask("POST", "/v1/events", body, {"Content-Type": JSON}), 400)
    assert (
        problem["reason"] in ("json_invalid", "utf8_invalid", "too_deep")
        and problem["pointer"] == ""
    )
    ledger = device.check_lake_against_ledger()
    assert (ledger["verdicts"], ledger["rejected"]) == (1, {problem["reason"]: 1})


def test_sunbird_form(make_service):
    service = make_service(preset="sunbird").start()
    event = {"eid": "START", "ets": time.time_ns() // 10**6, "mid": "m1", "actor": {"id": "u1"}}
    for path in ("/v1/telemetry", "/data/v3/telemetry"):
        envelope = {"id": "x", "ets": event["ets"], "params": {"msgid": f"id of {path}"}}
        client = service.client()
        reply = client.post_envelope(envelope | {"events": [event, {"eid": "END"}, [event]]}, path)
        check_answer(reply, 1, [(1, "missing", "/ets"), (2, "not_an_object", "")])
        answer = reply.json
        assert (
            answer["id"] == "api.sunbird.telemetry"
            and answer["ver"]
            and answer["responseCode"] == "SUCCESS"
        )
        assert abs(answer["ets"] - time.time() * 1000) < 60_000
        assert answer["params"]["msgid"] == f"id of {path}" and answer["params"]["resmsgid"]
        assert answer["params"]["status"] == "successful" and answer["params"]["err"] is None
        check_answer(client.post_envelope(envelope | {"events": []}, path), 0)
        check_answer(client.post_envelope(event, path), 1)  # one event is taken too
        problem = check_problem(client.post_envelope(b'{"events":[{]}', path), 400)
        assert problem["reason"] == "json_invalid"
        assert client.ask("POST", path, json.dumps(envelope | {"events": []})).status == 200
        check_problem(client.ask("POST", path, "{}", {"Content-Type": NDJSON}), 415)
        client.close()
    ledger = service.check_lake_against_ledger()
    assert (ledger["processed"], ledger["duplicate"], ledger["verdicts"]) == (1, 3, 10)


def test_repeated_batches(device):
    """Same key and body: answered as before, not appended. Same key, other body: another batch."""
    client, key = device.client(), {"Idempotency-Key": "k1"}
    events = [device_event(i) for i in range(5)]
    first = client.post_events(events, key)
    assert client.post_events(events, key).body == first.body
    assert device.ledger()["verdicts"] == 5
    check_answer(client.post_events(events[:2], key), 2)
    check_answer(client.post_events(events, {"Idempotency-Key": "k2"}), 5)
    check_answer(client.post_events(events), 5)
    ledger = device.ledger()
    assert (ledger["verdicts"], ledger["processed"], ledger["duplicate"]) == (17, 5, 12)


# Limits and errors


def test_length_is_required(device):
    head = b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\r\n"
    assert device.raw(head).startswith(b"HTTP/1.1 411 ")
    assert device.ledger()["verdicts"] == 0


def test_chunked_bodies(device):
    body = json.dumps(device_event(1)).encode()
    headers = {"Content-Type": JSON, "Transfer-Encoding": "chunked"}
    connection = http.client.HTTPConnection("127.0.0.1", device.port, timeout=60)
    connection.request(
        "POST", "/v1/events", iter([body[:9], body[9:]]), headers, encode_chunked=True
    )
    assert connection.getresponse().status == 200
    connection.close()
    connection = http.client.HTTPConnection("127.0.0.1", device.port, timeout=60)
    piece = b" " * 65536
    try:
        connection.request(
            "POST", "/v1/events", (piece for _ in range(200)), headers, encode_chunked=True
        )
    except (BrokenPipeError, ConnectionResetError):
        pass  # it need not read on
    else:
        assert connection.getresponse().status == 413
    connection.close()
    assert device.ledger()["verdicts"] == 1, "a 413 appends nothing"


def test_eight_mebibytes(device):
    """Exactly 8 MiB is taken, one byte more is 413 before it is read."""
    line = json.dumps(device_event(1)).encode()
    body = line + b"\n" * (BODY_MAX - len(line))
    check_answer(device.post_events(body), 1)
    head = f"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: {NDJSON}\r\nContent-Length: "
    reply = device.raw((head + f"{BODY_MAX + 1}\r\n\r\n").encode())
    assert reply.startswith(b"HTTP/1.1 413 ") and PROBLEM.encode() in reply
    assert device.ledger()["verdicts"] == 1


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n{}",
        b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
        b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: +2\r\n\r\n{}",
        b"POST /v1/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"GET /health HTTP/1.1\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nX-A: a\x01b\r\n\r\n",
    ],
)
def test_the_strict_gate(device, request_bytes):
    """400, and the connection is closed: what follows on it cannot be trusted."""
    reply = device.raw(request_bytes + b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert reply.startswith(b"HTTP/1.1 400 "), reply
    assert reply.count(b"HTTP/1.1 200") == 0, "a second request was answered"
    assert device.ledger()["verdicts"] == 0


def test_unknown_paths_and_methods(device):
    check_problem(device.get("/api/v1/metricz"), 404)
    check_problem(device.get("/nothing"), 404)
    check_problem(device.get("/api/v1/metrics/crashs"), 404, "crashs", "crashes")
    reply = device.ask("POST", "/health")
    check_problem(reply, 405)
    assert "GET" in reply.headers["Allow"]
    reply = device.get("/v1/events")
    check_problem(reply, 405)
    assert "POST" in reply.headers["Allow"]
    done = tidemark("query", "crashs", "--server", device.url)
    assert done.returncode == 5 and b"crashes" in done.stderr


def test_budgets_are_told_at_the_start(device):
    told = "\n".join(line for line in device.log_tail().splitlines() if " budgets: " in line)
    for name in ("bodies", "waiting for the log", "handed to workers", "rows for the lake", "live"):
        assert re.search(name + r"[^;]* \d+(\.\d)? MiB", told), (name, told)


def test_threads_have_names(device):
    tasks = pathlib.Path(f"/proc/{device.process.pid}/task").glob("*/comm")
    names = {name.read_text().strip() for name in tasks}
    assert {"log-commit", "worker-0", "checkpoint", "api", "live", "http-watch"} <= names, names


def test_head(device):
    for path in ("/health", "/api/v1/metrics", "/metrics"):
        head, get = device.ask("HEAD", path), device.get(path)
        assert (head.status, head.body) == (200, b"") and get.body
        assert head.headers["Content-Type"] == get.headers["Content-Type"]


# Questions


def test_every_endpoint(device):
    device.post_events([device_event(i, device=i % 3) for i in range(10)])
    device.barrier()
    assert device.get("/health").status == 200
    assert device.get("/ready").status == 200
    listed = [m["name"] for m in device.get_json("/api/v1/metrics")["metrics"]]
    assert listed == metric_names(PRESETS / "device.yaml")
    assert "schema:" in json.dumps(device.get_json("/api/v1/definitions"))
    as_json = device.get_json("/api/v1/metrics/daily_active_devices")
    reply = device.get("/api/v1/metrics/daily_active_devices?format=ndjson")
    rows = [json.loads(line) for line in reply.body.splitlines()]
    assert [row["value"] for row in rows] == [3] and '"value": 3' in json.dumps(as_json)
    assert device.ledger()["processed"] == 10
    out = run_ok("query", "daily_events", "--format", "csv", "--server", device.url).stdout.decode()
    assert ",app_open,10," in out.splitlines()[1]


def test_from_to_and_filter(device):
    now = int(time.time())
    events = []
    for day in range(3):
        for region in ("eu-west", "us-east"):
            stamp = time.strftime("%Y-%m-%dT12:00:00Z", time.gmtime(now - 86400 * (day + 1)))
            events.append(device_event(len(events)) | {"timestamp": stamp, "region": region})
    check_answer(device.post_events(events), 6)
    device.barrier()
    day = lambda n: time.strftime("%Y-%m-%d", time.gmtime(now - 86400 * n))  # noqa: E731
    cells = lambda **p: sorted(
        (start[:10], region) for start, region in device.cells("regional_events", **p)
    )  # noqa: E731
    assert len(cells()) == 6
    assert cells(**{"from": day(2)}) == sorted(
        (day(n), r) for n in (1, 2) for r in ("eu-west", "us-east")
    )
    assert {d for d, _ in cells(**{"from": day(3), "to": day(2)})} == {day(3)}
    assert {
        d for d, _ in cells(**{"from": day(2) + "T00:00:00Z", "to": day(1) + "T00:00:00.000Z"})
    } == {day(2)}
    assert {r for _, r in cells(filter='region == "us-east"')} == {"us-east"}
    assert cells(filter='region in ["x"] or region is null') == []
    for bad in (
        "filter=region+%3D",
        "filter=os+%3D%3D+%22x%22",
        "filter=nothing",
        "from=soon",
        "to=1",
        "format=xml",
    ):
        check_problem(device.get("/api/v1/metrics/regional_events?" + bad), 400)
    check_query_of_one_region(device, day(1), day(0))


def check_query_of_one_region(device, start, end):
    """--where is an older word for --filter. A question that one of the metrics has no answer to is
    told before anything is printed."""
    words = ["query", "regional_events", "--server", device.url, "--from", start]
    for option in ("--filter", "--where"):
        text = run_ok(*words, "--format", "csv", option, 'region == "us-east"').stdout.decode()
        (row,) = csv.DictReader(io.StringIO(text))
        head = {"metric": "regional_events", "start": f"{start}T00:00:00Z", "end": f"{end}T00:00:00Z"}
        assert row.items() >= (head | {"region": "us-east", "value": "1"}).items()
        assert len(row["definition"]) == 32
    table = run_ok(*words, "--format", "table").stdout.decode().splitlines()
    assert table[0].split()[:6] == ["metric", "start", "end", "region", "value", "definition"]
    assert table[1].split()[5] == row["definition"][:8]
    done = tidemark(*words, "daily_active_devices", "--filter", 'region == "us-east"')
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"'region' is not a group of metric 'daily_active_devices'" in done.stderr
    done = tidemark(*words, "daily_active_devicess")
    assert (done.returncode, done.stdout) == (5, b"")
    assert b"did you mean 'daily_active_devices'?" in done.stderr


def test_prometheus_text(device):
    device.post_events(b'{"a":1}\n[]\n' + json.dumps(device_event(1)).encode())
    device.get("/nowhere")
    device.barrier()
    reply = device.get("/metrics")
    assert reply.status == 200 and reply.headers["Content-Type"].startswith(
        "text/plain; version=0.0.4"
    )
    assert b'reason="missing"' in reply.body
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    done = subprocess.run([promtool, "check", "metrics"], input=reply.body, capture_output=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, b""), done


# Life


def test_what_is_posted_is_decoded_once(make_service):
    """The collector's columns reach the worker with every event, and the numbers are those that a
    worker gets that decodes again."""
    lines = run_ok(
        "generate", "--preset", "device", "--count", 5000, "--seed", 14, "--start", A_DAY_AGO,
        "--duplicate", 100, "--defective", 200, "--late", 300,
    ).stdout.splitlines(True)  # fmt: skip
    told = []
    for handover in ("16MiB", "0"):
        service = make_service(preset="device", settings=[f"process.handover={handover}"]).start()
        for at in range(0, len(lines), 100):
            assert service.post_events(b"".join(lines[at : at + 100])).status == 200
        service.settle()
        text = service.get("/metrics").body.decode()
        rows = dict(re.findall(r'^tidemark_rows_total\{way="(\w+)"\} (\d+)$', text, re.M))
        ledger = service.get_json("/api/v1/ledger")["ledger"]
        assert ledger["verdicts"] == len(lines)
        if handover == "0":
            assert rows["restored"] == "0"
        else:  # but for escapes, values of a wrong type, and what was rejected
            assert int(rows["restored"]) > 0.9 * len(lines)
        assert int(rows["restored"]) + int(rows["decoded"]) == len(lines)
        names = [metric["name"] for metric in service.get_json("/api/v1/metrics")["metrics"]]
        cells = [service.get(f"/api/v1/metrics/{name}?format=ndjson").body for name in names]
        counts = {k: v for k, v in ledger.items() if not k.startswith("uids_")}
        told.append((counts, cells))  # identities are of a pipeline
        assert service.stop() == 0
    assert told[0] == told[1]


def test_prometheus_sees_no_counter_go_back(make_service):
    """What is counted from the log is not told while a start replays it: Prometheus would take a
    smaller value for a restart at 0, and the replay for new events."""

    def told():
        text = service.get("/metrics").body.decode()
        processed = re.search(r'^tidemark_verdicts_total\{outcome="processed"\} (\d+)$', text, re.M)
        return int(processed[1]) if processed else None

    service = make_service(preset="device").start()
    words = ["generate", "--preset", "device", "--count", "100000", "--start", A_DAY_AGO]
    lines = run_ok(*words).stdout.splitlines(True)
    for at in range(0, len(lines), 10000):
        assert service.post_events(b"".join(lines[at : at + 10000])).status == 200
    service.settle()
    assert (before := told()) > 90000
    service.kill()
    service.start()
    seen = []
    while not seen or seen[-1] is None:
        seen.append(told())
    assert seen[-1] == before and set(seen) <= {None, before}


def without_clock(file):
    """The cells, but for what changes by time alone."""
    return [{k: v for k, v in cell.items() if k != "complete"} for cell in cells_of(file)]


def test_a_restart_keeps_every_number(make_service, tmp_path):
    service = make_service(preset="device", settings=["process.checkpoint=100ms"]).start()
    for part in range(5):
        service.post_events(
            [device_event(100 * part + i, device=i) for i in range(50)] + [{"bad": part}]
        )
    before = (
        without_clock(service.query_all(tmp_path / "before")),
        service.ledger(),
        service.lake_counts(),
    )
    assert service.stop() == 0
    service.start()
    after = (
        without_clock(service.query_all(tmp_path / "after")),
        service.ledger(),
        service.lake_counts(),
    )
    assert after == before
    service.post_events([device_event(i, device=i) for i in range(50)])  # other bytes: a new time
    service.verify()
    assert service.check_lake_against_ledger()["processed"] == 300
    assert service.stop(signal.SIGINT) == 0


def test_verify_while_it_recovers(make_service, tmp_path):
    """Asked at once after a start, while the log is replayed, verify must not call half the numbers
    different: it waits, or says that it is too early (75)."""
    service = make_service(preset="device", settings=["log.embedded.partitions=2"]).start()
    run_ok("generate", "--preset", "device", "--count", 150_000, "--rate", 0, "--to", service.url)
    service.verify()
    before = service.ledger()
    assert service.stop() == 0
    service.start()
    codes = set()
    for _ in range(5):
        done = tidemark("verify", "--server", service.url)
        codes.add(done.returncode)
        assert done.returncode in (0, 75), done.stdout.decode()[-2000:]
    service.verify()
    assert service.ledger() == before


def test_an_idle_service_writes_nothing(make_service):
    service = make_service(preset="device", settings=["process.checkpoint=10ms"]).start()
    service.post_events([device_event(i) for i in range(5)])
    service.check_lake_against_ledger()
    tree = lambda: sorted((p,
    p.stat().st_size) for p in (service.place / "lake").rglob("*"))  # noqa: E731
    before = tree()
    for _ in range(20):
        service.barrier()
    assert tree() == before


def test_stop_under_load_loses_nothing_acknowledged(make_service):
    """SIGTERM while clients post: 200 or 503 or a closed connection, exit 0; then all is there."""
    service = make_service(preset="device").start()
    acknowledged, refused = [set() for _ in range(4)], []

    def post(i):
        client, number = Client(service.port), 0
        while True:
            events = [device_event(f"{i}-{number + k}", device=number % 40) for k in range(10)]
            number += 10
            try:
                reply = client.post_events(events)
            except (OSError, http.client.HTTPException):
                return
            if reply.status == 200:
                acknowledged[i].update(e["event_id"] for e in events)
            else:
                check_problem(reply, 503)
                assert int(reply.headers["Retry-After"]) > 0
                refused.append(i)
                return

    threads, errors = in_threads(4, post)
    while sum(map(len, acknowledged)) < 2000:
        assert not errors, errors
        time.sleep(0.002)
    assert service.stop() == 0
    for thread in threads:
        thread.join(timeout=60)
    assert not errors, errors
    wanted = set().union(*acknowledged)
    in_lake = [row[0] for row in service.lake_rows("events", "event_id")]
    assert len(set(in_lake)) == len(in_lake)
    assert wanted <= set(in_lake), "a graceful stop empties the log into the lake"
    service.start()
    service.verify()
    assert service.check_lake_against_ledger()["processed"] == len(in_lake)


def test_many_clients_at_once(device):
    """More connections than threads, kept alive; every answer belongs to its request."""
    r = random.Random(1)
    sizes = [[r.randrange(0, 40) for _ in range(10)] for _ in range(24)]

    def post(i):
        client, number = Client(device.port), 0
        for size in sizes[i]:
            events = [device_event(f"{i}-{number + k}", device=i) for k in range(size)]
            number += size
            check_answer(client.post_events(events), size)
        client.close()

    threads, errors = in_threads(len(sizes), post)
    for thread in threads:
        thread.join(timeout=120)
    assert not errors, errors
    assert device.check_lake_against_ledger()["processed"] == sum(map(sum, sizes))


# Who a pipeline is


def refused(service, *words):
    """It does not start: an exit that is not 0, an explanation, and nothing is listened on."""
    service.launch()
    code = service.exited()
    text = service.log_of_this_start().decode()
    assert code != 0 and "listening" not in text, text
    for word in words:
        assert word in text, text
    return code


def test_a_pipeline_is_not_started_as_another_one(make_service, tmp_path):
    file = tmp_path / "own.yaml"
    text = (PRESETS / "device.yaml").read_text(encoding="utf-8")
    file.write_text(text, encoding="utf-8")
    service = make_service(file=file, settings=["log.embedded.partitions=3"]).start()
    service.post_events([device_event(i) for i in range(9)])
    ledger = service.ledger()
    assert service.stop() == 0

    service.settings = ["log.embedded.partitions=4"]
    assert refused(service, "3", "4", "partitions") == 3
    service.settings = ["log.embedded.partitions=3", "collect.trust_received=true"]
    assert refused(service, "schema") == 3
    service.settings = ["log.embedded.partitions=3"]
    file.write_text(text.replace("max_ahead: 5m", "max_ahead: 6m"))
    assert refused(service, "schema") == 3
    file.write_text(text.replace("{path: os}", "{path: system}"))
    assert refused(service, "schema") == 3

    file.write_text(
        text.replace("metrics:\n", "metrics:\n  new_one: {count: events, every: 1d}\n", 1)
    )
    service.start()  # metrics may change freely; a new one is computed from the log
    assert service.ledger() == ledger
    assert sum(service.cells("new_one").values()) == 9
    assert service.stop() == 0


def test_a_lost_identity_is_not_made_anew(make_service):
    service = make_service(preset="device").start()
    service.post_events([device_event(i) for i in range(9)])
    service.barrier()
    assert service.stop() == 0
    place, aside = service.place, service.folder / "aside"
    aside.mkdir()
    (identity,) = [p for p in (place / "data").iterdir() if p.is_file() and "identity" in p.name]
    identity.rename(aside / "identity")
    refused(service, "identity")
    (aside / "identity").rename(identity)

    (place / "lake/_tidemark/identity").rename(aside / "of the lake")
    refused(service, "identity")
    (aside / "of the lake").rename(place / "lake/_tidemark/identity")

    (place / "data").rename(aside / "data")  # another, empty data directory
    refused(service, "lake")
    shutil.rmtree(place / "data", ignore_errors=True)
    (aside / "data").rename(place / "data")
    service.start()
    assert service.check_lake_against_ledger()["processed"] == 9


def test_a_lost_lake_is_written_again_from_the_log(make_service):
    """The log holds everything from its start: a lake that is gone comes back as it was."""
    service = make_service(preset="device").start()
    service.post_events([device_event(i) for i in range(9)] + [{"bad": 1}])
    before = service.check_lake_against_ledger()
    assert service.stop() == 0
    shutil.rmtree(service.place / "lake")
    service.start()
    assert service.check_lake_against_ledger() == before
    service.verify()
    assert service.stop() == 0


def test_one_process_for_a_data_directory(make_service):
    first = make_service("first", preset="device").start()
    second = make_service("second", preset="device")
    second.place = first.place
    refused(second)
    first.post_events([device_event(1)])
    assert first.check_lake_against_ledger()["processed"] == 1
    first.kill()  # the lock goes with the process
    second.start()
    assert second.check_lake_against_ledger()["processed"] == 1


def test_a_taken_port_is_refused(make_service):
    first = make_service("first", preset="device").start()
    second = make_service(
        "second", preset="device", arguments=["--listen", f"127.0.0.1:{first.port}"]
    )
    refused(second, str(first.port))
