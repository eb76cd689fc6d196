"""`tidemark sql`: tables and typed views of a lake in every format, streamed, bounded, read-only;
and the statements of `tidemark hive ddl` as texts.

The typed views must say what `query` says of the same events: the cells of `replay`, which are the
oracle's. Texts for people are golden files in tests/golden; TIDE_UPDATE=1 rewrites them.
"""

import csv
import io
import json
import os
import re
import signal
import subprocess

import duckdb
import pytest
from harness import DATA, ROOT, TESTS, program, run_ok, tidemark

QUERIES = sorted((ROOT / "docs/queries").glob("*.sql"))
GOLDEN = TESTS / "golden/hive"
DEVICE = DATA / "device-3000.ndjson"
LIMITED_BYTES = 120 << 20  # of memory, for an answer of more


@pytest.fixture(scope="module")
def lakes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sql")
    made = {"device": folder / "it's [d]*/lake", "sunbird": folder / "sunbird/lake"}
    events = folder / "sunbird.ndjson"
    events.write_bytes(run_ok("generate", "--preset", "sunbird", "--count", "3000").stdout)
    for preset, file in ("device", DEVICE), ("sunbird", events):
        made[preset].parent.mkdir()
        run_ok("replay", "--preset", preset, "--lake", made[preset], file)
        run_ok("batch", "--preset", preset, "--lake", made[preset])
    made["events"] = {"device": DEVICE, "sunbird": events}
    return made


@pytest.fixture(scope="module")
def sql(lakes):
    def ask(text, *arguments, preset="device", how="ndjson"):
        source = ["--preset", preset, "--lake", lakes[preset]]
        done = run_ok("sql", *source, "--format", how, *arguments, *([text] if text else []))
        return done.stdout.decode()

    return ask


def refused(lakes, text, *arguments):
    done = tidemark("sql", "--preset", "device", "--lake", lakes["device"], *arguments, text)
    assert done.stdout == b""
    return done.returncode, done.stderr.decode()


def rows(text):
    return [json.loads(line) for line in text.splitlines()]


# Formats


ONE_ROW = """SELECT 1 AS a, 'x"y, z' AS a, NULL AS n, '' AS e, CAST(1.50 AS DECIMAL(9, 3)) AS d,
    TIMESTAMPTZ '2026-03-08 10:00:00+02' AS t, [1, NULL] AS l, MAP {'k': 2} AS m, {'s': 'v'} AS s"""


def test_ndjson(sql):
    assert sql(ONE_ROW) == (
        '{"a": 1, "a_2": "x\\"y, z", "n": null, "e": "", "d": 1.5, "t": "2026-03-08T08:00:00Z", '
        '"l": [1, null], "m": {"k": 2}, "s": {"s": "v"}}\n'
    )


def test_json(sql):
    assert json.loads(sql(ONE_ROW, how="json")) == rows(sql(ONE_ROW))
    assert sql("SELECT 1 AS a WHERE false", how="json") == "[]\n"


def test_csv_tells_null_from_an_empty_text(sql):
    text = sql(ONE_ROW, how="csv")
    assert text.splitlines()[0] == "a,a_2,n,e,d,t,l,m,s"
    assert text.splitlines()[1].startswith('1,"x""y, z",,"",1.5,2026-03-08T08:00:00Z,')
    [found] = csv.DictReader(io.StringIO(text))
    assert found["l"] == "[1, null]" and json.loads(found["m"]) == {"k": 2}


def test_table_shows_null_and_no_control_characters(sql):
    asked = "SELECT 1 AS n, E'a\\x1b[31m\\n' AS t UNION ALL SELECT NULL, 'b' ORDER BY t"
    text = sql(asked, how="table")
    assert text == "   n  t\n   1  a\\x1B[31m\\x0A\nNULL  b\n(2 rows)\n"


def test_parquet(sql, tmp_path):
    file = tmp_path / "it's.parquet"
    assert sql("SELECT 7 AS a -- no more;", "--parquet", file) == ""
    assert duckdb.read_parquet(str(file)).fetchall() == [(7,)]


def test_statements_one_after_the_other(sql):
    script = "CREATE TEMP TABLE t AS SELECT 3 AS a; FROM t; SELECT a + 1 AS b FROM t;"
    assert rows(sql(script)) == [{"a": 3}, {"b": 4}]


def test_from_a_file_and_from_stdin(sql, lakes, tmp_path):
    file = tmp_path / "q.sql"
    file.write_text("SELECT 5 AS a", encoding="utf-8")
    assert sql(None, "--file", file) == '{"a": 5}\n'
    words = [program(), "sql", "--preset", "device", "--lake", str(lakes["device"]), "-"]
    done = subprocess.run(words, input=b"SELECT 6 AS a;", capture_output=True, check=True)
    assert done.stdout == b'{"a": 6}\n'


# Tables and views


def test_list_names_every_view_and_its_types(sql):
    listed = {(row["view"], row["column"]): row["type"] for row in rows(sql(None, "--list"))}
    assert {view for view, _ in listed} >= {"raw", "events", "rejected", "journeys", "metrics"}
    assert listed["events", "event_time"] == "TIMESTAMP WITH TIME ZONE"
    assert listed["events", "launch_time_ms"] == "DECIMAL(18,6)"
    assert listed["events", "event_date"] == "DATE"
    assert listed["launch_time", "is_cold_start"] == "BOOLEAN"
    assert listed["feature_time", "sum"] == "DECIMAL(38,6)"


def cells(lakes, preset):
    found = rows(run_ok("replay", "--preset", preset, lakes["events"][preset]).stdout.decode())
    return [cell for cell in found if "metric" in cell]


def columns_of(cell):
    """What a typed view says of a cell."""
    found = {"window_start": cell.get("start"), "window_end": cell.get("end")}
    found |= cell.get("group", {})
    for key, value in cell.items():
        if key == "quantiles":
            found |= {f"p{float(q) * 100:g}".replace(".", "_"): v for q, v in value.items()}
        elif key == "steps":
            for step in value:
                found |= {f"{step['name']}_{k}": v for k, v in step.items() if k != "name"}
        elif key == "retained":
            found |= {f"retained_{i}": n for i, n in enumerate(value)}
        elif key not in ("metric", "start", "end", "group"):
            found[key] = value
    if "cohort" in found:
        del found["window_start"], found["window_end"]
    return found


SKETCHED = {"mean_duration", "median_duration", "mean_time", "median_time", "open", "conversion"}


@pytest.mark.parametrize("preset", ["device", "sunbird"])
def test_typed_views_have_the_cells(sql, lakes, preset):
    """All that is exact in both; a sketch's quantiles are not, and runs still open are a batch's
    abandoned ones."""
    by_metric = {}
    for cell in cells(lakes, preset):
        by_metric.setdefault(cell["metric"], []).append(columns_of(cell))
    assert by_metric
    for metric, wanted in by_metric.items():
        found = rows(sql(f"SELECT * FROM {metric}", preset=preset))
        ignored = {name for name in wanted[0] if name in SKETCHED or re.match(r"p\d", name)}
        ignored |= {name for name in wanted[0] if name.endswith("_abandoned")}
        names = sorted(set(wanted[0]) - ignored)
        assert set(found[0]) >= set(names), metric
        key = lambda row, names=names: json.dumps([row[name] for name in names])  # noqa: E731
        assert sorted(map(key, found)) == sorted(map(key, wanted)), metric


def test_views_are_of_the_given_definitions(sql, lakes, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text(
        "preset: device\nmetrics:\n  daily_events: {count: events, every: 1d}\n", encoding="utf-8"
    )
    asked = "SELECT COUNT(*) AS n FROM daily_events"
    done = run_ok("sql", "-c", other, "--lake", lakes["device"], asked)
    assert json.loads(done.stdout) == {"n": 0}, "another definition is another series"


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.stem)
def test_queries_of_the_documentation(sql, query):
    assert rows(sql(None, "--file", query, preset=query.name.split("_")[0]))


@pytest.mark.parametrize(
    "query, metric, columns",
    [
        ("device_feature_adoption", "feature_adoption", ("feature_name", "adoption", "value")),
        ("device_usage_trends", "usage_trends", ("device_type", "devices", "value")),
        ("sunbird_daily_active_users", "daily_active_users", (None, "users", "value")),
        ("sunbird_completion_time", "completion_time", ("content_id", "mean_seconds", "value")),
        ("sunbird_mobile_web", "client_users", ("client", "users", "value")),
    ],
)
def test_queries_over_events_say_what_the_metrics_say(sql, query, metric, columns):
    preset = query.split("_")[0]
    group, theirs, ours = columns

    def key(row, date, value):
        return json.dumps([row[date][:10], row.get(group), round(row[value] or 0, 9)])

    asked = rows(sql(None, "--file", ROOT / f"docs/queries/{query}.sql", preset=preset))
    cells = rows(sql(f"SELECT * FROM {metric}", preset=preset))
    wanted = sorted(key(row, "window_start", ours) for row in cells)
    assert sorted(key(row, "event_date", theirs) for row in asked) == wanted


# Bounds


def resident_bytes(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        return sum(int(line.split()[1]) << 10 for line in status if line.startswith("VmRSS:"))


def test_a_long_answer_is_not_held(lakes):
    """More bytes of rows than the process ever has in memory."""
    words = [program(), "sql", "--preset", "device", "--lake", str(lakes["device"])]
    for how in "ndjson", "table":
        text = "SELECT range AS n, repeat('x', 100) AS x FROM range(1300000)"
        size = largest = 0
        with subprocess.Popen([*words, "--format", how, text], stdout=subprocess.PIPE) as process:
            while block := process.stdout.read(1 << 20):
                size += len(block)
                largest = max(largest, resident_bytes(process))
        assert process.returncode == 0 and size > LIMITED_BYTES
        assert 0 < largest < LIMITED_BYTES, (how, largest)


def test_limit(lakes):
    words = ["sql", "--preset", "device", "--lake", lakes["device"], "--limit", "2"]
    done = tidemark(*words, "--format", "json", "FROM range(5)")
    assert done.returncode == 0 and json.loads(done.stdout) == [{"range": 0}, {"range": 1}]
    assert b"after the first 2 are left out" in done.stderr
    done = tidemark(*words, "--format", "table", "FROM range(5)")
    assert done.stdout.endswith(b"(the first 2 rows)\n")
    done = tidemark(*words, "FROM range(2)")
    assert done.stderr == b""


def test_ctrl_c_ends_a_query(lakes):
    words = [program(), "sql", "--preset", "device", "--lake", str(lakes["device"])]
    endless = "FROM range(100000); SELECT COUNT(*) FROM range(4000000000) a, range(4000000000) b"
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([*words, endless], **pipes) as process:
        assert process.stdout.readline() == b'{"range": 0}\n'  # so it runs, and is not at its end
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT and b"interrupted" in errors


def test_a_reader_that_has_had_enough_is_no_failure(lakes):
    words = [program(), "sql", "--preset", "device", "--lake", str(lakes["device"])]
    with subprocess.Popen([*words, "FROM range(100000000)"], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b'{"range": 0}\n'
        process.stdout.close()
        assert process.wait(timeout=60) == 0


# Refusals


def test_errors_have_their_caret(lakes):
    code, text = refused(lakes, "SELECT regin FROM events")
    assert code == 1 and "LINE 1: SELECT regin FROM events\n               ^" in text
    assert '"region"' in text, "a suggestion"


@pytest.mark.parametrize(
    "text",
    [
        "COPY (SELECT 1) TO 'FOLDER/never.csv'",
        "COPY events TO 'never.csv'",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO 'FOLDER/never.csv'",
        "ATTACH 'FOLDER/never.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "PRAGMA enable_profiling",
        "EXPORT DATABASE 'FOLDER/never'",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_parquet('https://example.com/x.parquet')",
        "SELECT getenv('HOME')",
        "SELECT CAST('1' AS BIT)",
        "",
    ],
)
def test_refused(lakes, tmp_path, text):
    code, message = refused(lakes, text.replace("FOLDER", str(tmp_path)))
    assert code == 1 and message.startswith("tidemark: ")
    assert not list(tmp_path.iterdir())


def test_files_of_the_lake_that_are_no_data_are_not_read(lakes):
    name = str(lakes["device"] / "_tidemark/identity").replace("'", "''").replace("[", "[[]")
    code, message = refused(lakes, f"SELECT * FROM read_text('{name}')")
    assert code == 1 and "disabled by configuration" in message


def test_unsafe_is_all_of_duckdb(lakes, tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("a\n5\n", encoding="utf-8")
    words = ["sql", "--preset", "device", "--lake", lakes["device"], "--unsafe"]
    assert run_ok(*words, f"FROM read_csv('{file}')").stdout == b'{"a": 5}\n'


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        ([], 2, "say what is asked once"),
        (["--list", "SELECT 1"], 2, "say what is asked once"),
        (["--format", "xml", "SELECT 1"], 2, "unknown format 'xml'"),
        (["--limit", "x", "SELECT 1"], 2, "--limit x"),
        (["--list", "--parquet", "x"], 2, "--list is for reading"),
        (["--data", "d", "SELECT 1"], 2, "give one of them"),
        (["--file", "/nonexistent.sql"], 5, "/nonexistent.sql"),
    ],
)
def test_usage(lakes, arguments, code, message):
    done = tidemark("sql", "--preset", "device", "--lake", lakes["device"], *arguments)
    assert done.returncode == code and message in done.stderr.decode()


def test_no_lake(tmp_path):
    done = tidemark("sql", "--preset", "device", "--data", tmp_path, "SELECT 1")
    assert done.returncode == 5 and b"there is no lake in" in done.stderr
    assert not list(tmp_path.iterdir()), "nothing was made"


# Hive


def check_golden(name, text):
    path = GOLDEN / name
    if os.environ.get("TIDE_UPDATE"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"see {path}; TIDE_UPDATE=1 rewrites it"


@pytest.mark.parametrize(
    "preset, engine", [("device", "spark"), ("sunbird", "spark"), ("sunbird", "hive")]
)
def test_ddl(lakes, preset, engine):
    source = ["--preset", preset, "--lake", lakes[preset]]
    source += ["--location", "hdfs://namenode:9000/lake/"]
    done = run_ok("hive", "ddl", *source, "--engine", engine)
    text = re.sub(r"[0-9a-f]{32}((-batch)?-\d+-\d+\.parquet)", r"<writer>\1", done.stdout.decode())
    check_golden(f"{preset}.{engine}.sql", text)


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        (["schema"], 2, "there is no 'hive schema'; there is 'hive ddl'"),
        (["ddl", "--engine", "presto"], 2, "neither spark nor hive"),
        (["ddl", "--engine", "hive", "--apply"], 2, "beeline"),
        (["ddl", "--database", "a-b"], 3, "the name of a database has only"),
        (["ddl", "--apply", "--set", "batch.spark.submit=/nonexistent"], 3, "batch.spark.submit"),
    ],
)
def test_usage_of_hive(lakes, tmp_path, arguments, code, message):
    source = ["--preset", "device", "--lake", lakes["device"], "--set", f"data={tmp_path}"]
    done = tidemark("hive", *arguments, *source)
    assert done.returncode == code and message in done.stderr.decode(), done.stderr
