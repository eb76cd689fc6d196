#!/usr/bin/env python3
"""From POST to the live feed: live.py [SECONDS] [EVENTS_PER_SECOND] [LISTENERS].

Starts the service with the Sunbird preset on a fresh directory and posts envelopes of 100 events at a steady rate, each answered when it is
durable. Each envelope has one marked event, which raises a cell of its sender; a listener of /api/v1/live, in a process of its own, notes
when it sees the cell risen. Latencies are from when the POST was sent (and, beside, from when it was due) until its message was received.
Then the service's CPU with and without listeners, under the same load and idle. Prints a table; asserts that no mark was missed.
"""
import http.client
import json
import multiprocessing
import os
import pathlib
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(ROOT / "tests/support_py"), str(HERE)]
from harness import run_ok  # noqa: E402
from kafka_drain import cpu_seconds, peak_mib  # noqa: E402
from service import JSON, Service  # noqa: E402

BODY, SENDERS, TEMPLATES, IDLE_S, DRAIN_S = 100, 4, 20, 5, 5
MARK = "PROBE-"


def templates():
    """Bodies of BODY - 1 good events; @T and @M stand for the time and for what makes ids new."""
    text = run_ok("generate", "--preset", "sunbird", "--count", str(TEMPLATES * BODY * 2), "--seed", "7").stdout
    events = []
    for line in text.decode(errors="replace").splitlines():
        try:
            event = json.loads(line)
            event["mid"], event["ets"], event["actor"]["id"], event["eid"]  # noqa: B018 - those that are whole
        except (ValueError, KeyError, TypeError):
            continue
        event["mid"], event["ets"] = f"@M-{len(events)}", "@T"
        event.pop("syncts", None)
        events.append(json.dumps(event, separators=(",", ":")).replace('"@T"', "@T"))
    size = BODY - 1
    assert len(events) >= size * 4, len(events)
    return [events[i : i + size] for i in range(0, len(events) - size + 1, size)][:TEMPLATES]


def mark(sender):
    event = {
        "eid": f"{MARK}{sender}", "ets": "@T", "ver": "3.0", "mid": "@M-mark", "actor": {"id": f"probe-{sender}", "type": "User"},
        "context": {"channel": "bench", "did": f"d{sender}", "env": "bench", "pdata": {"id": "bench.app", "ver": "1"}}, "edata": {},
    }
    return json.dumps(event, separators=(",", ":")).replace('"@T"', "@T")


def send(port, sender, rate, seconds, sent):
    """One connection; appends (due, sent, answered) of each body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    bodies = ["[" + ",".join(t + [mark(sender)]) + "]" for t in templates_made]
    every = BODY * SENDERS / rate
    start = time.monotonic() + sender * every / SENDERS
    for i in range(int(seconds / every)):
        due = start + i * every
        time.sleep(max(0.0, due - time.monotonic()))
        events = bodies[i % len(bodies)].replace("@M", f"{sender}-{time.time_ns()}").replace("@T", str(time.time_ns() // 1_000_000))
        body = f'{{"id":"bench","ver":"3.0","ets":{time.time_ns() // 1_000_000},"params":{{"msgid":"{sender}-{i}-{time.time_ns()}"}},"events":{events}}}'
        begun = time.monotonic()
        connection.request("POST", "/v1/telemetry", body, {"Content-Type": JSON})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        sent.append((due, begun, time.monotonic()))
    connection.close()


def messages(response):
    """(event, data) of each message."""
    event, data = None, []
    for line in response:
        line = line.rstrip(b"\n")
        if line.startswith(b"event: "):
            event = line[7:]
        elif line.startswith(b"data: "):
            data.append(line[6:])
        elif not line and data:
            yield event, b"\n".join(data)
            event, data = None, []


def listen(port, seen, ready, stop):
    """Notes when each sender's mark rose, and to what."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/api/v1/live")
    notes, counted, size = [], 0, 0
    for event, data in messages(connection.getresponse()):
        now = time.monotonic()
        counted, size = counted + 1, size + len(data)
        if event == b"status":
            ready.set()
        elif MARK.encode() in data:
            for cell in json.loads(data)["cells"]:
                name = cell.get("group", {}).get("event_type") or ""
                if name.startswith(MARK):
                    notes.append((now, int(name[len(MARK) :]), cell["start"], cell["value"]))
        if stop.is_set():
            break
    seen.put((notes, counted, size))


class Listeners:
    def __init__(self, port, count):
        self.stop, self.seen = multiprocessing.Event(), multiprocessing.Queue()
        self.processes = []
        for _ in range(count):
            ready = multiprocessing.Event()
            process = multiprocessing.Process(target=listen, args=(port, self.seen, ready, self.stop))
            process.start()
            assert ready.wait(20)
            self.processes.append(process)

    def end(self):
        self.stop.set()
        found = [self.seen.get(timeout=20) for _ in self.processes]
        for process in self.processes:
            process.join()
        return found


def cpu_while(service, work):
    """The share of a core."""
    before, start = cpu_seconds(service.process.pid), time.monotonic()
    work()
    return (cpu_seconds(service.process.pid) - before) / (time.monotonic() - start)


def load(port, rate, seconds):
    sent = [[] for _ in range(SENDERS)]
    threads = [threading.Thread(target=send, args=(port, i, rate, seconds, sent[i])) for i in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sent


def latencies(sent, notes, before):
    """Of each body the time until its mark was seen: the n-th of a sender by a value of n or more."""
    found = []
    for sender, bodies in enumerate(sent):
        hours, rises = {}, []  # a mark counts in its hour's cell: add up the hours
        for now, who, start, value in notes:
            if who == sender:
                hours[start] = value
                rises.append((now, sum(hours.values())))
        at = 0
        for n, (due, begun, _) in enumerate(bodies, before + 1):
            while at < len(rises) and rises[at][1] < n:
                at += 1
            assert at < len(rises), f"mark {n} of sender {sender} was never seen"
            found.append((rises[at][0] - begun, rises[at][0] - due))
    return found


def percentiles(values):
    values = sorted(values)
    return "  ".join(f"p{p:g} {values[min(len(values) - 1, int(len(values) * p / 100))] * 1000:7.1f} ms" for p in (50, 95, 99, 100))


def main():
    global templates_made
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    rate = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    listener_count = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    templates_made = templates()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TIDE_BENCH_DIR")) as folder:
        service = Service(pathlib.Path(folder), preset="sunbird").start()
        try:
            idle = cpu_while(service, lambda: time.sleep(IDLE_S))
            load(service.port, rate, 2)  # warm
            alone = []
            without = cpu_while(service, lambda: alone.extend(load(service.port, rate, seconds)))
            before = service.cells("events_per_type", filter=f'event_type == "{MARK}0"')
            before = int(sum(before.values()))
            listeners = Listeners(service.port, listener_count)
            sent = []
            with_one = cpu_while(service, lambda: sent.extend(load(service.port, rate, seconds)))
            time.sleep(2)
            idle_listening = cpu_while(service, lambda: time.sleep(IDLE_S))
            heard = listeners.end()
            found = latencies(sent, heard[0][0], before)
            acknowledged = [answered - begun for bodies in sent for _, begun, answered in bodies]
            print(f"{rate} events/s in bodies of {BODY} for {seconds} s, {len(found)} marks, {listener_count} listener(s): "
                  f"{heard[0][1]} messages, {heard[0][2] / 1e6:.1f} MB")
            print(f"acknowledged                     {percentiles(acknowledged)}")
            print(f"POST sent to message received    {percentiles([a for a, _ in found])}")
            print(f"POST due to message received     {percentiles([b for _, b in found])}")
            print(f"CPU of the service, cores: under load without listeners {without:.3f}, with {with_one:.3f}; "
                  f"idle {idle:.4f}, idle with listeners {idle_listening:.4f}; peak memory {peak_mib(service.process.pid):.0f} MiB")
            ledger = service.get_json("/api/v1/ledger")
            assert ledger["holds"], ledger
        finally:
            service.clean_up()


if __name__ == "__main__":
    main()
