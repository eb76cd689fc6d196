"""The lake beside other writers and readers: checkpoints, compaction, retention. What delta-rs and
DuckDB read is compared with the ledger, and `verify` says that nothing changed."""

import json
import os

import deltalake
import pytest
from service import device_event

PARTITIONS = 2
TABLES = ("raw", "events", "rejected")


@pytest.fixture
def service(make_service):
    settings = [
        f"log.embedded.partitions={PARTITIONS}",
        "process.checkpoint=1h",
        # "lake.compact.every=0s",
    ]
    return make_service(preset="device", settings=settings).start()


def send_epochs(service, count, first=0, size=12):
    """So many epochs of `size` events, one of them broken and one a duplicate."""
    for epoch in range(first, first + count):
        events = [device_event(f"{epoch}-{i}", device=i % 5) for i in range(size - 2)]
        lines = [json.dumps(event) for event in [*events, events[0]]] + ["broken"]
        reply = service.post_events("".join(line + "\n" for line in lines).encode())
        assert reply.status == 200, reply
        service.barrier()


def log_names(service, table):
    return sorted(p.name for p in (service.place / "lake" / table / "_delta_log").iterdir())


def read_all(service):
    """{table: rows as delta-rs has them, sorted}, which DuckDB must have too."""
    found = {}
    for name in TABLES:
        table = service.table(name)
        rows = table.to_pyarrow_table().to_pylist() if table else []
        assert service.lake_rows(name, "count(*)") == [(len(rows),)], name
        found[name] = sorted(json.dumps(row, default=str, sort_keys=True) for row in rows)
    return found


def check(service, epochs, size=12):
    ledger = service.check_lake_against_ledger()
    assert ledger["verdicts"] == epochs * size
    assert len(service.lake_rows("raw", '"offset"')) == epochs * size
    service.verify()


def test_raw_is_every_record(service):
    send_epochs(service, 2)
    check(service, 2)
    rows = service.lake_rows(
        "raw", 'bytes, partition, "offset", _epoch, source, epoch_us(received_time)'
    )
    assert len({row[1:3] for row in rows}) == 24
    assert sum(row[0] == b"broken" for row in rows) == 2
    kept = {json.loads(row[0])["event_id"] for row in rows if row[0] != b"broken"}
    assert kept == {f"e{epoch}-{i}" for epoch in range(2) for i in range(10)}
    assert all(row[4] and row[5] for row in rows)
    assert service.stop() == 0


def test_raw_can_be_switched(service):
    """Off and on again: the epochs between have no rows in it, and nothing else changes."""
    send_epochs(service, 2)
    assert service.stop() == 0
    service.settings.append("lake.raw=false")
    service.start()
    send_epochs(service, 2, first=2)
    assert len(service.lake_rows("raw", "1")) == 24
    assert service.stop() == 0
    service.settings.append("lake.raw=true")
    service.start()
    send_epochs(service, 1, first=4)
    service.check_lake_against_ledger()
    assert len(service.lake_rows("raw", "1")) == 36
    assert service.stop() == 0


def test_checkpoints_are_read_by_all(service):
    send_epochs(service, 21)
    before = read_all(service)
    for table in TABLES:
        names = log_names(service, table)
        assert [n for n in names if "checkpoint" in n] == [
            "00000000000000000010.checkpoint.parquet",
            "00000000000000000020.checkpoint.parquet",
            "_last_checkpoint",
        ]
        hint = json.loads((service.place / "lake" / table / "_delta_log/_last_checkpoint").read_text())
        assert hint["version"] == 20
        for version in range(20):  # from here on only the checkpoint has them
            os.remove(service.place / "lake" / table / "_delta_log" / f"{version:020}.json")
    assert read_all(service) == before
    service.verify()
    send_epochs(service, 1, first=21)
    assert service.stop() == 0
    service.start()
    check(service, 22)
    assert service.stop() == 0


def test_damaged_checkpoints_are_passed_over(service):
    send_epochs(service, 21)
    log = service.place / "lake/events/_delta_log"
    (log / "00000000000000000020.checkpoint.parquet").write_bytes(b"PAR1 and nothing")
    (log / "_last_checkpoint").write_text('{"version": 20, "size')
    service.verify()
    service.kill()
    service.start()
    service.verify()
    assert b"checkpoint 20 of events cannot be read" in service.log_of_this_start()
    for version in range(15):  # now not even the one before helps
        os.remove(log / f"{version:020}.json")
    assert service.stop() == 0
    service.launch()
    assert service.exited() != 0
    assert "cleaned away, and checkpoint 20 of events cannot be read" in service.log_tail()


def test_foreign_checkpoint_and_cleanup(service):
    """delta-rs writes a checkpoint and cleans the log behind it."""
    send_epochs(service, 3)
    before = read_all(service)
    assert service.stop() == 0
    for table in TABLES:
        foreign = service.table(table)
        foreign.create_checkpoint()
        log = service.place / "lake" / table / "_delta_log"
        for version in range(foreign.version() + 1):
            os.remove(log / f"{version:020}.json")
    service.start()
    assert read_all(service) == before
    send_epochs(service, 1, first=3)
    check(service, 4)
    assert service.stop() == 0


def test_foreign_optimize_and_vacuum(service):
    """Between our commits somebody else compacts, vacuums and comments on every table."""
    send_epochs(service, 4)
    before = read_all(service)
    for table in TABLES:
        foreign = service.table(table)
        metrics = foreign.optimize.compact()
        assert metrics["numFilesRemoved"] > 0, table
        foreign.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    assert read_all(service) == before
    service.verify()
    send_epochs(service, 8, first=4)  # through a checkpoint of ours over their commits
    check(service, 12)
    service.kill()
    service.start()
    check(service, 12)
    assert service.stop() == 0


def test_foreign_protocol_is_told(service):
    send_epochs(service, 1)
    foreign = service.table("events")
    foreign.alter.add_feature(deltalake.TableFeatures.DeletionVectors, allow_protocol_versions_increase=True)
    reply = service.post_events([device_event("later")])
    assert reply.status == 200
    service.settle()
    service.ask("POST", "/api/v1/barrier")
    assert service.exited() != 0
    assert "the table's protocol is (3,7), we write (1,2)" in service.log_tail()
