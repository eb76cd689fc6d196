"""The lake beside other writers and readers: checkpoints, compaction, retention. What delta-rs and
DuckDB read is compared with the ledger, and `verify` says that nothing changed."""

import datetime
import json
import os
import time

import deltalake
import duckdb
import pytest
from harness import run_ok, tidemark
from service import device_event

PARTITIONS = 2
TABLES = ("raw", "events", "rejected")


@pytest.fixture
def service(make_service):
    settings = [
        f"log.embedded.partitions={PARTITIONS}",
        "process.checkpoint=1h",
        "lake.compact.every=0s",
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


# ---- our own compaction, retention and archives


def lake(service, *arguments, ok=True):
    """`tidemark lake ...` or `tidemark compact`: its rows, by table."""
    done = tidemark(
        *arguments, "--preset", "device", "--data", service.place, "--format", "ndjson"
    )
    assert (done.returncode == 0) == ok, done.stderr.decode()
    rows = [json.loads(line) for line in done.stdout.decode().splitlines()]
    return {row.pop("table"): row for row in rows}


def check_lake(service):
    rows = lake(service, "lake", "check")
    assert sum(row["problems"] for row in rows.values()) == 0
    return rows


def lake_rows(service, table, columns, where):
    files = [uri.removeprefix("file://") for uri in service.table(table).file_uris()]
    return duckdb.sql(
        f"SELECT {columns} FROM read_parquet({files!r}, hive_partitioning = true) WHERE {where}"
    ).fetchall()


def days_ago(events, days):
    """The same events on another day; their clocks are what they say."""
    when = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=days)
    return [event | {"timestamp": when.isoformat()} for event in events]


def test_compaction_changes_nothing(service):
    send_epochs(service, 8)
    before = read_all(service)
    done = lake(service, "compact")
    for table in TABLES:
        assert (done[table]["files_before"], done[table]["files_after"]) == (
            lake(service, "lake")[table]["files"] - 1 + done[table]["files_before"],
            1,
        )
        assert done[table]["rows_dropped"] == 0
        table = service.table(table)
        assert table.history(1)[0]["operation"] == "OPTIMIZE"
    assert read_all(service) == before
    check_lake(service)
    assert lake(service, "compact")["events"]["steps"] == 0  # nothing is left to do
    send_epochs(service, 8, first=8)  # over a commit that was not the service's
    check(service, 16)
    assert lake(service, "compact")["events"]["steps"] == 1
    service.kill()
    service.start()
    check(service, 16)
    check_lake(service)
    assert service.stop() == 0


def test_compacted_rows_are_in_order(service):
    send_epochs(service, 8)
    lake(service, "compact")
    (file,) = [uri.removeprefix("file://") for uri in service.table("raw").file_uris()]
    places = duckdb.sql(f'SELECT "partition", "offset" FROM read_parquet({file!r})').fetchall()
    assert places == sorted(places) and len(places) == 96
    add = [
        json.loads(line)["add"]
        for line in (service.place / f"lake/raw/_delta_log/{8:020}.json").read_text().splitlines()
        if line.startswith('{"add"')
    ]
    stats = json.loads(add[0]["stats"])
    assert stats["numRecords"] == 96 and stats["nullCount"]["sent_time"] == 96
    assert stats["minValues"]["offset"] == 0
    assert stats["maxValues"]["offset"] == max(offset for _, offset in places)
    assert add[0]["dataChange"] is False


def test_the_service_compacts_when_quiet(make_service):
    settings = ["process.checkpoint=1h", "lake.compact.every=1s", "lake.compact.files=4"]
    service = make_service(
        preset="device", settings=[f"log.embedded.partitions={PARTITIONS}", *settings]
    ).start()
    send_epochs(service, 4)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and lake(service, "lake")["raw"]["files"] > 2:
        time.sleep(0.2)  # until it has looked
    assert lake(service, "lake")["raw"]["files"] <= 2
    check(service, 4)
    check_lake(service)
    assert service.stop() == 0


def send_days(service, days):
    """An epoch of ten events for each day before today, and a broken record in each."""
    for day in days:
        events = days_ago([device_event(f"day{day}-{i}", device=i) for i in range(10)], day)
        lines = [json.dumps(event) for event in events] + [f"broken {day}"]
        reply = service.post_events("".join(line + "\n" for line in lines).encode())
        assert reply.status == 200, reply
        service.barrier()


def test_expired_days_leave_and_the_ledger_stays(service):
    send_days(service, range(12))
    before = service.verify()
    assert "not compared" not in before
    ledger = service.ledger()
    done = lake(service, "lake", "expire", "--table", "events", "--older", "8d")
    assert done["events"]["rows"] == 30 and done["events"]["days"] == 3
    rows = check_lake(service)
    assert rows["events"]["expired_rows"] == 30 and rows["events"]["rows"] == 90
    after = service.verify()  # the ledger with what left, the cells of the days that are whole
    assert "not compared: it looks back" in after and "live and lake are equal" in after
    assert lake(service, "lake", "expire", "--table", "events", "--older", "8d")["events"]["rows"] == 0
    # Rejected rows are of the day on which they came: all of them today.
    assert lake(service, "lake", "expire", "--table", "rejected", "--older", "1d")["rejected"]["rows"] == 0
    lake(service, "compact", "--set", "lake.compact.files=2")
    for table in ("events", "raw"):
        service.table(table).optimize.compact()
    service.verify()
    send_epochs(service, 12)  # through a checkpoint, from which the record of expiry must be read
    service.kill()
    service.start()
    service.verify()
    assert service.ledger()["processed"] == ledger["processed"] + 120
    check_lake(service)
    assert service.stop() == 0


def test_batch_keeps_what_expired(service):
    """A run after days left does not override what was computed while they were there."""
    send_days(service, range(12))
    service.settle()

    def batch():
        done = run_ok(
            "batch", "--preset", "device", "--data", service.place, "--format", "json",
            "--set", f"log.embedded.partitions={PARTITIONS}",
        )  # fmt: skip
        return json.loads(done.stdout)["run"]

    assert batch() == 1
    lake(service, "lake", "expire", "--table", "events", "--older", "8d")
    assert batch() == 2
    covered = dict(
        lake_rows(service,
            "metrics", "metric, epoch_us(window_start)", "generation = 'coverage' AND run = 2"
        )
    )
    today = int(time.time() // 86400)
    assert covered["daily_active_devices"] == (today - 8) * 86400 * 1_000_000
    assert all(start is not None for start in covered.values())
    done = lake(service, "compact")  # drops run 1 only where run 2 has been
    assert done["metrics"]["rows_dropped"] > 0
    left = lake_rows(service,
        "metrics",
        "run, epoch_us(window_start)",
        "generation = 'batch' AND metric = 'daily_active_devices'",
    )
    assert {run for run, start in left if start < covered["daily_active_devices"]} == {1}
    assert {run for run, start in left if start >= covered["daily_active_devices"]} == {2}
    assert len(left) == 12
    assert service.stop() == 0


def test_archive(service, tmp_path):
    send_days(service, range(6))
    events = sorted(service.lake_rows("events", "_partition, _offset, event_id"))
    cold = tmp_path / "cold"
    for _ in range(2):  # again: there is nothing more to move
        done = lake(service, "lake", "archive", "--table", "events", "--older", "3d", "--to", cold)
    assert done["events"]["rows"] == 0
    kept = service.lake_rows("events", "_partition, _offset, event_id")
    moved = duckdb.sql(
        "SELECT _partition, _offset, event_id FROM read_parquet("
        + repr([uri.removeprefix("file://") for uri in deltalake.DeltaTable(str(cold / "events")).file_uris()])
        + ")"
    ).fetchall()
    assert len(moved) == 20 and sorted(kept + moved) == events
    service.verify()
    check_lake(service)
    assert service.stop() == 0


def test_archive_goes_on_where_it_was_killed(service, tmp_path):
    """A copy that was made and committed, but whose originals were not removed."""
    send_days(service, range(6))
    cold = tmp_path / "cold"
    lake(service, "lake", "archive", "--table", "events", "--older", "3d", "--to", cold)
    log = service.place / "lake/events/_delta_log"
    newest = max(log.glob("*.json"))
    assert service.stop() == 0
    newest.unlink()  # the removal
    lake(service, "lake", "archive", "--table", "events", "--older", "3d", "--to", cold)
    assert len(deltalake.DeltaTable(str(cold / "events")).file_uris()) == len(
        set(deltalake.DeltaTable(str(cold / "events")).file_uris())
    )
    assert deltalake.DeltaTable(str(cold / "events")).to_pyarrow_table().num_rows == 20
    service.start()
    service.verify()
    check_lake(service)
    assert service.stop() == 0


def test_vacuum(service):
    send_epochs(service, 8)
    lake(service, "compact")
    place = service.place / "lake"
    orphan = place / "events/event_date=2026-01-01/orphan.parquet"
    orphan.parent.mkdir()
    orphan.write_bytes(b"left by a crash")
    assert lake(service, "lake", "vacuum")["events"]["files"] == 0  # all of it is young
    old = time.time() - 8 * 86400
    for file in place.rglob("*.parquet"):
        if "_delta_log" not in file.parts:
            os.utime(file, (old, old))
    dry = lake(service, "lake", "vacuum", "--dry-run")["events"]
    assert dry["files"] == 1 and orphan.exists()  # what was compacted was removed just now
    assert lake(service, "lake", "vacuum")["events"] == dry
    assert not orphan.exists()
    check(service, 8)
    assert "at least 1h" in tidemark(
        "lake", "vacuum", "--preset", "device", "--data", service.place, "--older", "1m"
    ).stderr.decode()
    assert service.stop() == 0


# ---- lake check


def damage_size(place):
    file = next(iter((place / "events").glob("event_date=*/*.parquet")))
    file.write_bytes(file.read_bytes() + b"x")
    return "bytes, the log says"


def damage_missing(place):
    next(iter((place / "raw").glob("*=*/*.parquet"))).unlink()
    return "is not there"


def damage_rows(place):
    """As long as it was, with a row less than promised."""
    log = place / "rejected/_delta_log" / f"{1:020}.json"
    text = log.read_text()
    log.write_text(text.replace('{\\"numRecords\\":1,', '{\\"numRecords\\":2,'))
    assert log.read_text() != text
    return "the log says"


def damage_manifest(place):
    (place / "_tidemark/manifests/0" / f"{1:020}.json").unlink()
    return "partition 0 has no manifest 1, but a later one"


def damage_commit(place):
    (place / "events/_delta_log" / f"{2:020}.json").unlink()
    return "the log of events has no commit 2"


def damage_txn(place):
    """Recovery would make the commit once more."""
    log = place / "events/_delta_log" / f"{4:020}.json"
    lines = [line for line in log.read_text().splitlines() if '"txn"' not in line]
    log.write_text("\n".join(lines) + "\n")
    return "its manifests say"


@pytest.mark.parametrize(
    "damage",
    [damage_size, damage_missing, damage_rows, damage_manifest, damage_commit, damage_txn],
)
def test_check_finds(service, damage):
    send_epochs(service, 5)
    assert service.stop() == 0
    check_lake(service)
    expected = damage(service.place / "lake")
    done = tidemark("lake", "check", "--preset", "device", "--data", service.place)
    assert done.returncode == 7, done.stderr.decode()
    assert expected in done.stderr.decode() and "NOT whole" in done.stderr.decode()


def test_words_are_suggested(service):
    place = ("--preset", "device", "--data", service.place)
    assert "did you mean 'archive'?" in tidemark("lake", "archiv", *place).stderr.decode()
    assert "did you mean 'events'?" in tidemark("lake", "--table", "event", *place).stderr.decode()
    assert "give one of them" in tidemark(
        "lake", "expire", *place, "--table", "raw", "--before", "2026-01-01", "--older", "1d"
    ).stderr.decode()
    assert tidemark("lake", "expire", *place, "--older", "1d").returncode == 2
    assert tidemark("lake", "--preset", "device", "--lake", "/nowhere").returncode == 5
    assert service.stop() == 0
