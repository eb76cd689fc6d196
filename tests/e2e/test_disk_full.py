"""A full disk: 503 with Retry-After, nothing accepted is lost, and it goes on when there is space.

Log and lake stand on a tmpfs of a few MiB, where a ballast file takes most of the space. Events are
posted until the service says 503; queries still work; the ballast goes; posting works again with
the
same process; at the end every acknowledged event is counted and in the lake. Mounting needs root;
where it is not permitted the test skips.
"""

import contextlib
import os
import subprocess
import time

import pytest
from service import device_event

SIZE_MIB = 24
BALLAST_MIB = 17
WAIT_S = 60


@pytest.fixture
def small_disk(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "tmpfs", str(place)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"cannot mount a tmpfs here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(path, size):
    with open(path, "wb") as file:
        written = 0
        with contextlib.suppress(OSError):
            while written < size:
                written += file.write(b"\0" * min(65536, size - written))
                file.flush()
    return written


def batch(number):
    """About 100 KB that does not compress away."""
    return [
        device_event(f"{number}-{i}", device=i, session_id=os.urandom(400).hex())
        for i in range(100)
    ]


@pytest.mark.parametrize("crash", [False, True], ids=["goes on", "killed while full"])
def test_full_disk(make_service, small_disk, crash):
    service = make_service(
        preset="device",
        settings=[
            "log.embedded.partitions=2",
            "log.embedded.segment_bytes=1MiB",
            "process.checkpoint=200ms",
        ],
    )
    service.place = small_disk / "place"
    service.start()
    ballast = small_disk / "ballast"
    assert fill(ballast, BALLAST_MIB << 20) == BALLAST_MIB << 20

    acknowledged, number, client = set(), 0, service.client()

    def post():
        """Posts the next batch; the reply."""
        nonlocal number
        events = batch(number)
        number += 1
        reply = client.post_events(events)
        assert service.is_alive(), service.log_tail()
        if reply.status == 200:
            acknowledged.update(e["event_id"] for e in events)
        else:
            assert reply.status == 503, reply
            assert int(reply.headers["Retry-After"]) > 0
            assert reply.headers["Content-Type"] == "application/problem+json"
        return reply

    deadline = time.monotonic() + WAIT_S
    refused = 0
    while refused < 5 and time.monotonic() < deadline:
        refused += post().status == 503
    assert refused == 5, f"never full: {len(acknowledged)} events"
    assert len(acknowledged) >= 100
    assert service.get("/health").status == 200
    assert service.get("/api/v1/metrics/daily_events").status == 200

    if crash:
        client.close()
        service.kill()
    ballast.unlink()
    if crash:
        service.start()
        client = service.client()

    deadline = time.monotonic() + WAIT_S
    before = len(acknowledged)
    while len(acknowledged) < before + 500 and time.monotonic() < deadline:
        if post().status == 503:
            time.sleep(0.05)  # Retry-After says longer; the test need not
    assert len(acknowledged) >= before + 500, f"does not go on:\n{service.log_tail()}"

    service.verify()
    ledger = service.check_lake_against_ledger()
    ids = [row[0] for row in service.lake_rows("events", "event_id")]
    assert len(set(ids)) == len(ids) == ledger["processed"]
    assert acknowledged <= set(ids), "acknowledged, but lost"
    assert service.stop() == 0
