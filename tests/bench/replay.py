#!/usr/bin/env python3
"""Replay against DuckDB on the same file and the same metrics, in turn: replay.py [EVENTS] [RUNS].

Makes EVENTS (1,000,000) events with generate.py, runs `tidemark replay` and duckdb_job.py alternately, checks that the cells
are equal (compare.py), and prints wall, CPU (user + system) and peak memory of each process as medians, and the ratios of the
pairs. Both do the whole of job.yaml.
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

def measure(command, stdout):
    """Wall seconds, CPU seconds and peak MiB of one run as the operating system counts it."""
    with open(stdout, "wb") as out:
        start = time.monotonic()
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
    if status != 0:
        sys.exit(f"{command[0]} ended with {status}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    tidemark = os.environ.get("TIDEMARK", os.path.join(ROOT, "build", "tidemark"))
    python = os.path.join(ROOT, ".deps", "venv", "bin", "python")
    with tempfile.TemporaryDirectory() as folder:
        path = lambda name: os.path.join(folder, name)
        subprocess.run([python, os.path.join(HERE, "generate.py"), str(count), path("events")], check=True)
        workers = os.environ.get("WORKERS", "2")
        mine = [tidemark, "replay", "-c", os.path.join(HERE, "job.yaml"), "--workers", workers, path("events")]
        peer = [python, os.path.join(HERE, "duckdb_job.py"), path("events"), path("peer.ndjson"), "2"]
        rows = []
        for i in range(runs + 1):                       # the first pair warms the page cache and is not counted
            a = measure(mine, path("mine.ndjson"))
            b = measure(peer, path("peer.out"))
            if i:
                rows.append((a, b))
        compare = [python, os.path.join(ROOT, "tests", "oracle", "compare.py")]
        print(subprocess.run([*compare, path("peer.ndjson"), path("mine.ndjson")], check=True, capture_output=True, text=True).stdout.strip())
    for place, (name, unit) in enumerate([("wall", "s"), ("cpu", "s"), ("peak memory", "MiB")]):
        a = statistics.median(r[0][place] for r in rows)
        b = statistics.median(r[1][place] for r in rows)
        ratio = statistics.median(r[0][place] / r[1][place] for r in rows)
        print(f"{name:12} tidemark {a:8.2f} {unit:4} duckdb {b:8.2f} {unit:4} ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
