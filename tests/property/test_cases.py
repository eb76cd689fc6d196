"""200 random inputs of tests/oracle/cases.py against the oracle, other ones in every run.

The definitions are those of cases.py, in full; the program is asked for the metrics it supports,
and
each case runs with random partitions, workers and read sizes. A failure prints its seed.
"""

import pathlib
import random

import pytest
from harness import (
    cases,
    differences,
    oracle_many,
    random_way,
    replay,
    replay_hint,
    restrict,
    seed_of_run,
    supported_metrics,
)

COUNT = 200
AT_LEAST = {"count_all", "count_by", "count_quote", "distinct_who", "sum_x", "mean_n", "top_count"}
TEST = "tests/property/test_cases.py"


def test_cases_equal_the_oracle(tmp_path):
    seed = seed_of_run()
    print(f"seed {seed}")
    definitions = tmp_path / "definitions.yaml"
    definitions.write_text(cases.DEFINITIONS.lstrip("\n"), encoding="utf-8")
    metrics = supported_metrics(definitions)
    assert AT_LEAST <= set(metrics), f"supported: {metrics}"
    only = restrict(definitions, metrics, tmp_path / "only.yaml")

    events = [tmp_path / f"{i}.ndjson" for i in range(COUNT)]
    for i, path in enumerate(events):
        path.write_text(cases.case(seed + i), encoding="utf-8", newline="\n")
    oracle_many((only, path, path.with_suffix(".expected")) for path in events)

    failures = []
    for i, path in enumerate(events):
        r = random.Random(seed + i)
        way = random_way(r, path.stat().st_size)
        actual = path.with_suffix(".actual")
        replay(["-c", definitions], [path], actual, metrics=metrics, **way)
        found = differences(
            path.with_suffix(".expected"), actual, "--reasons", "--allow-empty",
            "--only", ",".join(metrics),
        )  # fmt: skip
        if found:
            failures.append(f"case {seed + i}, {way}:\n{found}")
    if failures:
        pytest.fail(f"{replay_hint(seed, TEST)}\n" + "\n".join(failures[:5]), pytrace=False)


def test_the_definitions_are_refused_without_a_choice_of_metrics(tmp_path):
    """In a user's file a metric of a kind that does not exist yet is an error, not a silent gap."""
    from harness import tidemark

    definitions = tmp_path / "definitions.yaml"
    definitions.write_text(cases.DEFINITIONS.lstrip("\n"), encoding="utf-8")
    events = pathlib.Path(tmp_path / "none.ndjson")
    events.write_bytes(b"")
    supported = supported_metrics(definitions)
    done = tidemark("replay", "-c", definitions, events)
    if set(supported) == set(cases_metrics()):
        assert done.returncode == 0
    else:
        assert done.returncode == 3 and b"quantiles" in done.stderr


def cases_metrics():
    import yaml

    return yaml.safe_load(cases.DEFINITIONS)["metrics"]
