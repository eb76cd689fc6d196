"""The harness itself must bite: a comparison that cannot fail proves nothing.

An output of the program is spoiled in small ways, and each time the comparison must notice.
"""

import json

import pytest
from harness import DATA, differences, replay


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    path = tmp_path_factory.mktemp("bite") / "out"
    replay(["--preset", "device"], [DATA / "device-3000.ndjson"], path)
    return path


def spoil_value(rows):
    row = next(r for r in rows if r.get("metric") == "daily_active_devices")
    row["value"] += 1


def lose_cell(rows):
    rows.remove(next(r for r in rows if r.get("metric") == "daily_active_devices"))


def invent_cell(rows):
    row = next(r for r in rows if r.get("metric") == "daily_active_devices")
    rows.insert(0, row | {"start": "1999-01-01T00:00:00Z"})


def double_cell(rows):
    rows.insert(0, dict(rows[0]))


def move_reason(rows):
    rejected = rows[-1]["ledger"]["rejected"]
    rejected["type"] = rejected.pop("missing")


def lose_ledger(rows):
    rows.pop()


SPOILS = [spoil_value, lose_cell, invent_cell, double_cell, move_reason, lose_ledger]


@pytest.mark.parametrize("spoil", SPOILS, ids=lambda f: f.__name__)
def test_a_spoiled_output_is_noticed(output, spoil, tmp_path):
    rows = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    assert not differences(output, output, "--reasons")
    spoil(rows)
    spoiled = tmp_path / "spoiled"
    spoiled.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert differences(output, spoiled, "--reasons")
