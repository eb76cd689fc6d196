"""Journeys: a funnel's run is a line on stdout and a row of the table when it has ended, with or
without another event, again when a late event changes it, and never twice."""

import contextlib
import datetime
import http.client
import itertools
import json
import random
import time

from harness import replay_hint, run_ok, seed_of_run
from service import in_threads

TEST = "tests/e2e/test_journeys.py"
SETTINGS = ["publish.console=true", "process.checkpoint=100ms", "log.embedded.partitions=2"]
COLUMNS = (
    "metric journey_key journey_group outcome reached step_count start_time end_time step_times"
    " conversion_us ordinal revision definition start_date"
).split()
TOLD_S = 120
KILLS = 12
WALKED_MIN = 100  # under kills, however slow the disk
SLOW_S = 600
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)

# Times of now, and a timeout that a test can wait for: the idle rule takes ten seconds.
SHORT = """\
schema:
  name: short
  entity: buyer
  id: id
  type: kind
  time: seen
  payload: data
  clock: {tolerance: 60s, max_ahead: 5m, max_age: 400d, out_of_orderness: 1s}
  columns:
    id:   {path: id}
    kind: {path: kind, required: true}
    seen: {path: at, type: time_ms, required: true}
    buyer: {path: user, type: int, required: true}
    shop: {path: shop}
metrics:
  buying:
    funnel:
      per: [buyer, shop]
      timeout: 2s
      steps:
        - look: 'kind == "look"'
        - pay: 'kind == "pay"'
    by: [shop]
    every: 1d
"""


def now_ms():
    return time.time_ns() // 10**6


def learning(number, kind, at_ms, user="u1", content="c1"):
    return {
        "eid": kind,
        "ets": at_ms,
        "mid": f"m{number}",
        "actor": {"id": user},
        "object": {"id": content},
        "edata": {},
    }


def post(service, events):
    reply = service.post_events(events)
    assert reply.status == 200 and reply.json["accepted"] == len(events), reply


def lines_of(service):
    """The journeys that all processes of the service have printed."""
    if not service.log.exists():
        return []
    lines = service.log.read_bytes().decode().split("\n")
    return [json.loads(line)["journey"] for line in lines[:-1] if line.startswith('{"journey"')]


def wait_for_lines(service, count):
    deadline = time.monotonic() + TOLD_S
    while len(lines_of(service)) < count and time.monotonic() < deadline:
        time.sleep(0.02)  # until the lines are there
    lines = lines_of(service)
    assert len(lines) == count, lines
    return lines


def microseconds(value):
    if isinstance(value, datetime.datetime):
        return (value - EPOCH) // datetime.timedelta(microseconds=1)
    return value


def rows_of(service):
    """The table as deltalake and DuckDB read it; they must agree."""
    table = service.table("journeys")
    if table is None:
        return []
    by_deltalake = [
        tuple(microseconds(row[name]) for name in COLUMNS)
        for row in table.to_pyarrow_table().to_pylist()
    ]
    by_duckdb = service.lake_rows(
        "journeys",
        ", ".join(f"epoch_us({name})" if name.endswith("_time") else name for name in COLUMNS),
    )
    assert sorted(map(repr, by_deltalake)) == sorted(map(repr, by_duckdb))
    rows = [dict(zip(COLUMNS, row)) for row in by_deltalake]
    return sorted(rows, key=lambda row: (row["metric"], row["journey_key"], row["revision"]))


def identity(row):
    return row["metric"], row["journey_key"], row["start_time"], row["ordinal"]


def check_told_once(rows):
    """No revision twice, and none that says what the one before said."""
    newest = {}
    for row in sorted(rows, key=lambda row: row["revision"]):
        before = newest.get(identity(row))
        content = {k: v for k, v in row.items() if k != "revision"}
        if before is None:
            assert row["outcome"] != "withdrawn", row
        else:
            assert before["revision"] < row["revision"], (before, row)
            assert {k: v for k, v in before.items() if k != "revision"} != content, row
        newest[identity(row)] = row
    return {key: row for key, row in newest.items() if row["outcome"] != "withdrawn"}


def check_line_is_row(line, row):
    assert line["metric"] == row["metric"] and line["outcome"] == row["outcome"]
    assert line["key"] == json.loads(row["journey_key"])
    assert line["group"] == json.loads(row["journey_group"])
    assert line["step_times"] == json.loads(row["step_times"])
    assert line.get("conversion_us") == row["conversion_us"]
    for name in ("reached", "step_count", "ordinal", "revision", "definition"):
        assert line[name] == row[name], name
    for name in ("start", "end"):
        assert microseconds(datetime.datetime.fromisoformat(line[name])) == row[f"{name}_time"]
    assert str(row["start_date"]) == line["start"][:10]


def test_completed_revised_and_killed(make_service):
    service = make_service(preset="sunbird", settings=SETTINGS).start()
    at = now_ms() - 60_000
    post(service, [learning(1, "IMPRESSION", at), learning(2, "START", at + 5_000)])
    post(service, [learning(3, "END", at + 9_250)])
    (line,) = wait_for_lines(service, 1)
    assert line["metric"] == "learning_funnel"
    assert line["key"] == {"user_id": "u1", "content_id": "c1"} and line["group"] == {}
    assert line["outcome"] == "completed" and line["reached"] == line["step_count"] == 3
    assert line["conversion_us"] == 9_250_000 and len(line["step_times"]) == 3
    service.barrier()
    (row,) = rows_of(service)
    check_line_is_row(line, row)

    post(service, [learning(4, "START", at + 2_000)])  # late, between the first step and the second
    _, revised = wait_for_lines(service, 2)
    assert revised["revision"] > line["revision"]
    assert revised["step_times"][1] < line["step_times"][1]
    assert {k for k in line if line[k] != revised[k]} == {"revision", "step_times"}
    service.barrier()
    rows = rows_of(service)
    check_line_is_row(revised, rows[1])

    service.kill()
    service.start()
    service.barrier()
    assert rows_of(service) == rows and len(lines_of(service)) == 2
    post(service, [learning(5, "END", at + 9_250, user="u2")])  # never came to its first step
    assert wait_for_lines(service, 3)[2]["outcome"] == "unmatched"
    post(service, [learning(4, "START", at + 2_000)])  # sent again: a duplicate
    service.barrier()
    assert len(rows_of(service)) == len(lines_of(service)) == 3
    assert len(check_told_once(rows_of(service))) == 2
    assert service.stop() == 0
    assert len(lines_of(service)) == 3


def test_abandoned_without_another_event(make_service, tmp_path):
    """The idle rule moves the clock; what it told stays told over a kill."""
    file = tmp_path / "short.yaml"
    file.write_text(SHORT)
    service = make_service(file=file, settings=SETTINGS).start()
    at = now_ms() + 10_000  # a clock that is ahead: so long at least it is not abandoned
    look = {"id": "a", "kind": "look", "at": at, "user": -7, "shop": 'a "b"'}
    post(service, [look])
    service.barrier()
    assert rows_of(service) == []
    (line,) = wait_for_lines(service, 1)
    assert line["outcome"] == "abandoned" and line["reached"] == 1
    assert line["key"] == {"buyer": -7, "shop": 'a "b"'} and line["group"] == {"shop": 'a "b"'}
    assert "conversion_us" not in line
    service.barrier()
    (row,) = rows_of(service)
    check_line_is_row(line, row)
    service.kill()
    service.start()
    # Only late, not never: the journey that was abandoned is completed.
    post(service, [look | {"id": "b", "kind": "pay", "at": at + 1_500}])
    _, completed = wait_for_lines(service, 2)
    assert completed["outcome"] == "completed" and completed["conversion_us"] == 1_500_000
    assert completed["revision"] > line["revision"]
    service.barrier()
    assert len(check_told_once(rows_of(service))) == 1
    assert service.stop() == 0


def test_old_journeys_of_the_preset_end_by_the_clock(make_service):
    """With a timeout of 30 minutes and 15 for the disorder: events of an hour ago."""
    service = make_service(preset="sunbird", settings=SETTINGS).start()
    at = now_ms() - 3_600_000
    post(service, [learning(1, "IMPRESSION", at), learning(2, "START", at + 1_000)])
    (line,) = wait_for_lines(service, 1)
    assert (line["outcome"], line["reached"], line["step_count"]) == ("abandoned", 2, 3)
    service.barrier()
    check_line_is_row(line, rows_of(service)[0])
    assert service.stop() == 0


class Learners:
    """Each walks the whole funnel; a step that was not acknowledged is sent again as it was."""

    def __init__(self):
        self.port, self.ended, self.walked = None, False, []

    def run(self, number):
        from service import Client

        client, port = None, None
        for user in range(10_000):
            name, at = f"u{number}-{user}", now_ms()
            for step, kind in enumerate(("IMPRESSION", "START", "END")):
                event = learning(f"{name}-{step}", kind, at + step, user=name)
                while True:
                    if self.ended:
                        return
                    if self.port is None or self.port != port:
                        client, port = None, self.port
                        if port is None:
                            time.sleep(0.002)  # until the next process listens
                            continue
                        client = Client(port)
                    with contextlib.suppress(OSError, http.client.HTTPException):
                        if client.post_events([event]).status == 200:
                            break
                        continue
                    port = None
            self.walked.append(name)


def test_kills_under_load(make_service):
    seed = seed_of_run()
    print(f"seed {seed}; {replay_hint(seed, TEST)}")
    r = random.Random(seed)
    service = make_service(
        preset="sunbird", settings=[*SETTINGS[:1], "process.checkpoint=20ms", SETTINGS[2]]
    )
    learners = Learners()
    threads, errors = in_threads(2, learners.run)
    try:
        deadline = time.monotonic() + SLOW_S
        for number in itertools.count():
            if number >= KILLS and len(learners.walked) > WALKED_MIN:
                break
            assert time.monotonic() < deadline or number < KILLS, "hardly any load"
            service.start()
            learners.port = service.port
            time.sleep(0.05 + r.random() * 0.5)  # the random moment
            learners.port = None
            service.kill()
            assert not errors, errors
    finally:
        learners.ended = True
    for thread in threads:
        thread.join(timeout=60)
    assert not errors, errors
    service.start()
    service.barrier()
    rows = rows_of(service)
    told = check_told_once(rows)
    completed = [row for row in told.values() if row["outcome"] == "completed"]
    users = [json.loads(row["journey_key"])["user_id"] for row in completed]
    assert len(set(users)) == len(users)
    assert set(learners.walked) <= set(users), "walked to the end, but not told"
    assert service.stop() == 0


def test_replay_tells_every_journey(tmp_path):
    """More keys than time out in one epoch, none of which goes beyond its first step. An epoch is
    closed before the end: what changes since the last one is not bounded."""
    count, at = 100_050, 1_772_962_800_000
    file, events, lake = tmp_path / "short.yaml", tmp_path / "events.ndjson", tmp_path / "lake"
    file.write_text(SHORT)
    with events.open("w") as out:
        for i in range(count):
            event = {"id": f"e{i}", "kind": "look", "at": at + i, "user": i, "shop": "s"}
            out.write(json.dumps(event) + "\n")
        for i in range(160):  # more than an epoch's memory
            event = {"id": f"f{i}", "kind": "other", "at": at, "user": i, "data": "x" * 900_000}
            out.write(json.dumps(event) + "\n")
    run_ok("replay", "-c", file, "--lake", lake, events)
    import deltalake

    rows = deltalake.DeltaTable(str(lake / "journeys")).to_pyarrow_table(
        columns=["outcome", "journey_key", "_epoch"]
    )
    assert rows.num_rows == count
    assert set(rows["outcome"].to_pylist()) == {"abandoned"}
    assert len(set(rows["journey_key"].to_pylist())) == count
    assert len(set(rows["_epoch"].to_pylist())) == 2, "in turns"
