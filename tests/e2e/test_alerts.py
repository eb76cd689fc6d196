"""Alerts of a running service: judged by the closing clock, told once across kills, in the log, to a
webhook that checks signatures, in the API and in the metrics.

The closing clock follows the events' own times here (one partition, no out-of-orderness), so nothing
waits for minutes to pass: an event of a later minute closes those before it.
"""

import contextlib
import hashlib
import hmac
import http.server
import json
import os
import re
import threading
import time

import pytest
from harness import tidemark

SECRET = "a secret of the tests"
MINUTE_MS = 60_000

DEFINITIONS = """
schema:
  name: t
  entity: user_id
  id: id
  type: kind
  time: at_
  clock: {tolerance: 60s, max_ahead: 5m, max_age: 400d, out_of_orderness: 0s}
  columns:
    id: {path: id}
    kind: {path: kind, required: true}
    at_: {path: at, type: time_ms, required: true}
    user_id: {path: user}
    version: {path: version}
metrics:
  crashes: {count: events, where: 'kind == "crash"', by: [version], every: 1m}
  all: {count: events, every: 1m}
alerts:
  spike: {metric: crashes, when: 'value >= 5 and value > 3 * baseline', baseline: 5m, for: 1m,
          notify: [log, webhook]}
  quiet: {metric: all, absent: 1h, notify: [log, webhook]}
notify:
  interval: 20ms
"""


class Receiver:
    """Checks the signature of what is posted; the first answers are failures, as many as asked."""

    def __init__(self, failures=0):
        self.failures, self.accepted, self.bad, self.attempts = failures, [], [], 0
        self.lock = threading.Lock()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(receiver.receive(self.headers, body))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?token=not-for-the-log"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def receive(self, headers, body):
        with self.lock:
            self.attempts += 1
            found = re.fullmatch(
                r"t=(\d+),v1=([0-9a-f]{64})", headers["X-Tidemark-Signature"] or ""
            )
            message = json.loads(body)
            if not found or abs(int(found[1]) - time.time()) > 60:
                self.bad.append((dict(headers), body))
                return 401
            expected = hmac.new(SECRET.encode(), f"{found[1]}.".encode() + body, hashlib.sha256)
            if not hmac.compare_digest(expected.hexdigest(), found[2]):
                self.bad.append((dict(headers), body))
                return 401
            if message["id"] != headers["X-Tidemark-Delivery"]:
                self.bad.append((dict(headers), body))
                return 400
            if self.failures > 0:
                self.failures -= 1
                return 503
            # A kill between a delivery and its mark repeats it, with the same id.
            if message not in self.accepted:
                assert message["id"] not in [m["id"] for m in self.accepted]
                self.accepted.append(message)
            return 200

    def states(self, alert):
        with self.lock:
            return [m["state"] for m in self.accepted if m["alert"] == alert]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver():
    with contextlib.closing(Receiver(failures=1)) as made:
        yield made


class World:
    """A service with DEFINITIONS whose minutes are played one by one."""

    def __init__(self, make_service, tmp_path, receiver, monkeypatch):
        file = tmp_path / "alerts.yaml"
        file.write_text(DEFINITIONS)
        monkeypatch.setenv("TIDEMARK_NOTIFY__WEBHOOK__SECRET", SECRET)
        self.receiver = receiver
        self.service = make_service(
            file=file,
            settings=["log.embedded.partitions=1", f"notify.webhook.url={receiver.url}"],
        )
        # Long ago, so that the wall clock of an idle partition has nothing to say: it closes all.
        self.start_ms = (int(time.time() * 1000) // MINUTE_MS - 60) * MINUTE_MS
        self.number = 0

    def event(self, minute, kind="use", version="1.0"):
        self.number += 1
        return {
            "id": f"e{self.number}",
            "kind": kind,
            "at": self.start_ms + minute * MINUTE_MS + 1000 + self.number % 50_000,
            "user": f"u{self.number % 7}",
            "version": version,
        }

    def play(self, minute, crashes=0, version="2.0"):
        """The minute's events, and one of the next, which closes it; waits until it is judged."""
        events = [self.event(minute)] + [
            self.event(minute, "crash", version) for _ in range(crashes)
        ]
        reply = self.service.post_events(events)
        assert reply.status == 200 and reply.json["rejected"] == 0, reply
        reply = self.service.post_events([self.event(minute + 1)])
        assert reply.status == 200, reply
        end = self.iso(minute + 1)
        self.wait(lambda: (self.alert("spike")["judged_until"] or "") >= end, f"minute {minute}")

    def iso(self, minute):
        seconds = (self.start_ms + minute * MINUTE_MS) // 1000
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))

    def alert(self, name):
        alerts = self.service.get_json("/api/v1/alerts")["alerts"]
        return next(a for a in alerts if a["name"] == name)

    def instance(self, version):
        for instance in self.alert("spike")["instances"]:
            if instance["group"] == {"version": version}:
                return instance
        return None

    def lines(self, words):
        log = self.service.log.read_text(errors="replace")
        return [line for line in log.splitlines() if " alert: " in line and words in line]

    def wait(self, is_reached, what, limit_s=60):
        deadline = time.monotonic() + limit_s
        while not is_reached():
            assert time.monotonic() < deadline, f"{what}\n{self.service.log_tail()}"
            time.sleep(0.01)  # until it can be seen


@pytest.fixture
def world(make_service, tmp_path, receiver, monkeypatch):
    made = World(make_service, tmp_path, receiver, monkeypatch)
    made.service.start()
    return made


def test_a_spike_fires_once_across_kills_and_resolves(world):
    for minute in range(6):
        world.play(minute, crashes=1)
    assert world.lines("spike") == []
    world.play(6, crashes=9)
    assert world.instance("2.0")["state"] == "pending"
    world.wait(lambda: world.lines("pending at "), "the line")
    world.service.kill()
    world.service.start()
    world.service.settle()
    world.play(7, crashes=20)
    instance = world.instance("2.0")
    assert instance["state"] == "firing" and instance["value"] == 20, instance
    assert instance["since"] == world.iso(8)
    assert world.alert("spike")["instances"][0] == instance, "the one that fires stands first"
    world.wait(lambda: len(world.receiver.states("spike")) == 2, "two deliveries")

    for _ in range(2):
        world.wait(lambda: world.lines("firing at "), "the line")
        world.service.kill()
        world.service.start()
        world.service.settle()
        assert world.instance("2.0")["state"] == "firing"
    metrics = world.service.get("/metrics").body.decode()
    assert 'tidemark_alerts{alert="spike",state="firing"} 1\n' in metrics

    world.play(8, crashes=0)
    assert world.instance("2.0")["state"] == "resolved"
    world.play(9, crashes=0)
    assert world.instance("2.0")["state"] == "ok"
    world.wait(lambda: len(world.receiver.states("spike")) == 3, "three deliveries")

    # Late events make the told windows larger: nobody is told again.
    late = [world.event(8, "crash", "2.0") for _ in range(50)]
    assert world.service.post_events(late).status == 200
    world.play(10, crashes=0)
    world.service.stop()

    assert world.receiver.states("spike") == ["pending", "firing", "resolved"]
    assert world.receiver.bad == []
    assert world.receiver.attempts > len(world.receiver.accepted), "the first answer was a failure"
    for state in ("pending", "firing", "resolved"):
        assert len(world.lines(f'spike {{"version": "2.0"}} {state} at ')) == 1, world.lines("spike")
    log = world.service.log.read_text(errors="replace")
    assert SECRET not in log and "not-for-the-log" not in log
    fired = next(m for m in world.receiver.accepted if m["state"] == "firing")
    assert fired["group"] == {"version": "2.0"} and fired["metric"] == "crashes"
    assert fired["window"] == {"start": world.iso(7), "end": world.iso(8)}
    assert fired["held_since"] == world.iso(7) and fired["at"] == world.iso(8)


def test_a_receiver_that_was_away_gets_everything_in_order(world):
    world.receiver.failures = 1_000_000
    for minute in range(6):
        world.play(minute, crashes=1)
    world.play(6, crashes=9)
    world.play(7, crashes=20)
    world.play(8, crashes=0)
    world.wait(lambda: len(world.lines("spike")) == 3, "the log does not wait for the webhook")
    assert world.receiver.states("spike") == []
    assert world.service.get_json("/api/v1/alerts")["untold"] == 3
    assert world.service.stop() == 0
    world.receiver.failures = 0
    world.service.start()
    world.wait(lambda: len(world.receiver.states("spike")) == 3, "deliveries of the past")
    assert world.receiver.states("spike") == ["pending", "firing", "resolved"]
    assert len([line for line in world.lines("spike") if "(id " in line]) == 3
    ids = [m["id"] for m in world.receiver.accepted]
    assert len(set(ids)) == len(ids)


def test_silence_and_its_end(make_service, tmp_path, receiver, monkeypatch):
    """The last event is hours old: as soon as the closing clock says so, it is silent."""
    world = World(make_service, tmp_path, receiver, monkeypatch)
    world.start_ms -= 180 * MINUTE_MS
    world.service.start()
    world.play(0)
    world.wait(lambda: world.alert("quiet")["instances"], "the first event")
    # Idle: the closing clock follows the wall clock after ten seconds.
    world.wait(lambda: world.lines("quiet firing at "), "silence", 60)
    assert world.alert("quiet")["instances"][0]["state"] == "firing"
    world.service.kill()
    world.service.start()
    now_minute = (int(time.time() * 1000) - world.start_ms) // MINUTE_MS
    assert world.service.post_events([world.event(now_minute)]).status == 200
    world.wait(lambda: world.receiver.states("quiet") == ["firing", "resolved"], "its end", 60)
    assert len(world.lines("quiet firing at ")) == 1
    assert len(world.lines("quiet resolved at ")) == 1


def test_validate_counts_alerts_and_tells_their_mistakes(tmp_path):
    file = tmp_path / "alerts.yaml"
    file.write_text(DEFINITIONS)
    done = tidemark("validate", str(file))
    assert done.returncode == 0 and b"2 metrics, 2 alerts" in done.stdout, done
    file.write_text(DEFINITIONS.replace("metric: crashes", "metric: crashs"))
    done = tidemark("validate", str(file))
    assert done.returncode == 3
    assert b"unknown metric 'crashs'; did you mean 'crashes'?" in done.stderr, done.stderr


def test_a_secret_in_the_file_is_refused_and_not_shown(tmp_path):
    file = tmp_path / "alerts.yaml"
    secret = "hunter2-hunter2"
    for text in (secret, "x${HOME}", "${HOME:-" + secret + "}"):
        file.write_text(DEFINITIONS + f"  webhook: {{secret: '{text}'}}\n")
        done = tidemark("validate", str(file))
        assert done.returncode == 3, (text, done)
        assert b"notify.webhook.secret is a secret" in done.stderr
        assert secret.encode() not in done.stderr + done.stdout
    file.write_text(DEFINITIONS + "  webhook: {secret: '${ALERT_SECRET}'}\n")
    os.environ.pop("ALERT_SECRET", None)
    assert tidemark("validate", str(file)).returncode == 3
    os.environ["ALERT_SECRET"] = secret
    try:
        done = tidemark("validate", str(file))
    finally:
        del os.environ["ALERT_SECRET"]
    assert done.returncode == 0, done.stderr
