#!/usr/bin/env python3
"""Durable ingest over HTTP: ingest.py [SECONDS] [CONNECTIONS].

Starts the service on a fresh directory and lets wrk post bodies of 64 events (about 43 KB of NDJSON, a different body each time, so
that no receipt is remembered) as fast as answers come. Every answer means: decoded, validated, written and synced. Prints events/s, events
per CPU second of the service, and p50 and p99 of the acknowledgement; then checks with the ledger that everything acknowledged was counted.
"""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LUA = """
local bodies, at = {}, 0
for line in io.lines("%s") do bodies[#bodies + 1] = line:gsub("\\x01", "\\n") end
wrk.method = "POST"
wrk.path = "/v1/events"
wrk.headers["Content-Type"] = "application/x-ndjson"
request = function()
    at = at + 1
    return wrk.format(nil, nil, nil, (bodies[at %% #bodies + 1]:gsub("@@", tostring(at))))
end
done = function(summary, latency)
    io.write(string.format("p50 %%d p99 %%d requests %%d status %%d us %%d\\n", latency:percentile(50), latency:percentile(99),
        summary.requests, summary.errors.status, summary.duration))
end
"""


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    connections = int(sys.argv[2]) if len(sys.argv) > 2 else 16
    tidemark = os.environ.get("TIDEMARK", os.path.join(ROOT, "build", "tidemark"))
    python = os.path.join(ROOT, ".deps", "venv", "bin", "python")
    with tempfile.TemporaryDirectory(dir=os.environ.get("TIDE_BENCH_DIR")) as folder:
        events, script = os.path.join(folder, "events"), os.path.join(folder, "post.lua")
        subprocess.run([python, os.path.join(HERE, "generate.py"), "12800", events], check=True)
        lines = [line.replace('"mid":"', '"mid":"@@:') for line in open(events).read().splitlines()]
        with open(events, "w") as out:
            for i in range(0, len(lines), 64):
                out.write("\x01".join(lines[i:i + 64]) + "\n")
        with open(script, "w") as out:
            out.write(LUA % events)
        service = subprocess.Popen([tidemark, "run", os.path.join(HERE, "ingest.yaml"), "--data", os.path.join(folder, "d"), "--listen", "127.0.0.1:0"],
                                   stderr=subprocess.PIPE, text=True)
        url = next(m[1] for m in (re.search(r"listening on (\S+)", line) for line in service.stderr) if m)
        before = cpu_seconds(service.pid)
        shown = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script, url], check=True, capture_output=True, text=True).stdout
        cpu = cpu_seconds(service.pid) - before
        p50, p99, requests, bad, us = map(int, re.search(r"p50 (\d+) p99 (\d+) requests (\d+) status (\d+) us (\d+)", shown).groups())
        deadline = time.monotonic() + 120
        while True:                                     # the workers may be behind what was acknowledged
            ledger = json.load(urllib.request.urlopen(url + "/api/v1/ledger"))["ledger"]
            if ledger["verdicts"] >= 64 * requests:
                break
            if time.monotonic() > deadline:
                sys.exit(f"{64 * requests} events were acknowledged, {ledger['verdicts']} were counted")
            time.sleep(0.1)
        service.send_signal(signal.SIGTERM)
        service.communicate(timeout=120)
        print(f"events/s {64 * requests * 1e6 / us:,.0f}   per service-CPU-s {64 * requests / cpu:,.0f}   ack p50 {p50 / 1000:.2f} ms  p99 {p99 / 1000:.2f} ms"
              f"   requests {requests}, not 2xx {bad}   ledger verdicts {ledger['verdicts']}")


if __name__ == "__main__":
    main()
