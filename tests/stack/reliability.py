#!/usr/bin/env python3
"""What happens when a server dies under load: make reliability [SCENARIO...].

Real brokers, a real HDFS, a real Spark cluster, each killed with SIGKILL in the middle of a load. Every event has an id of its own; a
sender that gets no 200 sends the same body again, as SDKs do. Afterwards the lake is read by another program than ours: lost are
acknowledged events that are not there, doubled those that are there twice. Prints a row for each scenario and writes the table of
docs/reliability.md.
"""
import contextlib
import http.client
import json
import pathlib
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/support_py"))

import hdfs as hdfs_support  # noqa: E402
from harness import DATA, run_ok  # noqa: E402
from kafka import Kafka  # noqa: E402
from service import Service, device_event  # noqa: E402

PAGE = ROOT / "docs/reliability.md"
BEGIN, END = "<!-- measured -->\n", "<!-- end -->\n"
BODY = 50
BEFORE_S, AWAY_S, AFTER_S = 6, 12, 6


class Sender(threading.Thread):
    """Bodies of BODY events at a rate, each until it is acknowledged, on a connection of its own."""

    def __init__(self, service, per_s=1000):
        super().__init__(daemon=True)
        self.service, self.pause_s = service, BODY / per_s
        self.acknowledged = 0
        self.times = []  # of acknowledgements
        self.again = 0
        self.stopping = threading.Event()

    def run(self):
        due = time.monotonic()
        while not self.stopping.is_set():
            first = self.acknowledged
            events = [device_event(first + i, device=(first + i) % 500) for i in range(BODY)]
            body = "".join(json.dumps(event) + "\n" for event in events).encode()
            while not self.post(body):
                self.again += 1
                if self.stopping.wait(0.1):
                    return
            self.times.append(time.monotonic())
            self.acknowledged += BODY
            due = max(due + self.pause_s, time.monotonic() - 1)
            self.stopping.wait(max(0, due - time.monotonic()))

    def post(self, body):
        try:
            with contextlib.closing(self.service.client()) as client:
                return client.post_events(body).status == 200
        except (OSError, http.client.HTTPException, TypeError):  # it is dead, or has no port yet
            return False

    def finish(self):
        """After the last body under way."""
        self.stopping.set()
        self.join(120)
        assert not self.is_alive()

    def longest_gap(self):
        return max(b - a for a, b in zip(self.times, self.times[1:]))


def recovered_after(times, moment):
    """From the harm to the end of the longest silence after it."""
    after = [t for t in times if t > moment]
    gaps = zip([moment, *after], after)
    return max(gaps, key=lambda gap: gap[1] - gap[0])[1] - moment


def count(service, sender):
    """(events, lost, doubled) as DuckDB reads the lake."""
    service.barrier()
    ids = [row[0] for row in service.lake_rows("events", "event_id")]
    wanted = {f"e{i}" for i in range(sender.acknowledged)}
    return len(wanted), len(wanted - set(ids)), len(ids) - len(set(ids))


def under_load(service, harm):
    """Runs harm in the middle; it returns the moment of the harm."""
    sender = Sender(service)
    sender.start()
    time.sleep(BEFORE_S)  # a load, before
    moment = harm()
    time.sleep(AFTER_S)  # and after
    sender.finish()
    events, lost, doubled = count(service, sender)
    service.verify()
    return {
        "events": events,
        "lost": lost,
        "doubled": doubled,
        "recovered_s": recovered_after(sender.times, moment),
        "gap_s": sender.longest_gap(),
        "sent_again": sender.again,
    }


def a_broker_dies(brokers, replication, in_sync):
    def scenario(folder):
        kafka = Kafka(brokers)
        kafka.up()
        try:
            topic = kafka.topic(replication=replication, in_sync=in_sync)
            service = Service(
                folder,
                preset="device",
                settings=[f"log.kafka.brokers={kafka.brokers}", f"log.kafka.topics={topic}"],
            ).start()

            def harm():
                moment = time.monotonic()
                kafka.kill(1)
                time.sleep(AWAY_S)
                kafka.start(1)
                return moment

            figures = under_load(service, harm)
            assert service.stop() == 0
            return figures
        finally:
            kafka.down()

    return scenario


def tidemark_dies(with_kafka):
    def scenario(folder):
        with contextlib.ExitStack() as cleanup:
            settings = []
            if with_kafka:
                kafka = Kafka(1)
                kafka.up()
                cleanup.callback(kafka.down)
                settings = [f"log.kafka.brokers={kafka.brokers}", f"log.kafka.topics={kafka.topic()}"]
            service = Service(folder, preset="device", settings=settings).start()

            def harm():
                moment = time.monotonic()
                service.kill()
                service.start()
                return moment

            figures = under_load(service, harm)
            assert service.stop() == 0
            return figures

    return scenario


def of_hdfs(name):
    def scenario(folder):
        cluster = hdfs_support.Hdfs()
        try:
            cluster.up()
            path = f"/reliability-{name}"
            service = Service(
                folder, preset="device", settings=[f"lake.url={hdfs_support.lake_url(path)}"]
            ).start()
            found = getattr(hdfs_support, name)(cluster, service, path, folder / "copy")
            assert service.stop() == 0
        finally:
            cluster.down()
        return {
            "events": found["events"],
            "lost": found["lost"],
            "doubled": found["doubled"],
            "recovered_s": found["recovered_s"],
            "gap_s": found["slowest_acknowledgement_s"],
            "sent_again": found["refused"],
        }

    return scenario


def a_spark_worker_dies(folder):
    import spark_batch

    folder.mkdir(parents=True)
    lake = folder / "lake"
    run_ok("replay", "--preset", "device", "--lake", lake, DATA / "device-3000.ndjson")
    with spark_batch.Cluster(folder / "cluster") as cluster:
        found = spark_batch.kill_a_worker(cluster, "device", lake, folder)
    return {
        "events": found["cells"],
        "lost": found["lost"] + found["wrong"],
        "doubled": found["doubled"],
        "recovered_s": found["seconds_after_the_kill"],
        "gap_s": 0.0,
        "sent_again": 0,
    }


SCENARIOS = {
    "broker of two": ("kill -9 of one of two brokers, replication 2, min.insync.replicas 1", a_broker_dies(2, 2, 1)),
    "broker of two, strict": ("the same with min.insync.replicas 2", a_broker_dies(2, 2, 2)),
    "broker of three": ("kill -9 of one of three brokers, replication 3, min.insync.replicas 2", a_broker_dies(3, 3, 2)),
    "tidemark": ("kill -9 of Tidemark, embedded log, started again", tidemark_dies(False)),
    "tidemark on kafka": ("kill -9 of Tidemark, log in Kafka, started again", tidemark_dies(True)),
    "datanode": ("kill -9 of one of two DataNodes", of_hdfs("dead_datanode")),
    "namenode": ("the NameNode stopped and started", of_hdfs("namenode_restart")),
    "spark worker": ("kill -9 of one of two Spark workers and its executor during a batch (events: cells)", a_spark_worker_dies),
}


def row(title, figures):
    return (
        f"| {title} | {figures['events']:,} | {figures['lost']} | {figures['doubled']} | {figures['recovered_s']:.1f} s "
        f"| {figures['gap_s']:.1f} s | {figures['sent_again']} |\n"
    )


def write_page(rows):
    head = "| what | events | lost | doubled | until answers flow again | longest wait for an answer | bodies sent again |\n|---|---|---|---|---|---|---|\n"
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    PAGE.write_text(before + BEGIN + head + "".join(rows) + END + rest.split(END)[1], encoding="utf-8")


def main():
    names = sys.argv[1:] or list(SCENARIOS)
    rows = []
    bad = 0
    for name in names:
        title, scenario = SCENARIOS[name]
        with tempfile.TemporaryDirectory() as folder:
            figures = scenario(pathlib.Path(folder) / "s")
        print(name, json.dumps({k: round(v, 2) for k, v in figures.items()}), flush=True)
        rows.append(row(title, figures))
        bad += figures["lost"] + figures["doubled"]
    if names == list(SCENARIOS):
        write_page(rows)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
