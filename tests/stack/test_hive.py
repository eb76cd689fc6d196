"""The lake in a Hive metastore: `hive ddl --apply` by Spark, run again for what is new; the queries
of docs/queries answered there as `tidemark sql` answers them; and the statements for Hive itself on
the engine of Hive 2.3 that Spark carries. Files that the Delta log does not name are never counted.

Hive 2.3 reads no INT64 timestamps and decimals (Hive 4 does), so what it is asked names columns of
other types.
"""

import datetime
import json
import math
import pathlib
import shutil
import subprocess
import sys

import deltalake
import pytest
from device_week import move_to_last_week
from harness import ROOT, run_ok
from service import Service, device_event
from spark_java import DRIVER_OPTIONS

QUERIES = sorted((ROOT / "docs/queries").glob("*.sql"))
SESSION = ROOT / "tests/support_py/hive_session.py"
EVENTS = 3000
DAY = datetime.timedelta(days=1)


def jars(name):
    return sorted(map(str, (ROOT / ".deps/stack" / name / "jars").glob("*.jar")))


def split(statements):
    return [text for text in statements.split(";\n\n") if text.strip()]


class Metastore:
    """Two lakes in one metastore, and what was asked of them there."""

    def __init__(self, folder):
        self.folder = folder
        self.place = folder / "work/hive"
        self.service = Service(folder / "service", preset="device")
        self.lakes = {"device": self.service.place / "lake", "sunbird": folder / "sunbird/lake"}
        self.events = folder / "events.ndjson"
        first, _ = move_to_last_week(self.events)
        self.day, self.new_day = ((first + n * DAY).strftime("%Y-%m-%d") for n in (1, -2))

    def source(self, preset):
        return ["--preset", preset, "--lake", self.lakes[preset]]

    def sql(self, preset, *arguments):
        done = run_ok("sql", *self.source(preset), *arguments, "--format", "ndjson")
        return [list(json.loads(line).values()) for line in done.stdout.splitlines()]

    def batch(self, preset):
        run_ok("batch", *self.source(preset))

    def ddl(self, preset, *arguments):
        return run_ok("hive", "ddl", *self.source(preset), *arguments).stdout.decode()

    def apply(self, *arguments):
        settings = {
            "data": self.folder / "work",
            "batch.spark.submit": pathlib.Path(sys.executable).parent / "spark-submit",
            "batch.spark.python": sys.executable,
            "batch.spark.master": "local[2]",
            "batch.spark.properties.spark.databricks.delta.snapshotPartitions": "1",
            "batch.spark.properties.spark.jars": ",".join(jars("spark")),
            "batch.spark.properties.spark.driver.bindAddress": "127.0.0.1",
            "batch.spark.properties.spark.driver.extraJavaOptions": DRIVER_OPTIONS,
            "batch.spark.properties.spark.driver.host": "127.0.0.1",
            "batch.spark.properties.spark.sql.shuffle.partitions": "1",
        }
        words = [word for key in settings for word in ("--set", f"{key}={settings[key]}")]
        words += ["--apply", *arguments]
        return run_ok("hive", "ddl", *self.source("device"), *words).stderr.decode()

    def run(self, steps):
        job, results = self.folder / "job.json", self.folder / "results.json"
        what = {
            "metastore": str(self.place),
            "jars": jars("spark") + jars("hive"),
            "steps": steps,
        }
        job.write_text(json.dumps(what), encoding="utf-8")
        with open(self.folder / "session.log", "wb") as log:
            done = subprocess.run(
                [sys.executable, SESSION, job, results], stdout=log, stderr=log, cwd=self.folder
            )
        assert done.returncode == 0, (self.folder / "session.log").read_text(errors="replace")
        return json.loads(results.read_text(encoding="utf-8"))


def send_first(made):
    assert made.service.post_events(made.events.read_bytes()).status == 200
    made.service.barrier()


def send_later(made):
    """A new day in a later epoch, and rows for a day that there was."""
    found = [device_event(i, device=f"late{i % 7}") | {"event_id": f"late-{i}"} for i in range(40)]
    for i, event in enumerate(found):
        event["timestamp"] = f"{made.new_day if i % 2 else made.day}T10:00:{i:02d}Z"
    assert made.service.post_events(found).status == 200
    made.service.barrier()


def spoil(lake, day):
    """Leaves files in the folders that the log does not name: one that was compacted away, and the
    rest of a write that nobody committed."""
    table = deltalake.DeltaTable(str(lake / "events"))
    before = set(table.file_uris())
    table.optimize.compact(partition_filters=[("event_date", "=", day)])
    gone = before - set(deltalake.DeltaTable(str(lake / "events")).file_uris())
    assert len(gone) >= 2, "the day had files of two epochs"
    kept = sorted(before - gone)[0]
    orphan = pathlib.Path(kept).with_name("0000-0-0.parquet")
    shutil.copy(kept, orphan)


def same(one, other):
    """Numbers as near as two engines divide; everything else equal."""
    if isinstance(one, float) or isinstance(other, float):
        return one is not None and other is not None and math.isclose(one, other, rel_tol=1e-12)
    return one == other


def check_same(rows, wanted):
    assert len(rows) == len(wanted) > 0
    for row, other in zip(rows, wanted, strict=True):
        assert len(row) == len(other) and all(map(same, row, other)), (row, other)


FEW = ["--metric", "daily_events", "--metric", "crash_rate"]
DATABASES = {"device": "tidemark", "sunbird": "clickstream"}
COUNT_FILES = "SELECT COUNT(event_id) FROM hive_lake.events_files"
COUNT_LIVE = "SELECT COUNT(event_id) FROM hive_lake.events"
DAYS = "SELECT event_date, COUNT(event_id) FROM hive_lake.events GROUP BY event_date"
REJECTED = "SELECT reason, COUNT(reason) FROM hive_lake.rejected GROUP BY reason"
# A replay knows of no record when it came.
REJECTED_DATES = "SELECT COUNT(reason) FROM hive_clicks.rejected WHERE received_date IS NULL"
# One of each kind that no query asks for.
VIEWS = {
    "device": ["sessions", "launch_time", "feature_time", "memory_at_crash", "metrics_now"],
    "sunbird": ["learning_funnel", "daily_retention", "stickiness", "journeys_now"],
}
TABLES = ["raw", "events", "rejected", "journeys", "metrics"]
PARTITIONS = "SHOW PARTITIONS tidemark.events"


def view_sql(view):
    return f"SELECT * FROM {view} ORDER BY ALL NULLS FIRST"


def steps_of(made):
    found = [["spark", text] for text in split(made.ddl("sunbird", "--database", "clickstream"))]
    one = ["--engine", "hive", "--database", "hive_clicks", "--metric", "top_pages"]
    found += [["hive", text] for text in split(made.ddl("sunbird", *one))]
    found += [["hive", text] for text in split(made.hive_ddl)]
    found += [["spark", "SELECT COUNT(*) FROM tidemark.events"], ["spark", PARTITIONS]]
    found += [["hive", sql] for sql in (COUNT_FILES, COUNT_LIVE, DAYS, REJECTED, REJECTED_DATES)]
    for preset, database in DATABASES.items():
        found += [["spark", f"USE {database}"], ["spark", f"SHOW TABLES IN {database}"]]
        found += [["spark", q.read_text()] for q in QUERIES if q.name.startswith(preset)]
        found += [["spark", view_sql(view)] for view in VIEWS[preset]]
    return found


@pytest.fixture(scope="module")
def metastore(hive_installed, tmp_path_factory):
    made = Metastore(tmp_path_factory.mktemp("hive"))
    made.lakes["sunbird"].parent.mkdir()
    events = made.folder / "sunbird.ndjson"
    events.write_bytes(run_ok("generate", "--preset", "sunbird", "--count", str(EVENTS)).stdout)
    run_ok("replay", "--preset", "sunbird", "--lake", made.lakes["sunbird"], events)
    made.batch("sunbird")
    made.service.start()
    try:
        send_first(made)
        made.batch("device")
        made.first = made.apply(*FEW)
        send_later(made)
        made.batch("device")
    finally:
        made.service.clean_up()
    spoil(made.lakes["device"], made.day)
    made.again = made.apply()
    made.hive_ddl = made.ddl("device", "--engine", "hive", "--database", "hive_lake")
    steps = steps_of(made)
    made.answers = {sql: rows for (_, sql), rows in zip(steps, made.run(steps), strict=True)}
    return made


def test_every_statement_was_run(metastore):
    errors = [(sql, rows) for sql, rows in metastore.answers.items() if isinstance(rows, dict)]
    assert not errors, errors[:3]
    for told, arguments in (metastore.first, FEW), (metastore.again, []):
        count = len(split(metastore.ddl("device", *arguments)))
        assert f"hive: {count} statements in database tidemark, by spark/" in told


def test_a_new_day_is_there_after_the_second_run(metastore):
    days = [row[0] for row in metastore.answers[PARTITIONS]]
    assert metastore.new_day in days
    wanted = metastore.sql("device", "SELECT DISTINCT event_date FROM events ORDER BY 1")
    assert sorted(days) == [row[0] for row in wanted]


def test_only_live_files_are_counted(metastore):
    """Of Spark, of Hive, of the program; while the folder holds more."""
    [[wanted]] = metastore.sql("device", "SELECT COUNT(*) FROM events")
    assert wanted == deltalake.DeltaTable(str(metastore.lakes["device"] / "events")).count()
    assert metastore.answers["SELECT COUNT(*) FROM tidemark.events"] == [[wanted]]
    assert metastore.answers[COUNT_LIVE] == [[str(wanted)]]
    assert int(metastore.answers[COUNT_FILES][0][0]) > wanted


def test_hive_itself_answers(metastore):
    def lines(sql):
        return sorted([str(value) for value in row] for row in metastore.sql("device", sql))

    assert sorted(metastore.answers[DAYS]) == lines(DAYS.replace("hive_lake.", ""))
    assert sorted(metastore.answers[REJECTED]) == lines(REJECTED.replace("hive_lake.", ""))
    [[wanted]] = metastore.sql("sunbird", REJECTED_DATES.replace("hive_clicks.", ""))
    assert metastore.answers[REJECTED_DATES] == [[str(wanted)]] and wanted > 0


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.stem)
def test_query_answers_as_tidemark_sql(metastore, query):
    preset = query.name.split("_")[0]
    rows = metastore.answers[query.read_text()]
    check_same(rows, metastore.sql(preset, "--file", query))


@pytest.mark.parametrize(
    "preset, view", [(preset, view) for preset in sorted(VIEWS) for view in VIEWS[preset]]
)
def test_view_has_the_rows_of_tidemark_sql(metastore, preset, view):
    check_same(metastore.answers[view_sql(view)], metastore.sql(preset, view_sql(view)))


@pytest.mark.parametrize("preset", sorted(DATABASES))
def test_both_engines_have_the_same_views(metastore, preset):
    views = {row[0] for row in metastore.sql(preset, "--list")}
    missing = {t for t in TABLES if not (metastore.lakes[preset] / t / "_delta_log").exists()}
    views -= missing | {f"{table}_now" for table in missing}
    listed = metastore.answers[f"SHOW TABLES IN {DATABASES[preset]}"]
    assert {row[1] for row in listed} == views
