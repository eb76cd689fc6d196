"""`tidemark batch --engine spark` and `verify --engine spark`: Spark's numbers are DuckDB's and the
oracle's; a Spark that dies, a worker that dies and a wrong row in the lake change nothing about
what is said."""

import json
import pathlib
import time

import pyarrow
import pyarrow.parquet
import pytest
from device_week import move_to_last_week
from harness import DATA, PRESETS, cells_of, differences, metric_names, oracle, run_ok, shared
from hdfs import SPARK_URL, lake_url
from spark_batch import (
    MASTER,
    Cluster,
    batch,
    batch_on_spark,
    kill_a_worker,
    kill_spark,
    launch,
    rows_of_run,
    run_batch,
    runs_of,
    settings,
    verify_on_spark,
    wait_for_pieces,
    wait_until_served,
    write_cells,
)
from sql_cases import sunbird_events

PARTITIONS = 3


def make_lake(preset, events, folder):
    lake = folder / "lake"
    run_ok("replay", "--preset", preset, "--partitions", PARTITIONS, "--lake", lake, events)
    return lake


def check_against_oracle(preset, events, lake, run, folder, names=None):
    definitions = PRESETS / f"{preset}.yaml"
    expected, actual = folder / "expected", folder / "actual"
    names = set(names or metric_names(definitions))
    oracle(definitions, events, expected)
    wanted = [cell for cell in cells_of(expected) if cell["metric"] in names]
    assert {cell["metric"] for cell in wanted} == names
    expected.write_text("".join(json.dumps(cell) + "\n" for cell in wanted), encoding="utf-8")
    write_cells(lake, run, actual, names)
    assert not differences(expected, actual, "--no-ledger", "--quantile-error", "0")


@pytest.fixture(scope="module")
def device_lake(spark_installed, tmp_path_factory):
    return make_lake("device", DATA / "device-3000.ndjson", tmp_path_factory.mktemp("device"))


def check_whole(preset, events, lake, folder):
    """Everything of a lake, on both engines and by the oracle."""
    on_duckdb, _ = batch(preset, lake)
    on_spark, said = batch_on_spark(preset, lake, folder / "data")
    assert on_duckdb["engine"].startswith("duckdb/1.5.")
    assert on_spark["engine"].startswith("spark/4.")
    assert on_spark["run"] == on_duckdb["run"] + 1
    assert on_spark["metrics"] == on_duckdb["metrics"]
    expected = rows_of_run(lake, on_duckdb["run"])
    assert len(expected) > 100
    assert rows_of_run(lake, on_spark["run"]) == expected
    check_against_oracle(preset, events, lake, on_spark["run"], folder)
    assert "how far events go" in said
    work = folder / "data/spark/batch"
    assert [path.name for path in work.iterdir()] == ["lock"], "nothing is left of a finished run"
    commits = sorted((lake / "metrics/_delta_log").glob("*.json"))
    info = json.loads(commits[-1].read_text().split("\n")[0])["commitInfo"]
    assert info["engineInfo"].endswith(" " + on_spark["engine"]), "who computed is on record"


def test_device_data_are_equal(device_lake, tmp_path):
    check_whole("device", DATA / "device-3000.ndjson", device_lake, tmp_path)


def test_real_sunbird_data_are_equal(spark_installed, tmp_path):
    events = shared("data/sunbird-valid-500.ndjson")
    check_whole("sunbird", events, make_lake("sunbird", events, tmp_path), tmp_path)


def test_a_killed_spark_leaves_nothing_and_a_repeat_goes_on(device_lake, tmp_path):
    """Days inside the data, one of them cut; metrics of all kinds of pieces."""
    data = tmp_path / "data"
    span = ["--from", "2026-03-03", "--to", "2026-03-05T12:00:00Z"]
    for name in ("stickiness", "active_devices", "sessions", "weekly_retention"):
        span += ["--metric", name]
    before = runs_of(device_lake)
    files = set(device_lake.rglob("*"))
    process = launch("device", device_lake, tmp_path, *settings(data), *span)
    pieces = wait_for_pieces(process, tmp_path, 4)
    kill_spark(process)
    assert process.wait(timeout=60) == 75
    said = (tmp_path / "err").read_text()
    assert "spark was ended by signal 9" in said
    assert set(device_lake.rglob("*")) == files, "nothing in the lake"
    assert runs_of(device_lake) == before

    on_spark, said = batch_on_spark("device", device_lake, data, *span)
    finished = int(said.split("going on with ")[1].split()[0])
    assert 4 <= finished < pieces
    assert said.count("rows\n") == pieces - finished, "what was finished is not asked again"
    on_duckdb, _ = batch("device", device_lake, *span)
    expected = rows_of_run(device_lake, on_duckdb["run"])
    assert rows_of_run(device_lake, on_spark["run"]) == expected
    assert len(expected) > 100


def test_a_lost_worker_of_a_cluster_is_not_noticed(spark_installed, tmp_path):
    events = sunbird_events(tmp_path, 3000)
    lake = make_lake("sunbird", events, tmp_path)
    names = ("active_users", "top_pages", "completion_time", "learning_funnel", "stickiness")
    options = [word for name in names for word in ("--metric", name)]
    with Cluster(tmp_path / "stack") as cluster:
        figures = kill_a_worker(cluster, "sunbird", lake, tmp_path, *options)
    print(figures)
    assert figures["executors_killed"] > 0
    assert figures["finished_before"] < figures["pieces"]
    assert figures["wrong"] == figures["lost"] == figures["doubled"] == 0
    assert figures["cells"] > 100
    check_against_oracle("sunbird", events, lake, figures["run"], tmp_path, names)


def test_a_master_that_is_away_is_said(device_lake, tmp_path):
    """Spark itself gives up after a minute, for which nobody needs to wait."""
    process = launch("device", device_lake, tmp_path, *settings(tmp_path / "data", MASTER))
    try:
        said = ""
        while "the master does not answer yet" not in said and process.poll() is None:
            said = (tmp_path / "err").read_text()
        assert "the master does not answer yet" in said
        process.terminate()
        assert process.wait(timeout=60) == 75
    finally:
        process.kill()
        process.wait()
    assert "interrupted; 0 of" in (tmp_path / "err").read_text()


def plant(service):
    """A row of the lake says something else than what came."""
    for path in map(pathlib.Path, service.table("events").file_uris()):
        path = pathlib.Path(str(path).removeprefix("file:"))
        rows = pyarrow.parquet.read_table(path, partitioning=None)
        if rows.num_rows > 5:
            index = rows.column_names.index("event_type")
            kinds = rows["event_type"].to_pylist()
            kinds[3] = "planted"
            rows = rows.set_column(index, "event_type", pyarrow.array(kinds, pyarrow.string()))
            pyarrow.parquet.write_table(rows, path, compression="zstd")
            return
    raise AssertionError("no file with rows")


def test_verify_is_equal_and_finds_a_planted_row(spark_installed, make_service, tmp_path):
    start = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 86400))
    events = sunbird_events(tmp_path, 1000, "--start", start).read_bytes()
    settings_ = [f"log.embedded.partitions={PARTITIONS}", "process.checkpoint=1h"]
    service = make_service(preset="sunbird", settings=settings_).start()
    assert service.post_events(events).status == 200
    service.settle()
    done = verify_on_spark(service, tmp_path / "data")
    text = done.stdout.decode()
    assert done.returncode == 0, text + done.stderr.decode()
    assert " 0 differences: live and lake are equal" in text
    assert text.count("  equal") == len(metric_names(PRESETS / "sunbird.yaml")) + 1

    assert service.stop() == 0
    service.metrics = ["events_per_type", "active_users"]
    service.start()
    service.settle()
    plant(service)
    done = verify_on_spark(service, tmp_path / "data")
    text = done.stdout.decode()
    assert done.returncode == 7, text + done.stderr.decode()
    assert "planted" in text and "live and lake DIFFER" in text
    found = {line.split()[0]: line.split()[-1] for line in text.splitlines() if " cells  " in line}
    assert found == {"events_per_type": "DIFFERENT", "active_users": "equal"}
    assert service.stop() == 0


def test_a_lake_on_hdfs(hdfs, spark_installed, make_service, tmp_path):
    """Spark reads the files from the DataNodes itself; what it computed is served."""
    names = ["daily_events", "sessions"]
    service = make_service(
        preset="device",
        metrics=names,
        settings=[f"lake.url={lake_url('/spark lake')}", f"log.embedded.partitions={PARTITIONS}"],
    ).start()
    move_to_last_week(tmp_path / "events.ndjson")
    lines = (tmp_path / "events.ndjson").read_bytes()
    for part in (lines[: len(lines) // 2], lines[len(lines) // 2 :]):
        assert service.post_events(part).status == 200
        service.barrier()
    done = verify_on_spark(service, tmp_path / "data", "--set", f"lake.hdfs.spark_url={SPARK_URL}")
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    speed = {name: service.cells(name) for name in names if name != "sessions"}
    assert len(speed["daily_events"]) > 10
    words = ["--data", service.place, "--set", f"lake.url={lake_url('/spark lake')}"]
    words += [word for name in names for word in ("--metric", name)]
    summary, _ = run_batch("--preset", "device", *words, "--engine", "spark", *settings(None))
    assert summary["engine"].startswith("spark/4.")
    assert {m["metric"]: m["cells"] > 0 for m in summary["metrics"]} == dict.fromkeys(names, True)
    wait_until_served(service, "daily_events", summary["run"])
    assert service.cells("daily_events") == speed["daily_events"]
    assert service.stop() == 0
