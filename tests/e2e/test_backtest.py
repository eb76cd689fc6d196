"""tidemark backtest: definitions over the events of a lake, against the oracle over the events
themselves; which lakes it refuses, and that it writes nothing."""

import csv
import io
import json

import pytest
from harness import DATA, PRESETS, cells_of, differences, oracle, run_ok, tidemark
from service import device_event

DEVICE = DATA / "device-3000.ndjson"

NEW = """\
preset: device
metrics:
  crashes_by_day: {count: events, where: 'event_type == "crash_event"', every: 1d}
  heavy_users: {distinct: device_id, having: 'count() > 5', by: [region], every: 1w}
  crash_share: {ratio: [crashes_by_day, all_events]}
  all_events: {count: events, every: 1d}
"""


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    folder = tmp_path_factory.mktemp("backtest") / "lake"
    run_ok("replay", "--preset", "device", "--partitions", "3", "--lake", folder, DEVICE)
    return folder


@pytest.fixture
def new(tmp_path):
    (tmp_path / "new.yaml").write_text(NEW)
    return tmp_path / "new.yaml"


def everything_below(folder):
    return {
        (str(path), path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_every_metric_of_a_preset_is_the_oracles(lake, tmp_path):
    before = everything_below(lake)
    done = run_ok("backtest", "--preset", "device", "--lake", lake)
    (tmp_path / "actual").write_bytes(done.stdout)
    oracle(PRESETS / "device.yaml", DEVICE, tmp_path / "expected")
    found = differences(tmp_path / "expected", tmp_path / "actual", "--no-ledger")
    assert not found, found
    assert everything_below(lake) == before, "it only reads"
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 26 and all(line.startswith("backtest: ") for line in lines)


def test_new_definitions_on_an_old_lake(lake, new, tmp_path):
    names = ["crashes_by_day", "heavy_users", "crash_share"]
    only = [word for name in names for word in ("--metric", name)]
    done = run_ok("backtest", new, "--lake", lake, *only)
    (tmp_path / "actual").write_bytes(done.stdout)
    replayed = run_ok("replay", "-c", new, *only, DEVICE)
    (tmp_path / "expected").write_bytes(replayed.stdout)
    assert not differences(tmp_path / "expected", tmp_path / "actual", "--no-ledger")
    cells = cells_of(tmp_path / "actual")
    assert {cell["metric"] for cell in cells} == set(names), "parts that nobody asked for are hidden"

    # The definition travels with its numbers.
    told = json.loads(run_ok("validate", new, "--format", "json").stdout)["metrics"]
    hashes = {metric["name"]: metric["definition"] for metric in told}
    assert all(cell["definition"] == hashes[cell["metric"]] for cell in cells)


def test_from_to_and_formats(lake, new):
    words = ["backtest", new, "--lake", lake, "--metric", "all_events", "--format", "csv"]
    rows = list(csv.DictReader(io.StringIO(run_ok(*words).stdout.decode())))
    assert len(rows) > 3
    first, last = rows[1]["start"], rows[3]["start"]
    some = run_ok(*words, "--from", first, "--to", last[:10]).stdout.decode()
    assert list(csv.DictReader(io.StringIO(some))) == rows[1:3]
    table = run_ok(*words[:-1], "table").stdout.decode().splitlines()
    assert table[0].split() == ["metric", "start", "end", "value", "definition"]
    assert [line.split()[3] for line in table[1:]] == [row["value"] for row in rows]


def test_the_lake_of_a_service(make_service, new):
    """Its directory, or its configuration, says which; the service goes on meanwhile."""
    service = make_service(preset="device", settings=["log.embedded.partitions=2"]).start()
    service.post_events([device_event(i, device=i % 5) for i in range(40)])
    service.barrier()
    words = ["backtest", new, "--metric", "all_events"]
    (line,) = run_ok(*words, "--data", service.place).stdout.splitlines()
    assert json.loads(line)["value"] == 40
    new.write_text(NEW + f"lake: {{url: 'file:{service.place}/lake'}}\n")
    assert run_ok(*words).stdout == line + b"\n"


@pytest.mark.parametrize(
    "words, code, message",
    [
        ([], 2, "say what the events are"),
        (["new.yaml", "--lake", "none"], 5, "there is no lake in none"),
        (["new.yaml", "--lake", "a", "--data", "b"], 2, "--lake and --data both name a lake"),
        (["new.yaml", "--lake", "s3://b/p"], 3, "s3://b/p"),
        (["new.yaml", "--from", "x"], 2, "--from 'x' is not a time"),
        (["new.yaml", "--from", "2026-03-02", "--to", "2026-03-02"], 2, "--from is not before --to"),
        (["new.yaml", "--format", "xml"], 2, "unknown format 'xml'"),
        (["new.yaml", "--metric", "all_event"], 3, "did you mean 'all_events'?"),
        (["missing.yaml"], 5, "missing.yaml"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_refused(new, words, code, message):
    done = tidemark("backtest", *words, cwd=new.parent)
    assert (done.returncode, done.stdout) == (code, b""), done
    assert message in done.stderr.decode()
    assert [path.name for path in new.parent.iterdir()] == ["new.yaml"], "nothing was left behind"


def test_a_lake_of_another_schema(lake):
    done = tidemark("backtest", "--preset", "sunbird", "--lake", lake)
    assert (done.returncode, done.stdout) == (3, b"")
    assert f"the lake in {lake} is not one of schema 'sunbird'" in done.stderr.decode()
    assert b"the table has a column 'device_id' where 'synced_time' belongs" in done.stderr
