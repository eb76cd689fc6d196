"""Long generated streams against the oracle: both presets, all metrics, the generator's own rates
of late, repeated and broken events and of wrong clocks; as they are and shuffled, under several
partitions, workers and sizes of a read.

The oracles take longest, most of a millisecond for an event; they run beside each other.
TIDE_STREAM_EVENTS says how many events.
"""

import os
import random

import pytest
from harness import (
    PRESETS,
    cells_of,
    differences,
    ledger_of,
    metric_names,
    oracles,
    random_way,
    replay,
    replay_hint,
    run_ok,
    seed_of_run,
)

NAMES = ["sunbird", "device"]
COUNT = int(os.environ.get("TIDE_STREAM_EVENTS") or 100_000)
SHUFFLES = 4
TEST = "tests/property/test_generated.py"


@pytest.fixture(scope="module")
def streams(tmp_path_factory):
    """{preset: (events, expected, seed)}"""
    seed = seed_of_run() % 1_000_000
    folder = tmp_path_factory.mktemp("streams")
    found = {name: (folder / f"{name}.ndjson", folder / f"{name}.expected") for name in NAMES}
    for name, (events, _) in found.items():
        words = ["--preset", name, "--count", COUNT, "--seed", seed]
        events.write_bytes(run_ok("generate", *words).stdout)
    with oracles((PRESETS / f"{name}.yaml", *paths) for name, paths in found.items()):
        pass
    return {name: (*paths, seed) for name, paths in found.items()}


@pytest.mark.parametrize("partitions, workers", [(1, 1), (3, 1), (8, 2)])
@pytest.mark.parametrize("name", NAMES)
def test_a_generated_stream(streams, name, partitions, workers, tmp_path):
    events, expected, seed = streams[name]
    actual = tmp_path / "actual"
    replay(["--preset", name], [events], actual, partitions=partitions, workers=workers)
    found = differences(expected, actual, "--reasons")
    assert not found, f"{replay_hint(seed, TEST)}\n{found}"


@pytest.mark.parametrize("shuffle", range(SHUFFLES))
@pytest.mark.parametrize("name", NAMES)
def test_a_shuffled_stream(streams, name, shuffle, tmp_path):
    events, expected, seed = streams[name]
    r = random.Random(seed + shuffle)
    lines = events.read_bytes().rstrip(b"\n").split(b"\n")
    r.shuffle(lines)
    shuffled = tmp_path / "shuffled.ndjson"
    shuffled.write_bytes(b"\n".join(lines))
    actual = tmp_path / "actual"
    way = random_way(r, shuffled.stat().st_size)
    replay(["--preset", name], [shuffled], actual, **way)
    found = differences(expected, actual, "--reasons")
    assert not found, f"{way} {replay_hint(seed, TEST)}\n{found}"


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_asks_for_everything(streams, name):
    """Every metric has cells, and something of everything went wrong."""
    _, expected, _ = streams[name]
    cells = cells_of(expected)
    assert {cell["metric"] for cell in cells} == set(metric_names(PRESETS / f"{name}.yaml"))
    ledger = ledger_of(expected)
    assert ledger["duplicate"] and len(ledger["rejected"]) >= 3, ledger
    assert ledger["processed"] > 0.95 * COUNT, ledger
