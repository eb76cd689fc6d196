"""kill -9 at 50 random moments under load, and nothing is lost or doubled.

Client threads post numbered events, note which of them were acknowledged, and send a batch whose
answer never came again, as it was, to the next process; some events are defective. Each process is
killed at a random moment, early ones while it still recovers, and started on the same directories.
At the end every acknowledged event is counted exactly once, whatever was counted was sent, no uid
and no rejected record stands twice in the lake, both tables hold what the ledger says, and verify
finds the live numbers equal to the lake's.
"""

import contextlib
import http.client
import itertools
import os
import random
import threading
import time

import pytest
from harness import replay_hint, seed_of_run
from service import device_event, in_threads

KILLS = int(os.environ.get("TIDE_KILLS", 50))
CLIENTS = 3
BATCH = 12
EVENTS_MIN = 1000  # acknowledged under kills, however slow the disk
SLOW_S = 600
TEST = "tests/e2e/test_kill.py"

DEFINITIONS = """\
preset: device
metrics:
  by_id: {count: events, by: [event_id], every: 1d}
"""


class Load:
    """What was sent and what was acknowledged; shared by the client threads."""

    def __init__(self, seed):
        self.seed = seed
        self.numbers = itertools.count()
        self.lock = threading.Lock()
        self.sent, self.acknowledged = set(), set()
        self.rejected_acknowledged = 0
        self.port = None  # None: nobody listens
        self.ended = False

    def batch(self, r):
        """(ids, number of defective events, body)"""
        ids, defective, events = [], 0, []
        for _ in range(r.randrange(1, BATCH)):
            number = next(self.numbers)
            event = device_event(number, device=r.randrange(50))
            if r.random() < 0.03:
                del event["device_id"]  # required: rejected
                defective += 1
            else:
                ids.append(event["event_id"])
            events.append(event)
        return ids, defective, events

    def run(self, client_number):
        r = random.Random(self.seed * 100 + client_number)
        from service import Client

        again, client, port = None, None, None
        while not self.ended:
            if self.port is None or self.port != port:
                if client:
                    client.close()
                client, port = None, self.port
                if port is None:
                    time.sleep(0.002)  # until the next process listens
                    continue
                client = Client(port)
            ids, defective, events = again or self.batch(r)
            with self.lock:
                self.sent.update(ids)
            again = ids, defective, events
            with contextlib.suppress(OSError, http.client.HTTPException):
                reply = client.post_events(events)
                if reply.status == 200:
                    again = None
                    with self.lock:
                        self.acknowledged.update(ids)
                        self.rejected_acknowledged += defective
                elif reply.status != 503:
                    raise AssertionError(reply)
                continue
            port = None  # the process died: wait for the next one
            if self.port is not None:
                time.sleep(0.002)


@pytest.mark.parametrize("workers", [2])
def test_kill_nine_at_random_moments(make_service, tmp_path, workers):
    seed = seed_of_run()
    print(f"seed {seed}; {replay_hint(seed, TEST)}")
    r = random.Random(seed)
    file = tmp_path / "tidemark.yaml"
    file.write_text(DEFINITIONS)
    service = make_service(
        file=file,
        settings=[
            "log.embedded.partitions=3",
            "log.embedded.segment_bytes=1MiB",
            "process.checkpoint=60ms",
            f"process.workers={workers}",
        ],
        metrics=["by_id", "daily_events", "daily_active_devices"],
    )
    load = Load(seed)
    threads, errors = in_threads(CLIENTS, load.run)
    try:
        deadline = time.monotonic() + SLOW_S
        for number in itertools.count():
            if number >= KILLS and len(load.acknowledged) > EVENTS_MIN:
                break
            assert time.monotonic() < deadline or number < KILLS, "hardly any load"
            service.launch()
            if r.random() < 0.25:
                time.sleep(r.random() * 0.15)  # the random moment: maybe before it listens
            else:
                service.wait_until_listening()
                load.port = service.port
                time.sleep(r.random() ** 2 * 1.2)  # the random moment
            load.port = None
            assert service.is_alive(), f"died by itself:\n{service.log_tail()}"
            service.kill()
            assert not errors, errors
        service.start()
        load.port = service.port
        acknowledged = len(load.acknowledged)
        deadline = time.monotonic() + SLOW_S
        while len(load.acknowledged) < acknowledged + 200:
            assert not errors, errors
            assert time.monotonic() < deadline, "hardly any load"
            time.sleep(0.01)  # until the last process has acknowledged some too
    finally:
        load.ended = True
    for thread in threads:
        thread.join(timeout=60)
    assert not errors, errors

    print(f"sent {len(load.sent)}, acknowledged {len(load.acknowledged)}")
    service.verify()
    counted = {}
    for (_, event_id), value in service.cells("by_id").items():
        counted[event_id] = counted.get(event_id, 0) + value
    assert not load.acknowledged - set(counted), "acknowledged, but lost"
    assert set(counted.values()) == {1}, "counted twice"
    assert set(counted) <= load.sent, "never sent"

    ledger = service.check_lake_against_ledger()
    assert ledger["processed"] == len(counted)
    print(f"ledger {ledger}")
    assert ledger["rejected"].get("missing", 0) >= load.rejected_acknowledged
    ids = [row[0] for row in service.lake_rows("events", "event_id")]
    assert sorted(ids) == sorted(counted)

    before = counted, ledger
    assert service.stop() == 0
    service.start()
    assert (
        {k[1]: v for k, v in service.cells_after_barrier("by_id").items()},
        service.ledger(),
    ) == before
    assert service.stop() == 0
