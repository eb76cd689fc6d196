"""What the tests of the SQL share, on whatever engine: random cases, presets, globs."""

import json
import random
from fnmatch import fnmatchcase

import yaml
from harness import PRESETS, cases, cells_of, differences, oracle, oracle_many, run_ok
from sql_texts import derived_columns, run_case, run_lake, texts_of

EXACT = ["--quantile-error", "0"]

# Random cases

# Kinds and windows that cases.py has not.
MORE = r"""
metrics:
  approximate: {approx_distinct: a, by: [b], every: 1h}
  top_sum: {sum: x, by: [a, n], every: 1h, top: 2}
  top_mean: {mean: x, by: [a, n], every: 1d, top: 2, timezone: America/New_York}
  top_max_slide: {max: n, by: [a, b], every: 10m, over: 30m, top: 1}
  sum_slide: {sum: x, by: [a], every: 1h, over: 6h}
  mean_slide: {mean: n, every: 1d, over: 5d, timezone: America/New_York}
  min_time: {min: at_, by: [a], every: 1w}
  having_by_entity: {distinct: who_, having: 'count() > 1', by: [who_], every: 1h}
  having_zone: {distinct: who_, having: 'distinct(n) < 3', by: [g], every: 1d, over: 3d, timezone: America/New_York}
  quantile_zone: {quantiles: [0.5], of: x, by: [g], every: 1d, over: 2d, timezone: America/New_York}
  by_same: {max: n, by: [n, a], every: 1h}
  weeks: {count: events, every: 2w}
  retention_none: {retention: {per: who_, period: 1w, periods: 1}, where: 'n == 77'}
  top_part: {count: events, by: [a], every: 1h, top: 1}
  all_part: {sum: x, by: [a], every: 1h}
  top_ratio: {ratio: [top_part, all_part]}
  two_columns: {max: x, by: [b, a], every: 1h}
  swapped: {ratio: [two_columns, count_ba]}
  count_ba: {count: events, by: [a, b], every: 1h}
"""


# Around 2011-12-30, which Samoa left out: a day without an instant, windows that end together.
SAMOA = r"""
  days: {distinct: who_, every: 1d, timezone: Pacific/Apia}
  by_day: {count: events, by: [a], every: 1d, timezone: Pacific/Apia}
  slide: {distinct: who_, every: 1d, over: 3d, timezone: Pacific/Apia}
  slide_by: {count: events, by: [a], every: 1d, over: 2d, timezone: Pacific/Apia}
  share: {ratio: [days, slide]}
  pairs: {count: events, every: 2d, timezone: Pacific/Apia}
  stay: {retention: {per: who_, period: 1d, periods: 4}, timezone: Pacific/Apia}
  stay_2d: {retention: {per: who_, period: 2d, periods: 2, mode: unbounded}, timezone: Pacific/Apia}
"""


def samoa_failures(engine, seed, count, folder):
    definitions = folder / "samoa.yaml"
    schema = cases.DEFINITIONS[: cases.DEFINITIONS.index("metrics:")].lstrip("\n")
    definitions.write_text(f"{schema}metrics:{SAMOA}", encoding="utf-8")
    failures = []
    for i in range(count):
        r = random.Random(seed + i)
        events, expected, actual = (folder / f"samoa.{x}" for x in ("ndjson", "want", "got"))
        midnight = 1_325_239_200_000  # the end of the 29th, and of the 30th
        lines = [
            {
                "id": str(n),
                "kind": "I",
                "at": midnight + r.randrange(-4, 4) * 86_400_000 + r.choice([-1, 0, 1, 3_600_000]),
                "user": r.choice(["u", "v", "w"]),
                "p": {"a": r.choice(["x", "y", None])},
            }
            for n in range(r.choice([1, 3, 12]))
        ]
        events.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        oracle(definitions, events, expected)
        run_case(engine, definitions, events, actual, ["-c", definitions])
        found = differences(expected, actual, *EXACT)
        if found:
            failures.append(f"case {seed + i}:\n{found}")
    return failures


def write_more(folder):
    """Files of those definitions: as they are, and for the oracle, which knows no estimates (what they
    estimate is distinct)."""
    schema = cases.DEFINITIONS[: cases.DEFINITIONS.index("metrics:")]
    own, plain = folder / "own.yaml", folder / "plain.yaml"
    text = (schema + MORE).lstrip("\n")
    own.write_text(text, encoding="utf-8")
    plain.write_text(text.replace("approx_distinct:", "distinct:"), encoding="utf-8")
    return own, plain


def random_failures(engine, seed, count, folder, more=False, sample=None):
    """What differs, of so many cases; more: with the definitions above; sample: of so many metrics of
    each case."""
    folder = folder / ("more" if more else "cases")
    folder.mkdir()
    if more:
        own, plain = write_more(folder)
    else:
        own = plain = folder / "definitions.yaml"
        plain.write_text(cases.DEFINITIONS.lstrip("\n"), encoding="utf-8")
    events = [folder / f"{i}.ndjson" for i in range(count)]
    for i, path in enumerate(events):
        path.write_text(cases.case(seed + i), encoding="utf-8", newline="\n")
    oracle_many((plain, path, path.with_suffix(".expected")) for path in events)
    names = list(yaml.safe_load(plain.read_text(encoding="utf-8"))["metrics"])
    failures = []
    for i, path in enumerate(events):
        actual = path.with_suffix(".actual")
        chosen = random.Random(seed + i).sample(names, sample) if sample else names
        run_case(engine, plain, path, actual, ["-c", own], chosen)
        only = ["--only", ",".join(chosen)]
        found = differences(path.with_suffix(".expected"), actual, "--allow-empty", *only, *EXACT)
        if found:
            failures.append(f"case {seed + i}:\n{found}")
    return failures


# Presets


def sunbird_events(folder, count=1000, *more):
    path = folder / "sunbird.ndjson"
    done = run_ok("generate", "--preset", "sunbird", "--count", count, "--devices", 60, *more)
    path.write_bytes(done.stdout)
    return path


def check_preset(engine, preset, events, folder):
    definitions = PRESETS / f"{preset}.yaml"
    expected, actual = folder / f"{preset}.expected", folder / f"{preset}.actual"
    oracle(definitions, events, expected)
    assert len(cells_of(expected)) > 50
    run_case(engine, definitions, events, actual, ["--preset", preset])
    assert not differences(expected, actual, *EXACT)


def check_lake(engine, preset, events, folder, read_table):
    """Over a lake that the program wrote; read_table(folder of the table) makes it lake_events."""
    definitions = PRESETS / f"{preset}.yaml"
    expected, actual = folder / "lake.expected", folder / "lake.actual"
    lake = folder / "lake"
    run_ok("replay", "--preset", preset, "--partitions", 3, "--lake", lake, events)
    read_table(lake / "events")
    oracle(definitions, events, expected)
    run_lake(engine, definitions, events, actual, ["--preset", preset])
    assert not differences(expected, actual, *EXACT)


# Globs, and texts for which Python's fnmatchcase tells them apart.

GLOBS = [
    "x*", "*y", "x?", "?", "", "*", "**a", "é*", "%", "_", "a_", "!x", "x!*", "[abc]", "[!abc]*",
    "[a-c]x", "v[0-9].*", "[]]", "[]-a]?", "[!]]*", "[b-a]", "[!b-a]", "[b-ac]", "a[", "[", "[a",
    "[-x]*", "[x-]", "[^a]", "[&a]", "[a&&b]", "[é-ü]", "*[!0-9]", "a.b", "a.b*", "(x|y)*", "$*",
    "[$]*", "*\\*", "[\\]*", "'*", "{x}?", "*\n*", "?\n", "[\n]*", "X*", "[日-本]?", "*[😀]",
]  # fmt: skip
TEXTS = [
    "", "x", "xy", "y", "é", "éa", "%", "_", "a_", "ab", "!x", "x!", "a", "b", "c", "ax", "v1.2",
    "v1x2", "]", "]a", "-", "-x", "^", "^a", "&", "&a", "ü", "a1", "1a", "a.b", "axb", "a.bc",
    "(x|y)z", "$", "$x", "\\", "a\\b", "'", "'a", "{x}y", "a\nb", "a\n", "\n", "X", "日本", "😀",
    "a😀", "[", "a[", "[a", "a\r\n", "x\n",
]  # fmt: skip


def glob_definitions(patterns):
    path = {"path": "t"}
    columns = {"who": {"path": "who"}, "at_": {"path": "at", "type": "time_ms", "required": True}, "t": path}
    for i, pattern in enumerate(patterns):
        columns[f"g{i}"] = {"from": "t", "map": [{pattern: "yes"}], "default": "no"}
    columns["first"] = {"from": "t", "map": [{p: f"'{i}'"} for i, p in enumerate(patterns[:40])]}
    schema = {"name": "globs", "entity": "who", "id": "who", "time": "at_", "columns": columns}
    return yaml.safe_dump({"schema": schema, "metrics": {}}, allow_unicode=True, sort_keys=False)


def check_globs(engine, folder):
    """Each pattern against each text, as fnmatchcase has it, and null."""
    definitions = folder / "globs.yaml"
    definitions.write_text(glob_definitions(GLOBS), encoding="utf-8")
    derived = derived_columns(
        texts_of(["-c", definitions], (0, 1), engine.name, "decoded")["events"]
    )
    assert len(derived) == len(GLOBS) + 1
    schema = {"columns": {"t": {}}}
    events = [{"t": t, "event_time": i} for i, t in enumerate([*TEXTS, None])]
    engine.prepare(schema, events, derived)
    rows = engine.query("SELECT * FROM events AS e ORDER BY event_time")
    wrong = []
    for row, text in zip(rows, [*TEXTS, None], strict=True):
        assert row["t"] == text
        for i, pattern in enumerate(GLOBS):
            wanted = None if text is None else "yes" if fnmatchcase(text, pattern) else "no"
            if row[f"g{i}"] != wanted:
                wrong.append(f"{pattern!r} on {text!r}: {row[f'g{i}']}, not {wanted}")
        hits = [] if text is None else [i for i, p in enumerate(GLOBS[:40]) if fnmatchcase(text, p)]
        if row["first"] != (f"'{hits[0]}'" if hits else None):
            wrong.append(f"first on {text!r}: {row['first']}, not {hits[:1]}")
    assert not wrong, "\n".join(wrong)
