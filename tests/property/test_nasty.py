"""Our own nasty inputs (tests/support_py/nasty.py) against the oracle, other ones in every run.

Four schemas: both presets, a strict one and a loose one. Each file runs with random partitions,
workers and read sizes; cells and ledger, reason by reason, must be the oracle's. Over a run every
reject reason that this version knows must have occurred, or the generator is not nasty enough.
"""

import collections
import pathlib
import random

import pytest
import yaml
from harness import (
    PRESETS,
    differences,
    ledger_of,
    oracles,
    random_way,
    replay,
    replay_hint,
    seed_of_run,
)
from nasty import World, large_files, small_file

HERE = pathlib.Path(__file__).resolve().parent
TEST = "tests/property/test_nasty.py"
FILES_PER_SCHEMA = 150  # times four
REASONS = {
    "json_invalid", "utf8_invalid", "too_deep", "too_large", "duplicate_key", "not_an_object",
    "missing",
    "type", "time_invalid", "clock_ahead", "too_old",
}  # fmt: skip


class Setup:
    """Definitions for the oracle, and as the program gets them."""

    def __init__(self, name):
        self.name = name
        if name in ("sunbird", "device"):
            self.definitions = PRESETS / f"{name}.yaml"
            self.options = ["--preset", name]
        else:
            self.definitions = HERE / f"definitions_{name}.yaml"
            self.options = ["-c", self.definitions]
        self.world = World(yaml.safe_load(self.definitions.read_text(encoding="utf-8"))["schema"])


@pytest.fixture(scope="module")
def setups():
    return {name: Setup(name) for name in ("sunbird", "device", "strict", "loose")}


@pytest.fixture(scope="module")
def seed():
    value = seed_of_run()
    print(f"seed {value}")
    return value


@pytest.fixture(scope="module")
def reasons():
    """How often each reason occurred; filled by the tests of this file."""
    return collections.Counter()


def check(setup, files, seed, reasons, folder):
    paths = []
    for i, content in enumerate(files):
        paths.append(folder / f"{setup.name}-{i}.ndjson")
        paths[-1].write_bytes(content)
    ways = [random_way(random.Random(seed + i), p.stat().st_size) for i, p in enumerate(paths)]
    with oracles((setup.definitions, p, p.with_suffix(".expected")) for p in paths):
        for path, way in zip(paths, ways):
            replay(setup.options, [path], path.with_suffix(".actual"), **way)
    failures = []
    for path, way in zip(paths, ways):
        expected, actual = path.with_suffix(".expected"), path.with_suffix(".actual")
        found = differences(expected, actual, "--reasons", "--allow-empty")
        reasons.update(ledger_of(expected)["rejected"])
        reasons["processed"] += ledger_of(expected)["processed"]
        reasons["duplicate"] += ledger_of(expected)["duplicate"]
        if found:
            failures.append(f"{path.name}, {way}:\n{found}")
    if failures:
        hint = replay_hint(seed, f"{TEST} -k {setup.name}")
        pytest.fail(
            f"{hint}\n{len(failures)} of {len(paths)}\n" + "\n".join(failures[:5]), pytrace=False
        )


@pytest.mark.parametrize("name", ["sunbird", "device", "strict", "loose"])
def test_small_files(setups, name, seed, reasons, tmp_path):
    setup = setups[name]
    files = [small_file(setup.world, seed + i) for i in range(FILES_PER_SCHEMA)]
    check(setup, files, seed, reasons, tmp_path)


@pytest.mark.parametrize("name", ["sunbird", "device", "strict"])
def test_large_records_and_envelopes(setups, name, seed, reasons, tmp_path):
    setup = setups[name]
    check(setup, large_files(setup.world, seed), seed, reasons, tmp_path)


def test_every_reason_occurred(reasons):
    """Last in the file: the tests above must have met every way to be rejected."""
    if not reasons:
        pytest.skip("runs only together with the tests above")
    print(dict(reasons))
    assert REASONS <= set(reasons), f"never: {REASONS - set(reasons)}"
    assert reasons["processed"] > 1000 and reasons["duplicate"] > 50
