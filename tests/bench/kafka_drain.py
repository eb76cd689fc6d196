#!/usr/bin/env python3
"""From a full topic to metrics and lake: kafka_drain.py [EVENTS] [RUNS] [SETTING=VALUE...].

A real broker on this machine (tests/stack/servers/kafka.sh), one topic with six partitions, EVENTS events of generate.py preloaded,
keyed by the user, lz4. Then RUNS times a service with job.yaml and a fresh local lake: from its start until a barrier answers, which
means that every event is counted and in the lake. Prints events/s, CPU seconds of the service and of the broker apart, and memory.
"""
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(ROOT / "tests/support_py"), str(HERE)]
import generate  # noqa: E402
from kafka import Kafka  # noqa: E402

USER = re.compile(r'"actor":\{"id":"([^"]*)"')


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mib(pid):
    return int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def preload(kafka, topic, count, folder):
    path = os.path.join(folder, "events.ndjson")
    subprocess.run([sys.executable, generate.__file__, str(count), path], check=True)
    producer = kafka.producer(
        **{"compression.type": "lz4", "linger.ms": 20, "partitioner": "murmur2_random", "queue.buffering.max.kbytes": 1 << 18}
    )
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            while True:
                try:
                    producer.produce(topic, line[:-1], USER.search(line)[1])
                    break
                except BufferError:
                    producer.poll(0.05)
    assert producer.flush(60) == 0
    os.remove(path)


def drain(kafka, topic, count, folder, settings):
    tidemark = os.environ.get("TIDEMARK", ROOT / "build/tidemark")
    words = [tidemark, "run", HERE / "job.yaml", "--data", folder, "--listen", "127.0.0.1:0"]
    for setting in [f"log.kafka.brokers={kafka.brokers}", f"log.kafka.topics={topic}", *settings]:
        words += ["--set", setting]
    broker = cpu_seconds(kafka.pid(1))
    start = time.monotonic()
    service = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    url = next(m[1] for m in (re.search(r"listening on (\S+)", line) for line in service.stderr) if m)

    def ready():
        try:
            with urllib.request.urlopen(f"{url}/ready") as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:  # 503 until it has caught up
            return json.load(error)

    while not (state := ready())["caught_up"] or state["records_behind"] > 0:
        time.sleep(0.02)
    counted = time.monotonic() - start
    urllib.request.urlopen(urllib.request.Request(f"{url}/api/v1/barrier", method="POST")).read()
    wall = time.monotonic() - start
    with urllib.request.urlopen(f"{url}/api/v1/ledger") as reply:
        ledger = json.load(reply)["ledger"]
    assert ledger["verdicts"] == count, ledger
    result = {
        "events_s": count / wall,
        "counted_s": count / counted,
        "wall": wall,
        "cpu": cpu_seconds(service.pid),
        "broker_cpu": cpu_seconds(kafka.pid(1)) - broker,
        "peak_mib": peak_mib(service.pid),
    }
    service.terminate()
    service.stderr.read()
    assert service.wait() == 0
    return result


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    kafka = Kafka().up()
    try:
        topic = kafka.topic(partitions=6)
        with tempfile.TemporaryDirectory(dir=os.environ.get("TIDE_BENCH_DIR")) as folder:
            preload(kafka, topic, count, folder)
        results = []
        for _ in range(runs):
            with tempfile.TemporaryDirectory(dir=os.environ.get("TIDE_BENCH_DIR")) as folder:
                results.append(drain(kafka, topic, count, folder, sys.argv[3:]))
                print("  ".join(f"{k} {v:.4g}" for k, v in results[-1].items()), flush=True)
        medians = {k: statistics.median(r[k] for r in results) for k in results[0]}
        print(
            f"{count} events, {runs} runs, median: {medians['events_s']:,.0f} events/s in the lake ({medians['counted_s']:,.0f} counted), "
            f"CPU {medians['cpu']:.1f} s, broker {medians['broker_cpu']:.1f} s, peak {medians['peak_mib']:.0f} MiB"
        )
    finally:
        kafka.down()


if __name__ == "__main__":
    main()
