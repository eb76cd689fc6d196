#!/usr/bin/env python3
"""What a service costs that nobody uses: idle.py [SECONDS].

A service with the Sunbird preset, some events counted and in the lake, then nothing for SECONDS (60): once without a request, once with a scrape
of /metrics every 15 s, as Prometheus does it. Prints the CPU of both as a share of one core, and of each thread its CPU and how often it was
woken up. Ends with 1 if the service takes 1 % or more.
"""
import collections
import os
import pathlib
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(ROOT / "tests/support_py"), str(HERE)]
from kafka_drain import cpu_seconds  # noqa: E402
from service import Service  # noqa: E402

SCRAPE_S, SETTLE_S, SHARE_MAX = 15, 5, 0.01
EVENTS = b"".join(
    b'{"eid":"IMPRESSION","ets":%d,"ver":"3.0","mid":"m%d","actor":{"id":"u%d","type":"User"},"edata":{"pageid":"/home"}}\n'
    % (time.time_ns() // 1_000_000, i, i % 50)
    for i in range(1000)
)


def threads(pid):
    """{thread id: (name, CPU nanoseconds, voluntary switches)}; it sleeps and is woken once for each of those."""
    found = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        status = dict(line.split(":\t", 1) for line in (task / "status").read_text().splitlines())
        run_ns = int((task / "schedstat").read_text().split()[0])
        found[int(task.name)] = status["Name"], run_ns, int(status["voluntary_ctxt_switches"])
    return found


def watch(service, seconds, scrapes):
    pid = service.process.pid
    before, cpu, start = threads(pid), cpu_seconds(pid), time.monotonic()
    times = 0
    while (left := start + seconds - time.monotonic()) > 0:
        time.sleep(min(left, SCRAPE_S) if scrapes else left)
        if scrapes:
            reply = service.get("/metrics")
            assert reply.status == 200, reply
            times += 1
    after, took = threads(pid), time.monotonic() - start
    share = (cpu_seconds(pid) - cpu) / took  # with threads that have ended
    names = collections.defaultdict(lambda: [0, 0.0, 0.0])
    for thread, (name, run_ns, switches) in after.items():
        _, run_ns_before, switches_before = before.get(thread, (name, 0, 0))
        row = names[name]
        row[0] += 1
        row[1] += (run_ns - run_ns_before) / 1e9 / took
        row[2] += (switches - switches_before) / took
    print(f"{'with ' + str(times) + ' scrapes' if scrapes else 'no requests':20} {share:7.2%} of a core in {took:.0f} s")
    for name, (count, cpu, wakes) in sorted(names.items(), key=lambda item: -item[1][1]):
        print(f"    {name:16} {count:2} threads {cpu:8.3%}  {wakes:8.1f} wake-ups/s")
    return share


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    with tempfile.TemporaryDirectory(dir=os.environ.get("TIDE_BENCH_DIR")) as folder:
        service = Service(folder, preset="sunbird").start()
        reply = service.post_events(EVENTS)
        assert reply.status == 200, reply
        service.barrier()
        time.sleep(SETTLE_S)  # what follows a barrier is no idling yet
        shares = [watch(service, seconds, False), watch(service, seconds, True)]
        if service.stop() != 0:
            sys.exit(service.log_tail())
    sys.exit(1 if max(shares) >= SHARE_MAX else 0)


if __name__ == "__main__":
    main()
