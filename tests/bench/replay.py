#!/usr/bin/env python3
"""Replay against DuckDB on the same file and the same metrics, in turn: replay.py [EVENTS[,EVENTS]...] [RUNS].

For each number of EVENTS (1,000,000): makes so many with generate.py, runs `tidemark replay` with two workers and with one and
duckdb_job.py with two threads in turn, RUNS (5) times after a warm-up, checks that the cells are equal (compare.py), and prints wall,
CPU (user + system) and peak memory of each process as medians, and the medians of the ratios to DuckDB in the same round. All do the
whole of job.yaml. The files are in TIDE_BENCH_DIR (or the temporary folder) while it runs: 6.8 GB for 10,000,000 events.
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PYTHON = os.path.join(ROOT, ".deps", "venv", "bin", "python")
TIDEMARK = os.environ.get("TIDEMARK", os.path.join(ROOT, "build", "tidemark"))
COMPARE = [PYTHON, os.path.join(ROOT, "tests", "oracle", "compare.py")]
MEASURES = [("wall", "s", ".2f"), ("CPU", "s", ".2f"), ("peak memory", "MiB", ",.0f")]


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


def run(count, runs, folder):
    """(two workers, one worker, DuckDB) of each counted round; and what compare.py said."""
    path = lambda name: os.path.join(folder, name)
    subprocess.run([PYTHON, os.path.join(HERE, "generate.py"), str(count), path("events")], check=True)
    replay = [TIDEMARK, "replay", "-c", os.path.join(HERE, "job.yaml"), path("events"), "--workers"]
    peer = [PYTHON, os.path.join(HERE, "duckdb_job.py"), path("events"), path("peer.ndjson"), "2"]
    rounds = []
    for _ in range(runs + 1):
        rounds.append((measure([*replay, "2"], path("two")), measure([*replay, "1"], path("one")), measure(peer, path("peer.out"))))
    said = ""
    for mine in ("two", "one"):
        done = subprocess.run([*COMPARE, path("peer.ndjson"), path(mine)], check=True, capture_output=True, text=True)
        said = done.stdout.strip()
    return rounds[1:], said  # the first one warms the page cache


def table(rounds):
    print("| | tidemark replay, 2 workers | replay, 1 worker | DuckDB, 2 threads | ratio, 2 workers | ratio, 1 worker |")
    print("|---|---|---|---|---|---|")
    for i, (name, unit, form) in enumerate(MEASURES):
        two, one, peer = (statistics.median(r[side][i] for r in rounds) for side in range(3))
        ratios = [statistics.median(r[side][i] / r[2][i] for r in rounds) for side in range(2)]
        print(f"| {name} | {two:{form}} {unit} | {one:{form}} {unit} | {peer:{form}} {unit} | {ratios[0]:.2f} | {ratios[1]:.2f} |")


def main():
    counts = [int(word) for word in sys.argv[1].split(",")] if len(sys.argv) > 1 else [1_000_000]
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    for count in counts:
        with tempfile.TemporaryDirectory(dir=os.environ.get("TIDE_BENCH_DIR")) as folder:
            rounds, said = run(count, runs, folder)
        print(f"{count:,} events, {runs} rounds; {said}\n")
        table(rounds)
        print(flush=True)


if __name__ == "__main__":
    main()
