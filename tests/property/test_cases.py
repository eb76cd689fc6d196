"""500 random inputs of tests/oracle/cases.py against the oracle, other ones in every run.

The definitions are those of cases.py, every metric of them; each case runs with random partitions,
workers and read sizes while the oracles, which take longest, are at work. A failure prints its
seed.
"""

import random

import pytest
from harness import cases, differences, oracles, random_way, replay, replay_hint, seed_of_run

COUNT = 500
TEST = "tests/property/test_cases.py"


def test_cases_equal_the_oracle(tmp_path):
    seed = seed_of_run()
    print(f"seed {seed}")
    definitions = tmp_path / "definitions.yaml"
    definitions.write_text(cases.DEFINITIONS.lstrip("\n"), encoding="utf-8")
    events = [tmp_path / f"{i}.ndjson" for i in range(COUNT)]
    for i, path in enumerate(events):
        path.write_text(cases.case(seed + i), encoding="utf-8", newline="\n")
    ways = [random_way(random.Random(seed + i), p.stat().st_size) for i, p in enumerate(events)]
    with oracles((definitions, path, path.with_suffix(".expected")) for path in events):
        for path, way in zip(events, ways):
            replay(["-c", definitions], [path], path.with_suffix(".actual"), **way)

    failures = []
    for i, (path, way) in enumerate(zip(events, ways)):
        expected, actual = path.with_suffix(".expected"), path.with_suffix(".actual")
        found = differences(expected, actual, "--reasons", "--allow-empty")
        if found:
            failures.append(f"case {seed + i}, {way}:\n{found}")
    if failures:
        pytest.fail(f"{replay_hint(seed, TEST)}\n" + "\n".join(failures[:5]), pytrace=False)
