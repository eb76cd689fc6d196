"""tidemark explain: what a metric does in words, what it costs a service, its SQL."""

import json
import os
import subprocess

import pytest
from harness import TESTS, program, run_ok, tidemark
from service import device_event

GOLDEN = TESTS / "golden/cli"
SPAN = ["--from", "2026-03-01", "--to", "2026-04-01"]
AT = ["--at", "2026-03-08T10:00:00Z"]

KINDS = """\
schema:
  name: app
  entity: person
  id: event_id
  time: happened
  clock: {out_of_orderness: 90s}
  columns:
    event_id: {path: id}
    person:   {path: who}
    happened: {path: at, type: time_iso, required: true}
    action:   {path: did, required: true}
    page:     {path: where.page}
    price:    {path: price, type: decimal}
    client:   {from: page, map: [{'m/*': Mobile}], default: Web}
metrics:
  opens:    {count: events, where: 'action == "open"', by: [client, page], every: 10m, over: 1h, top: 3}
  people:   {distinct: person, every: 1d, timezone: America/New_York}
  pages:    {distinct: page, every: 1w}
  about:    {approx_distinct: page, every: 1mo}
  regulars: {distinct: person, having: 'count() > 2', every: 1d}
  revenue:  {sum: price, every: 1h}
  basket:   {mean: price, every: 1h}
  dearest:  {max: price, every: 2d}
  prices:   {quantiles: [0.5, 0.95], of: price, every: 1h}
  visits:   {sessions: {per: person, timeout: 30m}, by: [client], every: 1d}
  checkout:
    funnel:
      per: [person, page]
      timeout: 1500ms
      steps: [{view: 'action == "view"'}, {buy: 'action == "buy"'}]
    every: 1d
  comeback: {retention: {per: person, period: 1w, periods: 8, mode: unbounded}}
  rate:     {ratio: [regulars, people_utc]}
  people_utc: {distinct: person, every: 1d}
alerts:
  busy:   {metric: revenue, when: 'value > 1000'}
  slow:   {metric: prices, of: p95, when: 'value > 20'}
  silent: {metric: revenue, absent: 6h}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "app.yaml").write_text(KINDS)
    return tmp_path


def plans(text):
    """{name: (words, SQL)}: a line with the name, lines of words, an empty line, SQL."""
    found = {}
    lines = text.rstrip("\n").split("\n")
    starts = [i for i in range(len(lines) - 1) if lines[i + 1].startswith("  kind ")]
    for start, end in zip(starts, starts[1:] + [len(lines)]):
        words = [line for line in lines[start + 1 : end] if line.startswith("  ")]
        sql = "\n".join(lines[start + 1 + len(words) : end]).strip("\n").removesuffix(";")
        found[lines[start]] = ("\n".join([lines[start], *words]), sql)
    return found


def test_plans_of_every_kind(folder):
    text = run_ok("explain", "app.yaml", *AT, *SPAN, cwd=folder).stdout.decode()
    words = "\n\n".join(words for words, _ in plans(text).values()) + "\n"
    path = GOLDEN / "explain.txt"
    if os.environ.get("TIDE_UPDATE"):
        path.write_text(words, encoding="utf-8")
    assert words == path.read_text(encoding="utf-8"), f"see {path}; TIDE_UPDATE=1 rewrites it"
    assert all(len(line) <= 100 for line in words.split("\n"))


def test_formats_and_sql_agree(folder):
    """The SQL below the words is that of --sql, and that of JSON; the words are those of JSON."""
    names = ["people", "checkout", "rate"]
    words = ["explain", *names, "app.yaml", *AT, *SPAN]
    text = plans(run_ok(*words, cwd=folder).stdout.decode())
    sql = run_ok(*words, "--sql", cwd=folder).stdout.decode()
    lines = run_ok(*words, "--format", "json", cwd=folder).stdout.decode().splitlines()
    told = [json.loads(line) for line in lines]
    validated = json.loads(run_ok("validate", "app.yaml", "--format", "json", cwd=folder).stdout)
    hashes = {m["name"]: m["definition"] for m in validated["metrics"]}
    assert list(text) == [t["metric"] for t in told] == names
    for one in told:
        assert f"-- {one['metric']}\n{one['sql']};\n" in sql
        assert text[one["metric"]][1] == one["sql"]
        assert one["definition"] == hashes[one["metric"]]
        flat = " ".join(text[one["metric"]][0].split())
        assert all(part in flat for part in one["plan"].values())
        assert one["plan"]["kind"].startswith(one["kind"] + ": ")
        assert "state" not in one


@pytest.mark.parametrize(
    "at, window, local",
    [
        # Clocks go forward on 8 March: 23 hours.
        ("2026-03-08T12:00:00Z", "2026-03-08T05:00:00Z to 2026-03-09T04:00:00Z", "00:00:00-05:00"),
        ("2026-03-09T03:59:59Z", "2026-03-08T05:00:00Z to 2026-03-09T04:00:00Z", "00:00:00-05:00"),
        ("2026-03-09T04:00:00Z", "2026-03-09T04:00:00Z to 2026-03-10T04:00:00Z", "00:00:00-04:00"),
    ],
)
def test_the_example_is_the_window_of_then(folder, at, window, local):
    words = ["explain", "people", "app.yaml", "--at", at, "--format", "json"]
    plan = json.loads(run_ok(*words, cwd=folder).stdout)["plan"]
    assert plan["windows"] == "1d, days in America/New_York"
    assert plan["example"].startswith(window) and f"T{local} to" in plan["example"]


def test_a_long_sql_is_left_to_its_option():
    words = ["explain", "--preset", "sunbird", "daily_retention"]
    text = run_ok(*words).stdout.decode()
    assert "  sql " in text and "tidemark explain daily_retention --sql" in " ".join(text.split())
    assert len(run_ok(*words, "--sql").stdout) > 4096


@pytest.mark.parametrize(
    "words, code, message",
    [
        (["pepole"], 2, "say where the metrics are: a file, --preset NAME or --server URL"),
        (["pepole", "app.yaml"], 5, "there is no metric 'pepole'; did you mean 'people'?"),
        (["people", "pepole", "app.yaml", "--sql"], 5, "did you mean 'people'?"),
        (["app.yaml", "./app.yaml"], 2, "two files, app.yaml and ./app.yaml"),
        (["people", "app.yaml", "--format", "xml"], 2, "unknown format 'xml'"),
        (["people", "app.yaml", "--at", "now"], 2, "--at 'now' is not a time"),
        (["people", "app.yaml", "--from", "2026-01-02", "--to", "2026-01-01"], 2, "not before --to"),
        (["people", "app.yaml", "--events", "duckdb"], 2, "--events goes with --sql"),
        (["people", "none.yaml"], 5, "none.yaml"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_explained(folder, words, code, message):
    done = tidemark("explain", *words, cwd=folder)
    assert (done.returncode, done.stdout) == (code, b""), done
    assert message in done.stderr.decode()


def test_what_it_costs_a_service(make_service, folder):
    service = make_service(preset="device", settings=["log.embedded.partitions=3"]).start()
    service.post_events([device_event(i, device=i) for i in range(20)])
    service.barrier()
    words = ["explain", "--server", service.url, "--format", "json"]
    one = json.loads(run_ok(*words, "sessions").stdout)
    state = one["state"]
    assert state["definition"] == one["definition"]
    assert (state["keys"], state["folded_events"], state["pending_keys"]) == (20, 0, 0)
    assert state["cells"] >= 1 and state["bytes"] > 0 and len(state["partitions"]) == 3
    assert state == service.get_json("/api/v1/metrics/sessions/state")
    text = run_ok("explain", "sessions", "--server", service.url).stdout.decode()
    assert f"{state['cells']} cells, 20 keys, {state['bytes']} bytes, 0 events" in text

    ratio = json.loads(run_ok(*words, "stickiness").stdout)["state"]
    assert [p["metric"] for p in ratio["parts"]] == ["daily_active_devices", "monthly_active_devices"]

    # Another definition of the same name, from a file.
    (folder / "mine.yaml").write_text(
        "preset: device\nmetrics:\n  sessions: {count: events, every: 1d}\n"
    )
    text = run_ok("explain", "sessions", "mine.yaml", "--server", service.url, cwd=folder).stdout
    assert f"the service has another definition of it, {state['definition']}" in " ".join(
        text.decode().split()
    )
    done = tidemark("explain", "people", "app.yaml", "--server", service.url, cwd=folder)
    assert (done.returncode, done.stdout) == (5, b"") and b"there is no metric 'people'" in done.stderr
    done = tidemark("explain", "sesions", "--server", service.url)
    assert done.returncode == 5 and b"did you mean 'sessions'?" in done.stderr


def test_without_a_service(folder):
    done = subprocess.run(
        [program(), "explain", "people", "--server", "http://127.0.0.1:1"], capture_output=True
    )
    assert done.returncode == 4 and done.stdout == b""
