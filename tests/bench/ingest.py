#!/usr/bin/env python3
"""Durable ingest over HTTP beside nginx: ingest.py [SECONDS] [ROUNDS] [CONNECTIONS]...

wrk posts bodies of 100 events (about 68 KB of NDJSON, each event with an id of its own, so that no body comes twice) as fast as answers come,
SECONDS (10) at a time, to three servers in turn, ROUNDS (3) times for each number of CONNECTIONS (16 and 64), with the same script:
- tidemark run on a fresh directory: an answer means that every event was decoded, validated, written and synced (`fdatasync`, one for all that
  came together). All metrics of the Sunbird preset and the lake run behind it and are in its CPU; the ledger must have all that was acknowledged;
- nginx that reads the body into memory and answers 204: HTTP itself. nginx' own `return 204` throws a body away piece by piece, so the echo module
  (Debian: libnginx-mod-http-echo) reads it first; that it did is checked with one request whose body is logged and compared;
- nginx with `return 204` alone.
And no server: a file on the same disk that takes as many bodies as there are connections with one write and one `fdatasync`, again and again.
Prints medians: events/s, per CPU second of the server, p50 and p99 of the acknowledgement, the server's CPU and peak memory.
"""
import contextlib
import http.client
import os
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(ROOT / "tests/support_py"), str(HERE)]
from kafka_drain import cpu_seconds, peak_mib  # noqa: E402
from service import NDJSON, Service  # noqa: E402

BODY, BODIES = 100, 200
# A body is split where the mark of this request goes, and joined by it: no searching while time is measured.
LUA = """
local bodies, at = {}, 0
for line in io.lines("%s") do
    local pieces = {}
    for piece in (line:gsub("\\1", "\\n") .. "\\2"):gmatch("(.-)\\2") do pieces[#pieces + 1] = piece end
    bodies[#bodies + 1] = pieces
end
wrk.method = "POST"
wrk.path = "/v1/events"
wrk.headers["Content-Type"] = "application/x-ndjson"
request = function()
    at = at + 1
    return wrk.format(nil, nil, nil, table.concat(bodies[at %% #bodies + 1], tostring(at)))
end
done = function(summary, latency)
    io.write(string.format("p50 %%d p99 %%d requests %%d status %%d us %%d\\n", latency:percentile(50), latency:percentile(99),
        summary.requests, summary.errors.status, summary.duration))
end
"""
NGINX = """
load_module /usr/lib/nginx/modules/ngx_http_echo_module.so;
daemon off;
user root;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    log_format body escape=none $request_body;
    client_body_buffer_size 1m;
    client_body_in_single_buffer on;
    client_max_body_size 16m;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 1000000000;
    server {{
        listen 127.0.0.1:{port};
        location = /v1/events {{ {answer} access_log {folder}/seen body if=$http_x_log; }}
    }}
}}
"""
READ_FIRST, AT_ONCE = "echo_read_request_body; echo_status 204; echo -n '';", "return 204;"
SERVERS = ["tidemark", "nginx, body read", "nginx, `return 204`", "no server, the disk alone"]


def write_script(folder):
    events, script = folder / "events", folder / "post.lua"
    subprocess.run([sys.executable, HERE / "generate.py", str(BODY * BODIES), events], check=True)
    lines = [line.replace('"mid":"', '"mid":"\2:') for line in events.read_text().splitlines()]
    with open(events, "w") as out:
        for i in range(0, len(lines), BODY):
            out.write("\1".join(lines[i:i + BODY]) + "\1\n")
    script.write_text(LUA % events)
    return script


def run_wrk(script, url, connections, seconds):
    words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", script, url]
    shown = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    p50, p99, requests, bad, us = map(int, re.search(r"p50 (\d+) p99 (\d+) requests (\d+) status (\d+) us (\d+)", shown).groups())
    if bad:
        sys.exit(f"{bad} answers were not 2xx:\n{shown}")
    return p50 / 1000, p99 / 1000, requests * BODY, us / 1e6


def measured(pid, script, url, connections, seconds):
    """(events/s, events per CPU second, p50 and p99 in ms, CPU of one core, MiB), events."""
    before = cpu_seconds(pid)
    p50, p99, events, took = run_wrk(script, url, connections, seconds)
    cpu = cpu_seconds(pid) - before
    return (events / took, events / cpu, p50, p99, cpu / took, peak_mib(pid)), events


def measure_tidemark(folder, script, connections, seconds):
    service = Service(folder, file=HERE / "ingest.yaml").start()
    row, events = measured(service.process.pid, script, service.url, connections, seconds)
    service.settle()
    ledger = service.get_json("/api/v1/ledger")
    if ledger["ledger"]["verdicts"] < events or not ledger["holds"]:
        sys.exit(f"{events} events were acknowledged: {ledger}")
    if service.stop() != 0:
        sys.exit(service.log_tail())
    return row


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def nginx(folder, answer):
    """Process id of the worker, port."""
    folder.mkdir()
    port, config = free_port(), folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port, answer=answer))
    process = subprocess.Popen(["nginx", "-c", config, "-p", folder], stderr=subprocess.DEVNULL)
    try:
        deadline, children = time.monotonic() + 10, ""
        while not children:
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"nginx did not start: {(folder / 'error.log').read_text()}")
            time.sleep(0.01)
            children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
        yield int(children.split()[0]), port
    finally:
        process.terminate()
        process.wait()


def check_that_it_reads(folder, port):
    body = b"".join(b'{"line":%d}\n' % i for i in range(6000))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/v1/events", body, {"Content-Type": NDJSON, "X-Log": "1"})
    reply = connection.getresponse()
    reply.read()
    connection.close()
    deadline, seen = time.monotonic() + 10, b""
    while len(seen) <= len(body) and time.monotonic() < deadline:  # it answers, then logs
        time.sleep(0.01)
        seen = (folder / "seen").read_bytes()
    if reply.status != 204 or seen != body + b"\n":
        sys.exit(f"nginx did not read the body: {reply.status}, {len(seen)} of {len(body)} bytes")


def measure_nginx(folder, script, connections, seconds, answer):
    with nginx(folder, answer) as (pid, port):
        if answer == READ_FIRST:
            check_that_it_reads(folder, port)
        return measured(pid, script, f"http://127.0.0.1:{port}", connections, seconds)[0]


def measure_disk(folder, connections, seconds):
    bodies = (folder / "events").read_bytes().replace(b"\1", b"\n").replace(b"\2", b"1").splitlines(keepends=True)
    piece = b"".join(bodies[i % len(bodies)] for i in range(BODY * connections))
    took, start, cpu = [], time.monotonic(), time.process_time()
    file = os.open(folder / "alone", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    while sum(took) < seconds:
        before = time.monotonic()
        assert os.write(file, piece) == len(piece)
        os.fdatasync(file)
        took.append(time.monotonic() - before)
    events, cpu, wall = BODY * connections * len(took), time.process_time() - cpu, time.monotonic() - start
    os.close(file)
    (folder / "alone").unlink()
    took.sort()
    p50, p99 = (took[int(len(took) * p)] * 1000 for p in (0.5, 0.99))
    return events / wall, events / cpu, p50, p99, cpu / wall, 0


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    counts = [int(word) for word in sys.argv[3:]] or [16, 64]
    rows = {(count, server): [] for count in counts for server in SERVERS}
    with tempfile.TemporaryDirectory(dir=os.environ.get("TIDE_BENCH_DIR")) as folder:
        folder = pathlib.Path(folder)
        script = write_script(folder)
        for turn in range(rounds):
            for count in counts:
                place = folder / f"{turn}-{count}"
                place.mkdir()
                rows[count, SERVERS[0]].append(measure_tidemark(place / "service", script, count, seconds))
                rows[count, SERVERS[1]].append(measure_nginx(place / "reading", script, count, seconds, READ_FIRST))
                rows[count, SERVERS[2]].append(measure_nginx(place / "at-once", script, count, seconds, AT_ONCE))
                rows[count, SERVERS[3]].append(measure_disk(folder, count, seconds))
    print("| server | connections | events/s | events per server-CPU-second | acknowledgement p50 | p99 | server's CPU | peak memory |")
    print("|---|---|---|---|---|---|---|---|")
    for (count, server), found in rows.items():
        rate, per_cpu, p50, p99, cpu, peak = (statistics.median(row[i] for row in found) for i in range(6))
        memory = f"{peak:.0f} MiB" if peak else "-"
        print(f"| {server} | {count} | {rate:,.0f} | {per_cpu:,.0f} | {p50:.1f} ms | {p99:.1f} ms | {cpu:.0%} | {memory} |")


if __name__ == "__main__":
    main()
