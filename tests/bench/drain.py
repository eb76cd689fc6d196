#!/usr/bin/env python3
"""From a full log to metrics and lake: drain.py [EVENTS] [RUNS] [KEY=VALUE]...

Posts EVENTS (200,000) of generate.py to a service that closes no epoch, and kills it: all is in the log, nothing in the lake. Then, RUNS
(3) times for each setting and in turn, starts a service on a copy and waits until all is counted and in the lake (a barrier). Prints events/s
from the start of the process, CPU seconds, peak memory and the size of the lake's tables. Without settings: lake.raw=false and true.
"""
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support_py"))

from service import Service  # noqa: E402

HOLD = ["process.checkpoint=24h", "process.memory=64GiB"]


def load(folder, events):
    service = Service(folder, file=HERE / "ingest.yaml", settings=HOLD).start()
    lines = pathlib.Path(events).read_bytes().splitlines(keepends=True)
    for i in range(0, len(lines), 2000):
        reply = service.post_events(b"".join(lines[i:i + 2000]))
        assert reply.status == 200, reply
    service.kill()
    return service.place


def drain(folder, place, setting):
    shutil.copytree(place, folder / "place")
    service = Service(folder, file=HERE / "ingest.yaml", settings=setting.split(","))
    start = time.monotonic()
    service.start()
    service.barrier()
    wall = time.monotonic() - start
    status = pathlib.Path(f"/proc/{service.process.pid}/status").read_text()
    fields = pathlib.Path(f"/proc/{service.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    sizes = {}
    for table in sorted((folder / "place" / "lake").iterdir()):
        files = [f.stat().st_size for f in table.rglob("*.parquet")]
        if files:
            sizes[table.name] = (sum(files), len(files))
    service.stop()
    shutil.rmtree(folder)
    return wall, cpu, peak, sizes


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    settings = sys.argv[3:] or ["lake.raw=false", "lake.raw=true"]
    with tempfile.TemporaryDirectory(dir=os.environ.get("TIDE_BENCH_DIR")) as folder:
        folder = pathlib.Path(folder)
        subprocess.run([sys.executable, HERE / "generate.py", str(count), folder / "events"], check=True)
        place = load(folder / "loaded", folder / "events")
        found = {setting: [] for setting in settings}
        for _ in range(runs):
            for setting in settings:
                found[setting].append(drain(folder / "run", place, setting))
    for setting in settings:
        wall, cpu, peak = (statistics.median(run[i] for run in found[setting]) for i in range(3))
        tables = " ".join(f"{name} {size / 2**20:.1f} MiB in {files}" for name, (size, files) in found[setting][-1][3].items())
        print(f"{setting:24} {count / wall:9,.0f} events/s  {cpu:6.2f} CPU s  peak {peak:5.0f} MiB  {tables}")


if __name__ == "__main__":
    main()
