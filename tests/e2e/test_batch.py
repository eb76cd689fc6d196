"""Batch generations: what `tidemark batch` writes is served where it has seen all, and only there;
late events, restarts, changed definitions, killed and competing runs."""

import contextlib
import datetime
import json
import pathlib
import re
import signal
import subprocess
import textwrap
import time
import urllib.parse

import duckdb
import midnight
import pytest
import yaml
from harness import DATA, PRESETS, ROOT, differences, oracle, program, run_ok, tidemark
from service import device_event

DEFINITIONS = """
preset: device
metrics:
  way:
    funnel:
      per: [device_id]
      timeout: 30m
      steps: [{use: 'event_type == "feature_used"'}, {fail: 'event_type == "crash_event"'}]
    by: [os]
    every: 1d
  about_features: {approx_distinct: feature_name, every: 1d}
  screens: {distinct: screen_name, every: 1d, over: 3d}
"""
CHANGED = DEFINITIONS + """
  daily_events: {count: events, where: 'region != "us-east"', by: [event_type], every: 1d}
"""
PARTITIONS = 3
SEEN_S = 60  # a service looks for new runs once a second

INDIA_S = 19800  # east of UTC


def events(count=None):
    """Events of nine days that ended yesterday, and one of five minutes ago for each of some devices,
    with which every partition's clock has passed the others."""
    now = datetime.datetime.now(datetime.timezone.utc)
    found = []
    for line in (DATA / "device-3000.ndjson").read_text(encoding="utf-8").splitlines():
        with contextlib.suppress(ValueError, TypeError, KeyError):
            event = json.loads(line)
            event["timestamp"] = datetime.datetime.fromisoformat(event["timestamp"])
            if event["timestamp"].tzinfo and event.get("device_id"):
                found.append(event)
    last = max(event["timestamp"] for event in found)
    shift = datetime.timedelta(days=(now - last).days - 1)
    for event in found:
        event["timestamp"] = (event["timestamp"] + shift).isoformat()
    found = found[:count]
    for i in range(12):
        closing = device_event(i, device=f"closing{i}") | {"event_id": f"closing-{i}"}
        closing["timestamp"] = (now - datetime.timedelta(minutes=5)).isoformat()
        found.append(closing)
    return found


def write_lines(path, found):
    path.write_text("".join(json.dumps(e) + "\n" for e in found), encoding="utf-8")
    return path


def send(service, found):
    for i in range(0, len(found), 500):
        reply = service.post_events(found[i : i + 500])
        assert reply.status == 200 and reply.json["rejected"] == 0, reply
    service.barrier()


def batch(service, *arguments):
    """A run; its summary."""
    done = run_ok(
        "batch", service.file, "--data", service.place, "--format", "json", *arguments,
        "--set", f"log.embedded.partitions={PARTITIONS}",
    )  # fmt: skip
    return json.loads(done.stdout)


def cells_of(service, metric, **parameters):
    query = urllib.parse.urlencode({"format": "ndjson"} | parameters)
    reply = service.get(f"/api/v1/metrics/{metric}?{query}")
    assert reply.status == 200, reply
    return [json.loads(line) for line in reply.body.decode().splitlines() if line]


def names_of(service):
    return [metric["name"] for metric in service.get_json("/api/v1/metrics")["metrics"]]


def generations(service, metrics=None):
    """{(metric, generation): cells}, of those that have cells."""
    found = {}
    for name in metrics or names_of(service):
        for cell in cells_of(service, name):
            found.setdefault((name, cell["generation"]), []).append(cell)
    return found


def wait_for(service, wanted, metrics=None):
    """Until generations() is as wanted; what it is then."""
    deadline = time.monotonic() + SEEN_S
    found = generations(service, metrics)
    while not wanted(found) and time.monotonic() < deadline:
        time.sleep(0.2)
        found = generations(service, metrics)
    assert wanted(found), sorted((*key, len(cells)) for key, cells in found.items())
    return found


def is_all(generation):
    return lambda found: {key[1] for key in found} == {generation}


def is_run(number):
    """All is of that batch run."""
    return lambda found: all(
        key[1] == "batch" and cell["revision"] == number
        for key, cells in found.items()
        for cell in cells
    )


def rows_of(service, columns, where="true"):
    table = service.table("metrics")
    if table is None:
        return []
    files = [uri.removeprefix("file://") for uri in table.file_uris()]
    return duckdb.sql(
        f"SELECT {columns} FROM read_parquet({files!r}, hive_partitioning = true) WHERE {where}"
    ).fetchall()


def runs_of(service):
    """{run: metrics covered}, of the table."""
    return dict(rows_of(service, "run, count(*)", "generation = 'coverage' GROUP BY run"))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "tidemark.yaml"
    path.write_text(DEFINITIONS, encoding="utf-8")
    return path


@pytest.fixture
def service(make_service, file):
    settings = [f"log.embedded.partitions={PARTITIONS}", "process.checkpoint=1h"]
    return make_service(file=file, settings=settings).start()


def test_batch_is_served_and_exact(service, file, tmp_path):
    found = events()
    send(service, found)
    service.settle()
    speed = wait_for(service, is_all("speed"))
    assert any(not cell["exact"] for cell in speed[("performance", "speed")])

    summary = batch(service)
    assert summary["run"] == 1 and len(summary["epochs"]) == PARTITIONS
    counts = {m["metric"]: m["cells"] for m in summary["metrics"]}
    after = wait_for(service, is_run(1))
    for (name, _), cells in after.items():
        assert all(cell["exact"] and "error" not in cell for cell in cells), name
        assert len(cells) == counts[name] == len(speed[(name, "speed")]), name
        assert {c["definition"] for c in cells} == {c["definition"] for c in speed[(name, "speed")]}
    assert set(counts) == {name for name, _ in after}

    only = write_definitions(tmp_path / "only.yaml")
    oracle(only, write_lines(tmp_path / "events", found), tmp_path / "expected")
    actual = service.query_all(tmp_path / "actual")
    wrong = differences(
        tmp_path / "expected", actual, "--no-ledger", "--quantile-error", "0",
    )  # fmt: skip
    assert not wrong, wrong
    service.verify()  # which is about speed
    assert service.stop() == 0


def write_definitions(path):
    """For the oracle, which knows no presets, and counts what others estimate."""
    text = yaml.safe_load((PRESETS / "device.yaml").read_text(encoding="utf-8"))
    text["metrics"] |= yaml.safe_load(DEFINITIONS.replace("approx_distinct", "distinct"))["metrics"]
    path.write_text(yaml.safe_dump(text, sort_keys=False), encoding="utf-8")
    return path


def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def holds(cell, t):
    """The window of the cell, or the cohort's week."""
    if "cohort" in cell:
        start = instant(cell["cohort"] + "T00:00:00Z")
        return start <= t < start + datetime.timedelta(days=7)
    return instant(cell["start"]) <= t < instant(cell["end"])


def test_late_events_restarts_and_another_run(service):
    found = events()
    send(service, found)
    batch(service)
    wait_for(service, is_run(1))

    # A new device, days ago: its windows are speed again, all others stay.
    late = device_event(1, device="late", kind="feature_used", feature_name="search")
    t = instant(found[1000]["timestamp"])
    late |= {"event_id": "late-1", "timestamp": found[1000]["timestamp"]}
    send(service, [late])
    after = generations(service)
    ratios = {"stickiness", "feature_adoption", "crash_rate"}
    for (name, generation), cells in after.items():
        for cell in cells:
            if generation == "speed":
                assert holds(cell, t), cell
            elif name not in ratios and name not in {"error_spikes", "crashes"}:
                assert not holds(cell, t) or is_untouched(name), cell
    for name in ("daily_events", "sessions", "weekly_retention", "screens", "way", "stickiness"):
        assert (name, "speed") in after, name
    for name in ("daily_events", "sessions", "performance", "way", "stickiness"):
        assert (name, "batch") in after, name
    service.verify()

    # A restart replays the log, and knows again what touched what.
    before = {key: strip(cells) for key, cells in after.items()}
    assert service.stop() == 0
    service.start()
    service.settle()
    assert {key: strip(cells) for key, cells in generations(service).items()} == before
    service.kill()
    service.start()
    service.settle()
    assert {key: strip(cells) for key, cells in generations(service).items()} == before

    summary = batch(service)
    assert summary["run"] == 2
    wait_for(service, is_run(2))
    assert runs_of(service) == {1: len(summary["metrics"]), 2: len(summary["metrics"])}
    assert service.stop() == 0


def strip(cells):
    """What does not depend on when one asks."""
    timely = ("complete", "open_periods")
    return [{k: v for k, v in cell.items() if k not in timely} for cell in cells]


def is_untouched(name):
    """Metrics that the late event is no event of."""
    return name in {
        "error_spikes", "crashed_devices_30s", "crashes", "fatal_crashes", "crashed_devices",
        "repeat_crashers", "performance", "launch_time", "memory_at_crash", "crash_rate",
    }  # fmt: skip


def test_spans_and_filters(service):
    send(service, events())
    days = sorted({cell["start"] for cell in cells_of(service, "daily_events")})
    start, end = days[1], days[4]
    batch(service, "--from", start, "--to", end)
    whole = wait_for(service, lambda found: ("daily_events", "batch") in found, ["daily_events"])
    assert {cell["start"] for cell in whole[("daily_events", "batch")]} == set(days[1:4])
    for name, inside in (("monthly_active_devices", 0), ("screens", 1), ("daily_active_devices", 3)):
        cells = cells_of(service, name)
        assert sum(cell["generation"] == "batch" for cell in cells) == inside, name
    batch(service)
    wait_for(service, is_run(2), ["daily_events", "feature_ranking"])
    batch(service, "--from", start, "--to", end, "--metric", "daily_events")
    found = wait_for(
        service,
        lambda f: {c["revision"] for c in f[("daily_events", "batch")]} == {2, 3},
        ["daily_events"],
    )
    newest = {c["start"] for c in found[("daily_events", "batch")] if c["revision"] == 3}
    assert newest == set(days[1:4])

    # The query of the documents finds the same.
    text = (ROOT / "docs/formats/lake.md").read_text(encoding="utf-8")
    query = textwrap.dedent(re.search(r"    SELECT c\.\*(?:.|\n)*?\n\n", text)[0]).strip()
    files = [uri.removeprefix("file://") for uri in service.table("metrics").file_uris()]
    metrics = f"SELECT * FROM read_parquet({files!r}, hive_partitioning = true)"
    rows = duckdb.sql(
        f"WITH metrics AS ({metrics}), n AS ({query}) SELECT run, value, "
        "strftime(window_start AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ') FROM n "
        "WHERE metric = 'daily_events'"
    ).fetchall()
    served = [(c["revision"], c["value"], c["start"]) for c in found[("daily_events", "batch")]]
    assert sorted(rows) == sorted(served)

    # A filter narrows a batch's cells too; but not those that are cut to the top already.
    query = {"filter": 'event_type == "crash_event"'}
    narrowed = cells_of(service, "daily_events", **query)
    assert {c["group"]["event_type"] for c in narrowed} == {"crash_event"}
    assert {c["generation"] for c in narrowed} == {"batch"}
    query = {"filter": 'feature_name != "search"'}
    assert {c["generation"] for c in cells_of(service, "feature_ranking")} == {"batch"}
    assert {c["generation"] for c in cells_of(service, "feature_ranking", **query)} == {"speed"}
    span = cells_of(service, "daily_events", **{"from": days[3], "to": days[5]})
    assert {(c["start"], c["revision"]) for c in span} == {(days[3], 3), (days[4], 2)}
    assert service.stop() == 0


def test_a_changed_definition_is_another_series(service, file):
    send(service, events(600))
    batch(service)
    wait_for(service, is_run(1))
    assert service.stop() == 0
    file.write_text(CHANGED, encoding="utf-8")
    service.start()
    service.settle()
    found = wait_for(service, lambda f: len(f) > 10)
    assert {name for name, generation in found if generation == "speed"} == {"daily_events"}
    assert ("daily_events", "batch") not in found
    batch(service)
    wait_for(service, is_run(2))
    series = rows_of(service, "DISTINCT definition", "metric = 'daily_events'")
    assert len(series) == 2
    assert service.stop() == 0


def test_a_service_is_not_needed(service, file):
    send(service, events(600))
    assert service.stop() == 0
    summary = batch(service)
    lake = service.place / "lake"
    done = run_ok("batch", file, "--lake", lake, "--metric", "crash_rate")
    text = done.stdout.decode()
    assert "crash_rate" in text and "run 2: 1 metrics" in text
    assert b"crashed_devices: " in done.stderr, "a part of a ratio is computed, but not shown"
    for arguments, code in (
        (["batch", file, "--lake", lake.parent / "nowhere"], 5),
        (["batch", file, "--lake", service.folder], 5),
        (["batch", file, "--lake", lake, "--data", service.place], 2),
        (["batch", file, "--lake", lake, "--from", "yesterday"], 2),
        (["batch", file, "--lake", lake, "--from", "2026-03-02", "--to", "2026-03-02"], 2),
        (["batch", file, "--lake", lake, "--format", "yaml"], 2),
    ):
        assert tidemark(*arguments).returncode == code, arguments
    assert not (lake.parent / "nowhere").exists()

    # As others read it; their rows for people are what we serve.
    table = service.table("metrics")
    rows = table.to_pyarrow_table()
    assert rows.num_rows == rows_of(service, "count(*)")[0][0]
    service.start()
    service.settle()
    served = {
        (c["start"], json.dumps(c["group"], sort_keys=True)): c
        for c in wait_for(service, is_all("batch"), ["daily_events"])[("daily_events", "batch")]
    }
    told = rows_of(
        service,
        "strftime(window_start AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ'), dimensions, value, "
        "result, epochs, window_date::VARCHAR",
        "metric = 'daily_events' AND generation = 'batch'",
    )
    assert len(told) == len(served)
    for start, dimensions, value, result, epochs, date in told:
        cell = served[(start, json.dumps(json.loads(dimensions), sort_keys=True))]
        assert cell["value"] == value == json.loads(result)["value"]
        assert json.loads(epochs) == summary["epochs"] and start.startswith(date)
    assert service.stop() == 0


def launch_batch(service):
    command = [program(), "batch", service.file, "--data", service.place]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def test_a_killed_run_is_no_run(service):
    send(service, events(1000))
    batch(service)
    first = wait_for(service, is_run(1))
    folder = service.place / "lake/metrics"
    seen = set(folder.rglob("*.parquet"))
    killed = 0
    for _ in range(30):
        process = launch_batch(service)
        while process.poll() is None and set(folder.rglob("*.parquet")) == seen:
            time.sleep(0.001)  # until its first file is there
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stderr.close()
        killed += process.returncode == -signal.SIGKILL
        seen = set(folder.rglob("*.parquet"))
        if killed == 3:
            break
    assert killed == 3
    runs = runs_of(service)
    assert len(set(runs.values())) == 1, "each run is whole"
    assert len(seen) > len(service.table("metrics").file_uris()), "files without meaning"
    time.sleep(1.1)  # the service has looked again
    if runs == {1: runs[1]}:
        assert generations(service).keys() == first.keys()
    number = batch(service)["run"]
    assert number == max(runs) + 1
    wait_for(service, is_run(number))
    assert service.stop() == 0


def test_two_batches_at_once(service):
    send(service, events(1000))
    lost = 0
    for _ in range(6):
        before = set(runs_of(service))
        processes = [launch_batch(service) for _ in range(2)]
        told = [(p.communicate()[1].decode(), p.returncode) for p in processes]
        codes = sorted(code for _, code in told)
        assert codes in ([0, 0], [0, 75]), told
        runs = runs_of(service)
        assert len(set(runs) - before) == codes.count(0), "who says so is in the table"
        assert len(set(runs.values())) == 1
        if codes == [0, 75]:
            assert any("another batch" in text for text, code in told if code == 75)
            lost += 1
            break
    assert lost > 0
    uris = {pathlib.Path(u.removeprefix("file://")) for u in service.table("metrics").file_uris()}
    assert set((service.place / "lake/metrics").rglob("*.parquet")) == uris, "a loser tidies up"
    service.settle()
    wait_for(service, is_run(max(runs_of(service))))
    assert service.stop() == 0


def test_the_service_runs_a_batch_of_yesterday(make_service, file):
    """It was away yesterday: what it missed is run once, by a process of its own."""
    midnight.keep_off(INDIA_S)
    settings = [
        f"log.embedded.partitions={PARTITIONS}", "process.checkpoint=1s", "batch.daily.at=00:00",
        "batch.daily.timezone=Asia/Kolkata", "batch.daily.days=30",
    ]  # fmt: skip
    service = make_service(file=file, settings=settings)
    state = service.place / "data/daily.json"
    service.start()
    send(service, events(600))
    service.barrier()
    assert service.stop() == 0
    done = json.loads(state.read_text())
    assert runs_of(service) == {}, "a service that never ran has missed nothing"

    state.write_text(json.dumps({"day": done["day"] - 2}))
    service.start()
    wait_for(service, lambda found: {key[1] for key in found} == {"speed", "batch"})
    while "tidemark_batch_running 0" not in (text := service.get("/metrics").body.decode()):
        time.sleep(0.05)  # until it has ended
    assert json.loads(state.read_text()) == done
    assert 'tidemark_batch_runs_total{outcome="success"} 1' in text
    assert 'tidemark_batch_runs_total{outcome="failure"} 0' in text
    success = re.search(r"^tidemark_batch_last_success_timestamp_seconds (\S+)$", text, re.M)
    assert abs(float(success[1]) - time.time()) < 600
    assert re.search(r"^tidemark_batch_last_duration_seconds 0*[1-9.]", text, re.M)
    spans = rows_of(
        service,
        "DISTINCT epoch_us(window_start), epoch_us(window_end)",
        "generation = 'coverage'",
    )
    end = ((done["day"] + 1) * 86400 - INDIA_S) * 10**6
    assert spans == [(end - 30 * 86400 * 10**6, end)]
    assert service.stop() == 0
    service.start()
    service.settle()
    assert service.stop() == 0
    assert set(runs_of(service)) == {1}, "once"
    log = service.log.read_text()
    assert re.search(r"info batch: daily: run 1: .* by duckdb/", log)


def test_a_daily_batch_that_cannot_be_is_told_at_once(tmp_path):
    done = tidemark("run", "--preset", "device", "--data", tmp_path, "--set", "batch.daily.at=2:30")
    assert done.returncode == 3
    assert b"batch.daily.at" in done.stderr
