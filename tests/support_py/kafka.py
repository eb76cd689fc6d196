"""Real Kafka for tests: brokers on this machine, and clients that are not ours.

The brokers are started by tests/stack/servers/kafka.sh from jars that tools/setup fetched; each may
be killed and started again. Producers and consumers are confluent-kafka's and kcat.
"""

import contextlib
import json
import os
import pathlib
import subprocess
import time
import uuid

from harness import ROOT, run_ok

SCRIPT = ROOT / "tests/stack/servers/kafka.sh"
STACK = pathlib.Path(os.environ.get("STACK", ROOT / ".deps/stack"))
WAIT_S = 60


class Kafka:
    """brokers 1: one node that is both; more: a controller of its own, and any broker may die."""

    def __init__(self, brokers=1):
        self.broker_count = brokers

    def script(self, *words, check=True, timeout=180):
        done = subprocess.run(
            ["bash", SCRIPT, *map(str, words)],
            env=dict(os.environ, STACK=str(STACK)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
        )
        assert not check or done.returncode == 0, done.stdout[-4000:]
        return done.stdout

    def up(self):
        self.script("down", check=False)
        self.script("up", self.broker_count)
        return self

    def down(self):
        self.script("down", check=False)

    @property
    def brokers(self):
        return ",".join(f"127.0.0.1:{9092 + 10 * i}" for i in range(self.broker_count))

    # Topics

    def admin(self):
        from confluent_kafka.admin import AdminClient

        return AdminClient({"bootstrap.servers": self.brokers})

    def topic(self, partitions=6, replication=1, in_sync=1, name=None):
        """A topic of its own for each test; its name."""
        from confluent_kafka.admin import NewTopic

        name = name or f"t-{uuid.uuid4().hex[:12]}"
        wanted = NewTopic(
            name,
            num_partitions=partitions,
            replication_factor=replication,
            config={"min.insync.replicas": str(in_sync)},
        )
        admin = self.admin()  # which must live until the answer
        admin.create_topics([wanted])[name].result(WAIT_S)
        return name

    def delete(self, name):
        admin = self.admin()
        admin.delete_topics([name])[name].result(WAIT_S)

    def has(self, name):
        return name in self.admin().list_topics(timeout=WAIT_S).topics

    def tool(self, name, *words):
        return self.script("tool", f"org.apache.kafka.tools.{name}", *words)

    def pid(self, node):
        return int((STACK / f"kafka/n{node}.pid").read_text())

    def kill(self, node):
        self.script("kill9", node)

    def start(self, node):
        self.script("start", node)

    # Clients

    def producer(self, **settings):
        from confluent_kafka import Producer

        return Producer({"bootstrap.servers": self.brokers, "acks": "all"} | settings)

    def produce(self, topic, messages, **settings):
        """messages: (key, value) as bytes, None or text. The partition of each, as it was chosen."""
        producer = self.producer(**settings)
        partitions = {}

        def delivered(error, message, index):
            assert error is None, error
            partitions[index] = message.partition()

        for i, (key, value) in enumerate(messages):
            while True:
                try:
                    producer.produce(
                        topic,
                        value,
                        key,
                        on_delivery=lambda error, message, i=i: delivered(error, message, i),
                    )
                    break
                except BufferError:
                    producer.poll(0.1)
        assert producer.flush(WAIT_S) == 0
        return [partitions[i] for i in range(len(messages))]

    def messages(self, topic, count=None):
        """All messages that are there now (or the first count), as a consumer of its own sees them."""
        from confluent_kafka import Consumer, TopicPartition

        consumer = Consumer(
            {
                "bootstrap.servers": self.brokers,
                "group.id": uuid.uuid4().hex,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
            }
        )
        with contextlib.closing(consumer):
            known = consumer.list_topics(topic, timeout=WAIT_S).topics[topic]
            places = [TopicPartition(topic, p, 0) for p in known.partitions]
            ends = {}
            for place in places:
                low, high = consumer.get_watermark_offsets(place, timeout=WAIT_S)
                place.offset = low
                if high > low:
                    ends[place.partition] = high
            consumer.assign(places)
            found = []
            deadline = time.monotonic() + WAIT_S
            while ends and (count is None or len(found) < count):
                assert time.monotonic() < deadline, f"{len(found)} messages, more wanted: {ends}"
                for message in consumer.consume(1000, 0.5):
                    assert message.error() is None, message.error()
                    found.append(message)
                    if message.offset() + 1 >= ends.get(message.partition(), 1 << 60):
                        ends.pop(message.partition())
            return found

    def latest(self, topic):
        """What a compacted topic means: the last value of each key, as JSON."""
        return {m.key().decode(): json.loads(m.value()) for m in self.messages(topic)}

    def committed(self, group, topic):
        """The group's offsets, by partition."""
        from confluent_kafka import Consumer, TopicPartition

        consumer = Consumer({"bootstrap.servers": self.brokers, "group.id": group})
        with contextlib.closing(consumer):
            known = consumer.list_topics(topic, timeout=WAIT_S).topics[topic]
            places = [TopicPartition(topic, p) for p in known.partitions]
            return {p.partition: p.offset for p in consumer.committed(places, timeout=WAIT_S)}

    def kcat(self, topic, form="%s\\n"):
        done = subprocess.run(
            ["kcat", "-b", self.brokers, "-t", topic, "-C", "-o", "beginning", "-e", "-q", "-f", form],
            capture_output=True,
            timeout=WAIT_S,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def codecs(self, topic):
        """How the batches on the broker's disk are compressed: {codec: batches}."""
        counts = {}
        for log in (STACK / "kafka/data/1").glob(f"{topic}-*/0*.log"):
            text = self.tool("DumpLogSegments", "--print-data-log", "--files", log)
            for word in text.split("compresscodec: ")[1:]:
                codec = word.split()[0].lower()
                counts[codec] = counts.get(codec, 0) + 1
        return counts


# Events for topics


ENTITY = {"sunbird": lambda e: e["actor"]["id"], "device": lambda e: e["device_id"]}


def a_day_ago():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 86400))


def generated(preset, count, seed, **rates):
    options = {"--duplicate": 300, "--wrong-clock": 0, "--defective": 200, "--late": 500} | rates
    words = [str(word) for pair in options.items() for word in pair]
    lines = run_ok(
        "generate", "--preset", preset, "--count", count, "--seed", seed, "--start", a_day_ago(),
        *words,
    ).stdout.splitlines(keepends=True)  # fmt: skip
    return lines + (an_end() if preset == "sunbird" else [])


QUIET_USERS = 200  # enough that each partition has one


def an_end():
    """Hours later everybody is seen once more, and does nothing: the closing clocks of all
    partitions pass every timeout, so that no run of a funnel is open any more."""
    at = int((time.time() - 3600) * 1000)
    events = (
        {"eid": "LOG", "ets": at, "mid": f"quiet-{i}", "actor": {"id": f"quiet-{i}"}}
        for i in range(QUIET_USERS)
    )
    return [json.dumps(event).encode() + b"\n" for event in events]


def log_settings(kafka, topics, *more):
    return [f"log.kafka.brokers={kafka.brokers}", f"log.kafka.topics={topics}", *more]


def keyed(preset, lines):
    """What a producer in another language would send: the entity as key, garbage without one."""
    for line in lines:
        try:
            key = ENTITY[preset](json.loads(line))
        except (ValueError, KeyError, TypeError):
            key = None
        yield (key if isinstance(key, str) else None), line.rstrip(b"\n")


# What is published


def key_members(cell):
    """Those that say which cell it is: equal for all its revisions."""
    return {k: cell[k] for k in ("metric", "start", "end", "group", "cohort") if k in cell}


def key_of(cell):
    return json.dumps(key_members(cell), sort_keys=True)
