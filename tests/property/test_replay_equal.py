"""Real files against the oracle: the result depends on the events and on nothing else.

The oracle runs once over each file. The program runs over it with every number of partitions and
workers, with every awkward size of a read, and shuffled with 20 seeds; every time all cells of all
metrics and the whole ledger, reason by reason, must be the oracle's.
"""

import random

import pytest
from harness import (
    CHUNKS,
    DATA,
    PRESETS,
    cells_of,
    differences,
    metric_names,
    oracle,
    replay,
    shared,
)

SHUFFLES = 20
PARTITIONS = [1, 3, 8]
WORKERS = [1, 2]


class Case:
    def __init__(self, preset, events, folder):
        self.preset = preset
        self.events = events
        self.folder = folder
        self.expected = folder / "expected"
        definitions = PRESETS / f"{preset}.yaml"
        oracle(definitions, events, self.expected)
        metrics = {cell["metric"] for cell in cells_of(self.expected)}
        assert metrics == set(metric_names(definitions))

    def check(self, events, **way):
        actual = self.folder / "actual"
        replay(["--preset", self.preset], [events], actual, **way)
        found = differences(self.expected, actual, "--reasons")
        assert not found, f"{way}\n{found}"


@pytest.fixture(scope="module", params=["sunbird", "device"])
def case(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "sunbird":
        return Case("sunbird", shared("data/sunbird-valid-500.ndjson"), folder)
    return Case("device", DATA / "device-3000.ndjson", folder)


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("partitions", PARTITIONS)
def test_partitions_and_workers(case, partitions, workers):
    case.check(case.events, partitions=partitions, workers=workers)


@pytest.mark.parametrize("chunk", CHUNKS)
def test_sizes_of_reads(case, chunk):
    case.check(case.events, chunk=chunk, partitions=3, workers=2)


@pytest.mark.parametrize("seed", range(SHUFFLES))
def test_order_of_arrival(case, seed, tmp_path):
    r = random.Random(seed)
    lines = case.events.read_bytes().rstrip(b"\n").split(b"\n")
    r.shuffle(lines)
    shuffled = tmp_path / "shuffled.ndjson"
    shuffled.write_bytes(b"\n".join(lines) + r.choice([b"\n", b""]))
    case.check(
        shuffled,
        partitions=PARTITIONS[seed % 3],
        workers=WORKERS[seed % 2],
        chunk=CHUNKS[(7 * seed + 3) % len(CHUNKS)],
    )


def test_several_files_are_one_stream(case, tmp_path):
    """Split anywhere between lines, also through stdin: `-` is one of the files."""
    lines = case.events.read_bytes().splitlines(keepends=True)
    cuts = [0, 1, len(lines) // 3, len(lines)]
    parts = []
    for i, (start, end) in enumerate(zip(cuts, cuts[1:])):
        parts.append(tmp_path / f"part{i}")
        parts[-1].write_bytes(b"".join(lines[start:end]))
    actual = tmp_path / "actual"
    replay(["--preset", case.preset], parts, actual, partitions=8, workers=2)
    assert not differences(case.expected, actual, "--reasons")
