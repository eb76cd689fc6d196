"""Each kind of metric against the oracle, with definitions and events of its own, drawn at random.

A case is a file of definitions (tests/support_py/kinds.py) and a file of events; it runs with
random partitions, workers and read sizes. A failure prints its seed and the case's definitions.
"""

import random

import kinds
import pytest
from harness import (
    cells_of,
    differences,
    is_long,
    oracles,
    random_way,
    replay,
    replay_hint,
    run_ok,
    seed_of_run,
)

CASES = 400 if is_long() else 40
METRICS = 5  # of a case
TEST = "tests/property/test_kinds.py"


@pytest.mark.parametrize("kind", [*kinds.KINDS, "ratio"])
def test_kind_equals_the_oracle(kind, tmp_path):
    seed = seed_of_run()
    print(f"seed {seed}")
    work = []
    for i in range(CASES):
        definitions, events = tmp_path / f"{i}.yaml", tmp_path / f"{i}.ndjson"
        text, zone = kinds.definitions(kind, seed + i, METRICS)
        definitions.write_text(text, encoding="utf-8")
        events.write_text(kinds.events(seed + i, zone), encoding="utf-8", newline="\n")
        way = random_way(random.Random(seed + i), events.stat().st_size)
        expected, actual = tmp_path / f"{i}.expected", tmp_path / f"{i}.actual"
        work.append((definitions, events, expected, actual, way))
    with oracles((definitions, events, expected) for definitions, events, expected, _, _ in work):
        for definitions, events, _, actual, way in work:
            replay(["-c", definitions], [events], actual, **way)

    failures, cell_count = [], 0
    for definitions, _, expected, actual, way in work:
        cell_count += len(cells_of(expected))
        found = differences(expected, actual, "--reasons", "--allow-empty")
        if found:
            text = definitions.read_text(encoding="utf-8").split("metrics:\n")[1]
            failures.append(f"case {definitions.name}, {way}:\n{text}{found}")
    assert cell_count > CASES * METRICS
    if failures:
        hint = replay_hint(seed, f"{TEST} -k {kind}")
        text = f"{hint}\n{len(failures)} of {CASES}\n" + "\n".join(failures[:3])
        pytest.fail(text, pytrace=False)


# Funnels: every short way through three steps

STEPS = "ISE"
TIMEOUT_MS = 10_000
GAPS_MS = [TIMEOUT_MS - 1, TIMEOUT_MS, TIMEOUT_MS + 1]
EVENTS_MAX = 5
ORDERS = 6
FUNNEL = """\
schema:
  name: t
  entity: who_
  id: id
  type: kind
  time: at_
  columns:
    id: {path: id}
    kind: {path: kind, required: true}
    at_: {path: at, type: time_ms, required: true}
    who_: {path: who}
metrics:
  each: {funnel: {per: [who_], timeout: 10s, steps: STEPS}, by: [who_], every: 1s}
  all: {funnel: {per: [who_], timeout: 10s, steps: STEPS}, every: 1m}
""".replace("STEPS", "[{i: 'kind == \"I\"'}, {s: 'kind == \"S\"'}, {e: 'kind == \"E\"'}]")


def ways(events_max):
    """All ((step, milliseconds since the first), ..) of up to so many events."""
    found = level = [((step, 0),) for step in STEPS]
    for _ in range(events_max - 1):
        level = [
            (*way, (step, way[-1][1] + gap)) for way in level for step in STEPS for gap in GAPS_MS
        ]
        found = found + level
    return found


def cell_lines(path):
    """Without the ledger, which knows who came late."""
    return path.read_bytes().split(b'{"ledger"')[0]


def test_every_short_funnel(tmp_path):
    """Each way is an entity with a cell of its own for each run; the order of arrival is another
    one in each replay of the same events."""
    seed = seed_of_run()
    print(f"seed {seed}")
    r = random.Random(seed)
    definitions = tmp_path / "funnel.yaml"
    definitions.write_text(FUNNEL, encoding="utf-8")
    found = ways(EVENTS_MAX)
    assert len(found) == sum(3**n * 3 ** (n - 1) for n in range(1, EVENTS_MAX + 1))
    halves = []
    for half in range(2):
        lines = [
            f'{{"id":"{k}","kind":"{step}","at":{1772953200_000 + at},"who":"w{number}"}}'
            for number, way in enumerate(found)
            if number % 2 == half
            for k, (step, at) in enumerate(way)
        ]
        halves.append(lines)
    events = [tmp_path / f"{half}.ndjson" for half in range(2)]
    for path, lines in zip(events, halves):
        path.write_text("\n".join(lines) + "\n")
    with oracles((definitions, path, path.with_suffix(".expected")) for path in events):
        for path, lines in zip(events, halves):
            for order in range(ORDERS):
                if order == 1:
                    lines.reverse()
                elif order > 1:
                    r.shuffle(lines)
                arrived = tmp_path / "arrived.ndjson"
                arrived.write_text("\n".join(lines) + "\n")
                actual = tmp_path / f"{path.stem}-{order}.actual"
                replay(["-c", definitions], [arrived], actual, partitions=1 + order % 3)
    for path in events:
        expected = path.with_suffix(".expected")
        first, *others = [tmp_path / f"{path.stem}-{order}.actual" for order in range(ORDERS)]
        assert len(cells_of(expected)) > len(found) / 2
        wrong = differences(expected, first)
        assert not wrong, f"{replay_hint(seed, TEST)}\n{wrong}"
        for other in others:
            same = cell_lines(other) == cell_lines(first)
            assert same, f"{replay_hint(seed, TEST)}\n{other} is not {first}"


def test_a_ratio_where_a_day_is_missing(tmp_path):
    """2011-12-30 was no day in Samoa: of windows that slide by days, two end where the 31st begins.
    Which of them a ratio means nobody can tell; it takes the later one, and goes on."""
    definitions, events = tmp_path / "apia.yaml", tmp_path / "apia.ndjson"
    definitions.write_text(
        kinds.SCHEMA + "  share: {ratio: [day, days]}\n"
        "  day: {distinct: who_, every: 1d, timezone: Pacific/Apia}\n"
        "  days: {distinct: who_, every: 1d, over: 3d, timezone: Pacific/Apia}\n"
    )
    (missing,) = kinds.ZONES["Pacific/Apia"]
    events.write_text(
        "".join(
            f'{{"id":"{i}","kind":"I","at":{missing + days * kinds.DAY},"who":"u{i}"}}\n'
            for i, days in enumerate([-3, -2, -1, 0])
        )
    )
    actual = tmp_path / "actual"
    replay(["-c", definitions], [events], actual)
    rows = [row for row in cells_of(actual) if row["metric"] == "share"]
    day = {row["end"]: row["denominator"] for row in rows if row["numerator"] == 1}
    assert day == {
        "2011-12-28T10:00:00Z": 1,
        "2011-12-29T10:00:00Z": 2,
        "2011-12-30T10:00:00Z": 2,  # of the 28th and 29th; the 30th is nothing
        "2011-12-31T10:00:00Z": 2,  # of the 29th and 31st
    }


def test_a_cohort_of_a_missing_day(tmp_path):
    """Samoa's two days 2011-12-30 and 31 were one. Who came then and in the two days after it came
    in the next period; the oracle, which counts from the day that a period begins with, has it in
    the same one."""
    definitions, events = tmp_path / "apia.yaml", tmp_path / "apia.ndjson"
    definitions.write_text(
        kinds.SCHEMA + "  back: {retention: {per: who_, period: 2d, periods: 2},"
        " timezone: Pacific/Apia}\n"
    )
    (missing,) = kinds.ZONES["Pacific/Apia"]
    events.write_text(
        "".join(
            f'{{"id":"{who}{days}","kind":"I","at":{missing + days * kinds.DAY},"who":"{who}"}}\n'
            for who, days in [("a", 0), ("a", 1), ("b", -1), ("b", 0), ("b", 1)]
        )
    )
    actual = tmp_path / "actual"
    replay(["-c", definitions], [events], actual)
    rows = {row["cohort"]: row["retained"] for row in cells_of(actual)}
    assert rows == {"2011-12-28": [1, 1, 1], "2011-12-31": [1, 1, 0]}


def test_generated_definitions_are_of_many_forms():
    """What is drawn covers what a kind can be asked for; else the tests above prove less."""
    words = {
        "count": ["over", "timezone", "where", "by", "top", "1mo"],
        "having": ["over", "distinct(", "count() in", "top"],
        "numbers": ["sum", "mean", "min", "max"],
        "quantiles": ["0.001", '"n"', '"x"', "over"],
        "sessions": ["30m", "1s", "by", "where"],
        "funnel": ["step3", '["a", "who_"]', '["who_"]', '"n", "g"', "where"],
        "retention": ["unbounded", "2w", "timezone"],
        "ratio": ["sum", "having", "over", "top"],
    }
    for kind, wanted in words.items():
        text = "".join(kinds.definitions(kind, seed, METRICS)[0] for seed in range(100))
        missing = [word for word in wanted if word not in text.split("metrics:", 1)[1]]
        assert not missing, (kind, missing)
    zones = {kinds.definitions("count", seed, METRICS)[1] for seed in range(100)}
    assert zones == set(kinds.ZONES)


def test_a_definition_is_accepted_as_it_is_drawn(tmp_path):
    """Every kind, many times, in one file each: nothing that is drawn is refused."""
    for kind in [*kinds.KINDS, "ratio"]:
        path = tmp_path / f"{kind}.yaml"
        path.write_text(kinds.definitions(kind, 1, 300)[0], encoding="utf-8")
        run_ok("validate", path)
