#!/usr/bin/env python3
"""Open-loop load until it breaks, over HTTP and over Kafka: load.py [SECONDS] [http|kafka].

Events of the device preset at 1,000, 5,000, 10,000, 20,000, 40,000 ... a second, SECONDS each, in bodies of 100 (HTTP) or one message each
(Kafka, one real broker, acks=all). Whatever is late is sent all the same, and its latency counts from when it was due. Acknowledgement: over
HTTP the answer, over Kafka the delivery report to the producer. Event to API: a marked event every 200 ms, until its metric shows it.
A rate has broken when less than 95 % of it was acknowledged in time, or p99 is over 5 s. Every run ends with the ledger. Prints tables,
and writes docs/load.svg and the tables of docs/load.md when both ways were run.
"""
import http.client
import json
import os
import pathlib
import queue
import re
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(ROOT / "tests/support_py"), str(HERE)]
from kafka import Kafka  # noqa: E402
from kafka_drain import cpu_seconds, peak_mib  # noqa: E402
from service import NDJSON, Service, device_event  # noqa: E402

RATES = [1_000, 5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 320_000]
BODY, SENDERS, DEVICES = 100, 8, 5_000
LATE_S, IN_TIME = 5.0, 0.95
PAGE = ROOT / "docs/load.md"
PICTURE = ROOT / "docs/load.svg"


def template(i):
    event = device_event("@@@@@@@@@@@@", device=i % DEVICES)
    return json.dumps(event, separators=(",", ":"))


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * p))] if values else float("nan")


class Probe(threading.Thread):
    """A marked event now and then, until the API shows it."""

    def __init__(self, service, send):
        super().__init__(daemon=True)
        self.service, self.send, self.seconds, self.stopping = service, send, [], threading.Event()

    def run(self):
        i = 0
        with_connection = self.service.client()
        while not self.stopping.wait(0.2):
            name = f"probe-{time.time_ns()}"
            event = device_event(name, device=i, kind="feature_used", feature_name=name)
            start = time.monotonic()
            self.send(json.dumps(event).encode(), event["device_id"])
            path = f"/api/v1/metrics/feature_usage?format=ndjson&filter=feature_name%20%3D%3D%20%22{name}%22"
            while not self.stopping.is_set():
                if name.encode() in with_connection.ask("GET", path).body:
                    self.seconds.append(time.monotonic() - start)
                    break
                if time.monotonic() - start > 30:
                    self.seconds.append(30.0)
                    break
            i += 1


def over_http(service, rate, seconds):
    """Latencies of bodies, and how many events were acknowledged."""
    bodies = [("".join(template(j * BODY + i) + "\n" for i in range(BODY))) for j in range(20)]
    jobs, latencies, lock = queue.Queue(), [], threading.Lock()
    acknowledged = [0]

    def sender():
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
        while (job := jobs.get()) is not None:
            due, serial = job
            text = bodies[serial % len(bodies)]
            stamp = f"{time.time_ns() // 1000 % 10**8:08d}{serial % 10**4:04d}"
            # Ids are the body's own: each event of it has another device, so one stamp is enough.
            data = text.replace("@@@@@@@@@@@@", stamp).encode()
            done = False
            while not done:
                connection.request("POST", "/v1/events", data, {"Content-Type": NDJSON})
                answer = connection.getresponse()
                answer.read()
                done = answer.status == 200
                if not done:
                    time.sleep(0.05)  # as Retry-After asks, only sooner
            with lock:
                latencies.append(time.monotonic() - due)
                acknowledged[0] += BODY
        connection.close()

    threads = [threading.Thread(target=sender, daemon=True) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    start = time.monotonic()
    for serial in range(rate * seconds // BODY):
        due = start + serial * BODY / rate
        time.sleep(max(0, due - time.monotonic()))
        jobs.put((due, serial))
        if time.monotonic() - due > LATE_S or jobs.qsize() * BODY > rate * LATE_S:
            break  # it has broken
    for _ in threads:
        jobs.put(None)
    for thread in threads:
        thread.join()
    return latencies, acknowledged[0], time.monotonic() - start


def over_kafka(kafka, topic):
    def load(service, rate, seconds):
        producer = kafka.producer(
            **{"linger.ms": 5, "compression.type": "lz4", "partitioner": "murmur2_random", "queue.buffering.max.messages": 2_000_000}
        )
        lines = [(f"device-{i % DEVICES}", template(i)) for i in range(10_000)]
        latencies, acknowledged = [], [0]

        def delivered(due):
            def report(error, _):
                if error is None:
                    acknowledged[0] += 1
                    if acknowledged[0] % 10 == 0:
                        latencies.append(time.monotonic() - due)

            return report

        start = time.monotonic()
        base = time.time_ns() // 1000 % 10**6
        for serial in range(rate * seconds):
            due = start + (serial - serial % 100) / rate  # a hundred at once, as they become due
            if serial % 100 == 0:
                producer.poll(0)
                while (early := due - time.monotonic()) > 0:
                    producer.poll(early)  # which comes back for each report
                if time.monotonic() - due > LATE_S:
                    break  # it has broken
            key, line = lines[serial % len(lines)]
            value = line.replace("@@@@@@@@@@@@", f"{base:06d}{serial:09d}")
            producer.produce(topic, value, key, on_delivery=delivered(due))
        producer.flush(60)
        return latencies, acknowledged[0], time.monotonic() - start

    return load


def run_rates(name, service, load, send, kafka, seconds):
    rows = []
    for rate in RATES:
        before = cpu_seconds(service.process.pid), cpu_seconds(kafka.pid(1)) if kafka else 0.0
        probe = Probe(service, send)
        probe.start()
        latencies, acknowledged, took = load(service, rate, seconds)
        probe.stopping.set()
        probe.join()
        service.settle()
        after = cpu_seconds(service.process.pid), cpu_seconds(kafka.pid(1)) if kafka else 0.0
        in_time = acknowledged / (rate * max(seconds, took))
        row = {
            "rate": rate,
            "events_s": acknowledged / took,
            "ack": [percentile(latencies, p) * 1000 for p in (0.5, 0.95, 0.99)],
            "api": [percentile(probe.seconds, p) * 1000 for p in (0.5, 0.95, 0.99)],
            "cpu": after[0] - before[0],
            "broker": after[1] - before[1],
            "took": took,
            "peak_mib": peak_mib(service.process.pid),
        }
        row["broken"] = in_time < IN_TIME or row["ack"][2] > LATE_S * 1000
        rows.append(row)
        print(name, json.dumps(row), flush=True)
        if row["broken"]:
            break
    ledger = service.get_json("/api/v1/ledger")
    assert ledger["holds"], ledger
    return rows


def run_http(seconds):
    with tempfile.TemporaryDirectory(dir=os.environ.get("TIDE_BENCH_DIR")) as folder:
        service = Service(folder, preset="device").start()
        client = service.client()
        rows = run_rates("http", service, over_http, lambda event, _: client.post_events(event + b"\n"), None, seconds)
        assert service.stop() == 0
        return rows


def run_kafka(seconds):
    kafka = Kafka().up()
    try:
        topic = kafka.topic()
        with tempfile.TemporaryDirectory(dir=os.environ.get("TIDE_BENCH_DIR")) as folder:
            service = Service(
                folder, preset="device", settings=[f"log.kafka.brokers={kafka.brokers}", f"log.kafka.topics={topic}"]
            ).start()
            marks = kafka.producer(**{"partitioner": "murmur2_random", "linger.ms": 0})

            def send(event, device):
                marks.produce(topic, event, device)
                marks.poll(0)

            rows = run_rates("kafka", service, over_kafka(kafka, topic), send, kafka, seconds)
            assert service.stop() == 0
            return rows
    finally:
        kafka.down()


def table(rows):
    lines = [
        "| events/s asked | acknowledged | ack p50 | p95 | p99 | to API p50 | p95 | p99 | CPU Tidemark | CPU broker | peak memory |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        ack = " | ".join(f"{ms:.1f} ms" for ms in r["ack"])
        api = " | ".join(f"{ms:.0f} ms" for ms in r["api"])
        mark = " (broken)" if r["broken"] else ""
        lines.append(
            f"| {r['rate']:,}{mark} | {r['events_s']:,.0f} | {ack} | {api} | {r['cpu'] / r['took']:.0%} | "
            f"{r['broker'] / r['took']:.0%} | {r['peak_mib']:.0f} MiB |"
        )
    return "\n".join(lines) + "\n"


def picture(ways):
    """Latency over rate, both logarithmic: p50 and p99 of acknowledgement and of event to API."""
    import math

    width, height, left, top, panel = 920, 400, 60, 40, 380
    colours = {"ack": "#0b7285", "api": "#d9480f"}
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]

    def x_of(rate, at):
        return at + (math.log10(rate) - 3) / (math.log10(RATES[-1]) - 3) * (panel - 20)

    def y_of(ms):
        return height - 50 - (math.log10(min(max(ms, 1), 10_000))) / 4 * (height - 50 - top)

    for i, (name, rows) in enumerate(ways.items()):
        at = left + i * (panel + 70)
        out.append(f'<text x="{at}" y="20" font-size="14" fill="#212529">over {name}: latency by events/s asked</text>')
        for ms in (1, 10, 100, 1_000, 10_000):
            y = y_of(ms)
            out.append(f'<line x1="{at}" x2="{at + panel - 20}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dee2e6"/>')
            out.append(f'<text x="{at - 6}" y="{y + 4:.1f}" text-anchor="end" fill="#495057">{ms if ms < 1000 else f"{ms // 1000} s"}{" ms" if ms < 1000 else ""}</text>')
        for rate in RATES:
            x = x_of(rate, at)
            out.append(f'<text x="{x:.1f}" y="{height - 30}" text-anchor="middle" fill="#495057">{rate // 1000}k</text>')
        for what, colour in colours.items():
            for index, dash in ((0, ""), (2, ' stroke-dasharray="5 4"')):
                points = " ".join(f"{x_of(r['rate'], at):.1f},{y_of(r[what][index]):.1f}" for r in rows if r[what][index] == r[what][index])
                out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
    out.append(f'<text x="{left}" y="{height - 8}" fill="{colours["ack"]}">acknowledgement (p50; p99 dashed)</text>')
    out.append(f'<text x="{left + 260}" y="{height - 8}" fill="{colours["api"]}">event to API (p50; p99 dashed)</text>')
    out.append("</svg>\n")
    return "\n".join(out)


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    ways = {}
    for name, run in (("HTTP", run_http), ("Kafka", run_kafka)):
        if len(sys.argv) < 3 or sys.argv[2] == name.lower():
            ways[name] = run(seconds)
            print(table(ways[name]), flush=True)
    if len(ways) == 2:
        PICTURE.write_text(picture(ways), encoding="utf-8")
        text = PAGE.read_text(encoding="utf-8")
        for name, rows in ways.items():
            text = re.sub(
                rf"(<!-- {name.lower()} -->\n).*?(<!-- end -->\n)", lambda m, rows=rows: m[1] + table(rows) + m[2], text, flags=re.S
            )
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
