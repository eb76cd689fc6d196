"""Spark with Delta on a lake of ours: it reads our checkpoints and merged files, and what it merges
itself we read."""

import json
import os
import pathlib
import subprocess
import sys

import pytest
from harness import run_ok, tidemark
from service import Service, device_event

HERE = pathlib.Path(__file__).resolve().parent


@pytest.fixture
def service(tmp_path):
    service = Service(
        tmp_path / "service",
        preset="device",
        settings=["log.embedded.partitions=2", "process.checkpoint=1h", "lake.compact.every=0s"],
    )
    yield service
    service.clean_up()


def send_epochs(service, count, first=0):
    for epoch in range(first, first + count):
        events = [json.dumps(device_event(f"{epoch}-{i}", device=i)) for i in range(10)]
        reply = service.post_events(("\n".join([*events, "broken"]) + "\n").encode())
        assert reply.status == 200, reply
        service.barrier()


def test_spark_reads_and_merges(service, hive_installed):
    """`hive_installed`: Delta's jars are here."""
    service.start()
    send_epochs(service, 12)
    run_ok(
        "compact", "--preset", "device", "--data", service.place, "--set", "lake.compact.files=4"
    )
    send_epochs(service, 9, first=12)
    lake = service.place / "lake"
    for table in ("events", "rejected", "raw"):
        for version in range(20):  # only the checkpoint has them
            os.remove(lake / table / "_delta_log" / f"{version:020}.json")
    done = subprocess.run(
        [sys.executable, HERE / "spark_delta.py", lake, "events", "rejected", "raw"],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable},
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert {name: (t["rows"], t["epochs"]) for name, t in found.items()} == {
        "events": (210, 21),
        "rejected": (21, 21),
        "raw": (231, 21),
    }
    assert all(table["rows_after"] == table["rows"] for table in found.values())
    send_epochs(service, 2, first=21)  # over Spark's commits
    service.verify()
    service.kill()
    service.start()
    service.check_lake_against_ledger()
    done = tidemark("lake", "check", "--preset", "device", "--data", service.place)
    assert done.returncode == 0, done.stderr.decode()
    assert service.stop() == 0
