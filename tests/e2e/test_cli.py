"""The command line: help, exit codes, suggestions, formats, and what is deterministic.

Texts that people read are golden files in tests/golden/cli; TIDE_UPDATE=1 rewrites them, and the
difference is reviewed.
"""

import csv
import datetime
import io
import json
import os
import pathlib
import socket
import subprocess

import pytest
from harness import DATA, TESTS, program, run_ok, tidemark

GOLDEN = TESTS / "golden/cli"
DEVICE = DATA / "device-3000.ndjson"
COMMANDS = ["run", "replay", "generate", "query", "batch", "verify", "backtest", "explain", "sql", "hive"]
COMMANDS += ["lake", "compact", "kafka", "health", "validate", "version"]


def check_golden(name, text):
    path = GOLDEN / name
    if os.environ.get("TIDE_UPDATE"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"see {path}; TIDE_UPDATE=1 rewrites it"


# Help


def test_help_lists_every_command():
    done = run_ok("--help")
    text = done.stdout.decode()
    assert done.stderr == b""
    assert text.index("tidemark run --preset sunbird") < text.index("Usage:"), "examples first"
    for command in COMMANDS:
        assert f"\n  {command} " in text
    assert run_ok("-h").stdout == run_ok("help").stdout == done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command(command):
    done = run_ok(command, "--help")
    text = done.stdout.decode()
    assert done.stderr == b""
    assert text.startswith(f"  tidemark {command}"), "examples first"
    assert f"\nUsage: tidemark {command}" in text
    assert all(len(line) <= 100 for line in text.split("\n"))
    assert run_ok(command, "-h").stdout == done.stdout


def test_no_command_is_a_usage_error():
    done = tidemark()
    assert done.returncode == 2 and done.stdout == b"" and b"Usage:" in done.stderr


def test_version_tells_both_versions():
    text = run_ok("version").stdout.decode()
    assert text.startswith("tidemark 0.1.0\n")
    assert "duckdb v" in text or "duckdb 1" in text
    assert run_ok("--version").stdout.decode() == text


# Exit codes and suggestions


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        (["rnu"], 2, "unknown command 'rnu'; did you mean 'run'?"),
        (["xyzzyxyzzy"], 2, "unknown command 'xyzzyxyzzy'; try 'tidemark --help'"),
        (["replay"], 2, "replay needs FILE"),
        (
            ["replay", "--presett", "device", "-"],
            2,
            "unknown option '--presett'; did you mean '--preset'?",
        ),
        (["replay", "--preset"], 2, "--preset needs a value"),
        (["replay", "--strict=1", "-"], 2, "--strict takes no value"),
        (
            ["replay", "--preset", "device", "--partitions", "0", "-"],
            2,
            "--partitions 0 is not a number in 1..1024",
        ),
        (["replay", "--preset", "device", "--workers", "x", "-"], 2, "--workers x is not a number"),
        (["replay", "--preset", "device", "--chunk", "-1", "-"], 2, "--chunk -1 is not a number"),
        (["replay", "--preset", "device", "--format", "xml", "-"], 2, "unknown format 'xml'"),
        (
            ["replay", "--preset", "devise", "-"],
            3,
            "unknown preset 'devise'; did you mean 'device'?",
        ),
        (
            ["replay", "--preset", "device", "--metric", "crashs", "-"],
            3,
            "unknown metric 'crashs'; did you mean 'crashes'?",
        ),
        (["replay", "--preset", "device", "missing.ndjson"], 5, "cannot open missing.ndjson"),
        (["replay", "-c", "missing.yaml", "-"], 5, "missing.yaml"),
        (["validate", "missing.yaml"], 5, "missing.yaml"),
        (["validate"], 2, "say what the events are"),
        (["validate", "--preset", "device", "--format", "xml"], 2, "unknown format 'xml'"),
        (["validate", "a", "b"], 2, "unexpected operand 'b'"),
        (["generate"], 2, "--preset sunbird or device"),
        (
            ["generate", "--preset", "device", "--late", "10001"],
            2,
            "--late 10001 is not a number in 0..10000",
        ),
        (
            ["generate", "--preset", "device", "--start", "yesterday"],
            2,
            "--start yesterday is not an ISO 8601 time",
        ),
        (["generate", "--preset", "device", "--to", "ftp://x"], 2, "--to ftp://x"),
        (["query"], 2, "name a metric, or --all"),
        (["query", "--all", "x"], 2, "--all is every metric: name none"),
        (["query", "--all", "--filter", "a == 1"], 2, "name the metrics"),
        (["query", "x", "--filter", "a", "--where", "b"], 2, "more than one --filter"),
        (["run"], 2, "say what the events are"),
        (
            ["run", "--preset", "device", "--set", "log.embedded.partitions"],
            3,
            "write --set key=value",
        ),
        (
            ["run", "--preset", "device", "--set", "log.embedded.partition=3"],
            3,
            "did you mean 'log.embedded.partitions'?",
        ),
        (
            ["run", "--preset", "device", "--set", "log.embedded.partitions=0"],
            3,
            "log.embedded.partitions must be in 1..1024",
        ),
        (
            ["run", "--preset", "device", "--set", "process.checkpoint=soon"],
            3,
            "'soon' is not a duration",
        ),
        (
            ["run", "--preset", "device", "--set", "collect.trust_received=yes"],
            3,
            "'yes' is not true or false",
        ),
        (["run", "--preset", "device", "--listen", "8080"], 3, "8080"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_exit_code_and_message(arguments, code, message, tmp_path):
    done = tidemark(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, b""), done
    assert message in done.stderr.decode()
    assert list(tmp_path.iterdir()) == [], "a refused command left something behind"


@pytest.mark.parametrize(
    "command", [["query", "--all"], ["query", "x"], ["query", "--ledger"], ["verify"]]
)
def test_no_server_is_exit_4(command):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # taken, but nobody listens
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        done = tidemark(*command, "--server", url)
    assert done.returncode == 4 and url.encode()[7:] in done.stderr, done


def test_strict_is_exit_6_only_if_something_was_rejected(tmp_path):
    words = ["replay", "--preset", "device", "--metric", "crashes"]
    strict = tidemark(*words, "--strict", DEVICE)
    assert strict.returncode == 6
    assert strict.stdout == run_ok(*words, DEVICE).stdout, "the output is complete nevertheless"
    good = tmp_path / "good.ndjson"
    good.write_bytes(DEVICE.read_bytes().split(b"\n")[0] + b"\n")
    assert tidemark(*words, "--strict", good).returncode == 0


WRITERS = {
    "replay": ["replay", "--preset", "device", str(DEVICE)],
    "table": ["replay", "--preset", "device", "--format", "table", str(DEVICE)],
    "generate": ["generate", "--preset", "device", "--count", "0"],
    "help": ["help", "cli"],
}


@pytest.mark.parametrize("words", WRITERS.values(), ids=WRITERS)
def test_what_cannot_be_written_is_a_failure(words):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([program(), *words], stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr.startswith(b"tidemark: cannot write to stdout"), done


@pytest.mark.parametrize("words", WRITERS.values(), ids=WRITERS)
def test_a_reader_that_has_had_enough_is_no_failure(words):
    """tidemark .. | head -1: it stops, also when there is no end to it, and says nothing."""
    process = subprocess.Popen(
        [program(), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
    )
    assert process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=60) == 0
    assert process.stderr.read() == b""
    process.stderr.close()


def test_a_closed_pipe_does_not_hide_what_was_found():
    process = subprocess.Popen(
        [program(), "replay", "--preset", "devise", "-"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )
    process.stdout.close()
    assert process.wait(timeout=60) == 3


# Definitions


WRONG = """\
preset: device
colour: blue
log: {embedded: {partitions: many}}
process: {chekpoint: 5s}
metrics:
  one: {count: events, by: [regoin], every: 1m}
  two: {sum: device_type, every: 1d}
  three: {count: events, where: 'duration_ms > "x"', every: 1h}
  four: {count: events, every: 7q}
  five: {quantiles: [50], of: duration_ms, every: 1d}
  six: {count: events, every: 1d, tpo: 3}
  seven: {distinct: device_id}
  eight: {count: events, where: 'region == "a" adn os == "b"', every: 1d}
  crashes: {max: memory_usage_mb, every: 1h, top: 0}
"""


def test_everything_wrong_with_a_file_comes_at_once(tmp_path):
    (tmp_path / "wrong.yaml").write_text(WRONG)
    done = tidemark("validate", "wrong.yaml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (3, b"")
    check_golden("validate_errors.txt", done.stderr.decode())


WRONG_KINDS = """\
preset: sunbird
metrics:
  p95: {quantiles: [0.95, 95, 0.950], by: [content], every: 1d, top: 3}
  visits: {sessions: {per: device_id, timeout: 30}, every: 1d, over: 7d}
  funnel:
    funnel:
      per: [content_id]
      timeout: 30m
      steps:
        - start: 'event_type == "START"'
        - end
        - start: 'event_typ == "END"'
    every: 1d
    timezone: Asia/Kolkatta
  kept: {retention: {per: user_id, period: 1mo, periods: 500}, every: 1d}
  slow: {count: events, every: 1h, over: 90m, timezone: UTC}
  eager: {distinct: device_id, having: 'count() > 2 and distinct(page) > "x"', every: 1d}
  share: {ratio: [completion_time, sticky]}
  rate: {ratio: [daily_active_users, active_users]}
"""


def test_everything_wrong_with_metrics_of_every_kind(tmp_path):
    (tmp_path / "wrong.yaml").write_text(WRONG_KINDS)
    done = tidemark("validate", "wrong.yaml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (3, b"")
    check_golden("validate_kinds.txt", done.stderr.decode())


def test_a_file_that_is_no_yaml(tmp_path):
    (tmp_path / "wrong.yaml").write_text("metrics: {a: [\n")
    done = tidemark("validate", "wrong.yaml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (3, b"")
    check_golden("validate_no_yaml.txt", done.stderr.decode())


def test_a_wrong_schema(tmp_path):
    (tmp_path / "wrong.yaml").write_text(
        "schema:\n  name: s\n  entity: who\n  id: ident\n  type: kind\n  time: moment\n"
        "  columns:\n    ident: {path: id}\n    kind: {path: kind, typ: int}\n"
        "    moment: {path: at, type: time_mss}\n    select: {path: s}\n    _own: {path: o}\n"
        "    uid_low: {path: u}\n    Upper: {path: p}\n    far: {from: nowhere, map: [{'*': x}]}\n"
        "metrics:\n  a: {count: events, every: 1d}\n"
    )
    done = tidemark("validate", "wrong.yaml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (3, b"")
    check_golden("validate_schema.txt", done.stderr.decode())


VALIDATED = """schema:
  name: s
  entity: who
  id: who
  time: moment
  validate: {json_schema: schemas, by: kind}
  columns: {who: {path: who}, moment: {path: at, type: time_ms, required: true}}
metrics: {all: {count: events, every: 1d}}
"""


def test_json_schemas_beside_the_file(tmp_path):
    """What is wrong with them is told at start, by every command that decodes."""
    (tmp_path / "mine.yaml").write_text(VALIDATED)
    (tmp_path / "events").write_text('{"kind":"A","at":1}\n{"kind":"a","at":1,"who":"w"}\n')
    done = tidemark("validate", "mine.yaml", cwd=tmp_path)
    assert done.returncode == 3
    assert b"mine.yaml:6:27: error: no schemas: 'schemas' is not built in" in done.stderr
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas/a.json").write_text('{"items": {"anyOf": []}}')
    for command in (["validate", "mine.yaml"], ["replay", "-c", "mine.yaml", "events"]):
        done = tidemark(*command, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (3, b"")
        assert b"mine.yaml:6:27: error: JSON Schema a.json#/items/anyOf: this keyword" in done.stderr
    (tmp_path / "schemas/a.json").write_text('{"required": ["who"]}')
    (tmp_path / "other").mkdir()
    done = run_ok("replay", "-c", tmp_path / "mine.yaml", tmp_path / "events", cwd=tmp_path / "other")
    ledger = json.loads(done.stdout.decode().splitlines()[-1])["ledger"]
    assert (ledger["processed"], ledger["rejected"]) == (1, {"schema": 1})


def test_a_good_file_and_the_presets(tmp_path):
    for preset, count, alerts in (("sunbird", 16, 3), ("device", 26, 4)):
        done = run_ok("validate", "--preset", preset)
        assert done.stdout.decode() == f"ok: schema {preset}, {count} metrics, {alerts} alerts\n"
        assert done.stderr == b""
    (tmp_path / "mine.yaml").write_text(
        "preset: device\nmetrics:\n  mine: {count: events, by: [region], every: 1d}\n"
        "  crashes: {count: events, every: 1w}\n"
    )
    done = run_ok(
        "replay", "-c", "mine.yaml", "--metric", "mine", "--metric", "crashes", DEVICE, cwd=tmp_path
    )
    names = {json.loads(line).get("metric") for line in done.stdout.splitlines()}
    assert names == {"mine", "crashes", None}
    weeks = [json.loads(line) for line in done.stdout.splitlines() if b'"crashes"' in line]
    monday = lambda row: datetime.date.fromisoformat(row["start"][:10]).weekday() == 0  # noqa: E731
    assert weeks and all(row["group"] == {} and monday(row) for row in weeks)


def test_values_come_from_file_environment_and_flags(tmp_path):
    """defaults < file < TIDEMARK_SECTION__KEY < --set; ${VAR:-x} and ${file:..} inside values."""
    (tmp_path / "secret").write_text("many\n")
    (tmp_path / "a.yaml").write_text(
        "preset: device\nlog: {embedded: {partitions: '${file:secret}'}}\n"
    )
    done = tidemark("validate", "a.yaml", cwd=tmp_path)
    assert done.returncode == 3 and b"'many' is not a whole number" in done.stderr
    (tmp_path / "b.yaml").write_text(
        "preset: device\nlog: {embedded: {partitions: '${NO_SUCH_VARIABLE:-few}'}}\n"
    )
    done = tidemark("validate", "b.yaml", cwd=tmp_path)
    assert done.returncode == 3 and b"'few' is not a whole number" in done.stderr
    environment = {"TIDEMARK_LOG__EMBEDDED__PARTITIONS": "none"}
    done = tidemark("validate", "--preset", "device", environment=environment)
    assert done.returncode == 3 and b"'none' is not a whole number" in done.stderr
    (tmp_path / "c.yaml").write_text(
        "preset: device\nlog: {embedded: {partitions: '${NO_SUCH_VARIABLE}'}}\n"
    )
    done = tidemark("validate", "c.yaml", cwd=tmp_path)
    assert done.returncode == 3 and b"${NO_SUCH_VARIABLE} is not set" in done.stderr


STRANGE = """\
schema:
  name: s
  entity: who
  id: id
  time: moment
  columns:
    id: {path: id}
    who: {path: who}
    moment: {path: at, type: time_ms, required: true}
    kind: {path: kind, required: true}
    amount: {path: amount, type: int}
    client: {from: kind, map: [{'*.app': Mobile}], default: Web}
    device: {from: kind, map: [{'tv.*': TV}], default: Other}
metrics:
  one: {count: events, where: 'kind == "A" and kind == "B"', every: 1d, top: 3}
  two: {count: events, where: 'client in ["Mobil"]', every: 1h, over: 60m}
  three:
    distinct: who
    having: 'count() > 0'
    where: 'amount > 5 or amount <= 5 or amount is null'
    every: 1d
    timezone: Asia/Kolkata
  four: {ratio: [two, three]}
  five:
    funnel:
      per: [who]
      timeout: 30m
      steps:
        - open: 'kind == "open"'
        - look: 'kind in ["open", "look"]'
        - again: 'kind == "open"'
        - none: 'amount == 1.5'
    every: 1d
"""


def test_what_cannot_be_meant_is_a_warning(tmp_path):
    (tmp_path / "strange.yaml").write_text(STRANGE)
    done = tidemark("validate", "strange.yaml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, b"ok: schema s, 5 metrics, 0 alerts, 10 warnings\n")
    check_golden("validate_warnings.txt", done.stderr.decode())
    denied = tidemark("validate", "strange.yaml", "--deny-warnings", cwd=tmp_path)
    assert (denied.returncode, denied.stdout) == (3, b"")
    assert denied.stderr == done.stderr + b"tidemark: 10 warnings, denied\n"
    (tmp_path / "none").write_text("")
    replayed = tidemark("replay", "-c", "strange.yaml", "none", cwd=tmp_path)
    assert (replayed.returncode, replayed.stderr) == (0, done.stderr)
    one = tidemark("validate", "strange.yaml", "--metric", "five", cwd=tmp_path)
    assert one.stdout == b"ok: schema s, 1 metrics, 0 alerts, 3 warnings\n", "its own, and that of the schema"


def test_validate_in_json(tmp_path):
    """For editors and pipelines: everything is on stdout, nothing on stderr."""
    (tmp_path / "strange.yaml").write_text(STRANGE)
    words = ["validate", "strange.yaml", "--format", "json"]
    done = run_ok(*words, cwd=tmp_path)
    assert done.stderr == b""
    told = json.loads(done.stdout)
    assert (told["error_count"], told["warning_count"], told["errors"]) == (0, 10, [])
    assert told["warnings"][0] == {
        "file": "strange.yaml",
        "line": 13,
        "column": 5,
        "size": 6,
        "message": "no metric uses the derived column 'device'",
    }
    lines = [w["line"] for w in told["warnings"]]
    assert len(lines) == 10 and lines == sorted(lines)
    assert [(m["name"], m["kind"]) for m in told["metrics"]] == [
        ("one", "count"),
        ("two", "count"),
        ("three", "distinct"),
        ("four", "ratio"),
        ("five", "funnel"),
    ]
    assert len({m["definition"] for m in told["metrics"]}) == 5
    assert told["alerts"] == []
    preset = json.loads(run_ok("validate", "--preset", "sunbird", "--format", "json").stdout)
    assert len(preset["metrics"]) == 16
    assert {a["metric"] for a in preset["alerts"]} <= {m["name"] for m in preset["metrics"]}
    assert len({a["definition"] for a in preset["alerts"]}) == len(preset["alerts"]) == 3
    denied = tidemark(*words, "--deny-warnings", cwd=tmp_path)
    assert (denied.returncode, denied.stdout, denied.stderr) == (3, done.stdout, b"")

    (tmp_path / "wrong.yaml").write_text(WRONG)
    wrong = tidemark("validate", "wrong.yaml", "--format", "json", cwd=tmp_path)
    assert (wrong.returncode, wrong.stderr) == (3, b"")
    told = json.loads(wrong.stdout)
    assert told["error_count"] == len(told["errors"]) == 13 and told["metrics"] == []
    unknown = json.loads(
        tidemark("validate", "--preset", "devise", "--format", "json").stdout
    )
    assert unknown["errors"] == [{"message": "unknown preset 'devise'; did you mean 'device'?"}]


# Formats


def test_formats_say_the_same():
    words = ["replay", "--preset", "device", "--metric", "daily_events", DEVICE, "--format"]
    lines = [json.loads(line) for line in run_ok(*words, "ndjson").stdout.splitlines()]
    assert json.loads(run_ok(*words, "json").stdout) == lines
    cells = [line for line in lines if "metric" in line]

    rows = list(csv.DictReader(io.StringIO(run_ok(*words, "csv").stdout.decode())))
    assert rows == [
        {
            "metric": c["metric"],
            "start": c["start"],
            "end": c["end"],
            "event_type": c["group"]["event_type"],
            "value": str(c["value"]),
        }
        for c in cells
    ]

    table = run_ok(*words, "table").stdout.decode().splitlines()
    assert table[0].split() == ["metric", "start", "end", "event_type", "value"]
    assert [line.split() for line in table[1:]] == [list(row.values()) for row in rows]
    assert len({len(line) for line in table}) == 1, "numbers end in one place"


KINDS = """\
schema:
  name: app
  entity: person
  id: event_id
  time: happened
  columns:
    event_id: {path: id}
    person:   {path: who}
    happened: {path: at, type: time_iso, required: true}
    action:   {path: did, required: true}
    page:     {path: page}
    device:   {path: device}
    events:   {path: n}
    price:    {path: price, type: decimal}
    wait_ms:  {path: ms, type: int}
metrics:
  opens:   {count: events, by: [page, device], every: 1d, top: 3}
  people:  {distinct: person, every: 1d}
  buyers:  {distinct: person, where: 'action == "buy"', every: 1d}
  rate:    {ratio: [buyers, people]}
  price:   {mean: price, every: 1d}
  waiting: {quantiles: [0.5, 0.95], of: wait_ms, every: 1d}
  visits:  {sessions: {per: person, timeout: 30m}, by: [events], every: 1d}
  checkout:
    funnel:
      per: [person]
      timeout: 30m
      steps: [{view: 'action == "view"'}, {'buy, or not': 'action == "buy"'}]
    every: 1d
  comeback: {retention: {per: person, period: 1d, periods: 3}}
"""
KINDS_EVENTS = """\
{"who":"ann","at":"2026-03-02T09:00:00Z","did":"view","page":"h\\"o,me","ms":12}
{"who":"ann","at":"2026-03-02T09:00:00Z","did":"buy","device":"","price":0.1,"n":"x"}
{"who":"bob","at":"2026-03-02T11:00:00Z","did":"view","ms":31,"page":"Bücher"}
{"who":"bob","at":"2026-03-03T12:00:00Z","did":"view","ms":40}
"""


@pytest.mark.parametrize("form", ["csv", "table"])
def test_every_kind_has_its_columns(form, tmp_path):
    """One rectangle; null is empty in CSV and an empty text is quoted; a group that is called like a
    value says so; in a table kinds stand apart, and a funnel's steps below each other."""
    (tmp_path / "app.yaml").write_text(KINDS)
    (tmp_path / "events").write_text(KINDS_EVENTS, encoding="utf-8")
    out = run_ok("replay", "-c", "app.yaml", "--format", form, "events", cwd=tmp_path).stdout
    check_golden(f"kinds.{form}", out.decode())
    if form == "csv":
        header, *rows = csv.reader(io.StringIO(out.decode()))
        assert {len(row) for row in rows} == {len(header)} == {len(set(header))}


def test_csv_has_a_header_without_cells(tmp_path):
    (tmp_path / "none").write_text("")
    words = ["replay", "--preset", "device", tmp_path / "none", "--format"]
    assert run_ok(*words, "csv").stdout == b"metric,start,end\n"
    assert run_ok(*words, "table").stdout == b"metric  start  end\n"


def test_csv_quotes_and_control_bytes_cannot_steer_a_terminal(tmp_path):
    events = tmp_path / "e.ndjson"
    region = 'a,"b"\u001b[31m\u009b1m\n'
    event = json.loads(DEVICE.read_bytes().split(b"\n")[0]) | {"region": region}
    events.write_text(json.dumps(event) + "\n")
    words = ["replay", "--preset", "device", "--metric", "regional_events", events, "--format"]
    for form in ("csv", "table"):
        out = run_ok(*words, form).stdout
        assert b"\x1b" not in out and b"\xc2\x9b" not in out and b"a," in out
    (row,) = csv.DictReader(io.StringIO(run_ok(*words, "csv").stdout.decode()))
    assert row["region"] == 'a,"b" [31m 1m ' and row["value"] == "1"
    cell = json.loads(run_ok(*words, "ndjson").stdout.splitlines()[0])
    assert cell["group"]["region"] == region


# generate


@pytest.mark.parametrize("preset", ["sunbird", "device"])
def test_generate_is_determined_by_its_seed(preset):
    words = ["generate", "--preset", preset, "--count", "3000", "--seed"]
    first = run_ok(*words, "7").stdout
    assert first == run_ok(*words, "7").stdout
    assert first != run_ok(*words, "8").stdout
    assert first.count(b"\n") == 3000


@pytest.mark.parametrize("preset", ["sunbird", "device"])
def test_generate_keeps_its_rates(preset, tmp_path):
    count = 20000
    out = tmp_path / "events.ndjson"
    words = ["generate", "--preset", preset, "--count", count, "--seed", "3", "--late", "0"]
    out.write_bytes(
        run_ok(*words, "--duplicate", "300", "--defective", "200", "--wrong-clock", "0").stdout
    )
    ledger = json.loads(run_ok("replay", "--preset", preset, out).stdout.splitlines()[-1])["ledger"]
    assert ledger["records"] == count
    assert 0.02 * count < ledger["duplicate"] < 0.04 * count, ledger
    rejected = sum(ledger["rejected"].values())
    assert 0.01 * count < rejected < 0.03 * count, ledger
    assert len(ledger["rejected"]) >= 3, "defects of several kinds"

    clean = run_ok(*words, "--duplicate", "0", "--defective", "0", "--wrong-clock", "0").stdout
    out.write_bytes(clean)
    ledger = json.loads(run_ok("replay", "--preset", preset, out).stdout.splitlines()[-1])["ledger"]
    assert (ledger["processed"], ledger["duplicate"], ledger["rejected"]) == (count, 0, {})


def test_generate_has_500_devices_in_6_regions_and_half_late(tmp_path):
    out = run_ok(
        "generate", "--preset", "device", "--count", "20000", "--defective", "0", "--seed", "5"
    ).stdout
    events = [json.loads(line) for line in out.splitlines()]
    assert len({e["device_id"] for e in events}) == 500
    assert len({e["region"] for e in events}) == 6


# replay --lake


def test_stdin_from_a_file_is_used_up():
    """A file as standard input is mapped as any other; it is at its end then, for us and for others."""
    words = ["replay", "--preset", "device", "--format", "ndjson"]
    printed = []
    for more in ([], ["--chunk", "4096"]):
        with DEVICE.open("rb") as file:
            done = subprocess.run([program(), *words, *more, "-", "-"], stdin=file, capture_output=True)
            assert done.returncode == 0, done.stderr
            assert os.lseek(file.fileno(), 0, os.SEEK_CUR) == DEVICE.stat().st_size
        printed.append(done.stdout)
    assert printed[0] == printed[1] == run_ok(*words, DEVICE).stdout


def test_replay_into_a_lake(tmp_path):
    import deltalake

    lake = tmp_path / "lake"
    done = run_ok("replay", "--preset", "device", "--partitions", "3", "--lake", lake, DEVICE)
    ledger = json.loads(done.stdout.splitlines()[-1])["ledger"]
    events = deltalake.DeltaTable(str(lake / "events")).to_pyarrow_table()
    rejected = deltalake.DeltaTable(str(lake / "rejected")).to_pyarrow_table()
    assert events.num_rows == ledger["processed"] == 3000
    assert rejected.num_rows == sum(ledger["rejected"].values()) == 4
    again = tidemark("replay", "--preset", "device", "--lake", lake, DEVICE)
    assert again.returncode == 3, "a lake that is there already is not written into"
    assert pathlib.Path(lake / "events/_delta_log/00000000000000000000.json").exists()
