"""docs/coverage.md keeps its word: every command of its tables prints every metric of its row.

The replay commands run over files, the query commands against a service of the row's preset that was
fed by the generator.
"""

import json
import os
import pathlib
import re
import shlex
from collections import Counter, namedtuple

import pytest
import yaml
from harness import PRESETS, ROOT, run_ok

DOCUMENT = ROOT / "docs/coverage.md"
# The clickstream's real events, if they stand beside the checkout; else generated ones.
SUNBIRD = pathlib.Path(os.environ.get("TIDEMARK_SHARED", ROOT.parent / "shared"))
SUNBIRD = SUNBIRD / "data/sunbird-valid-500.ndjson"
EVENTS = ["--count", "3000"]

Row = namedtuple("Row", "name metrics replay query columns")


def unquoted(cell):
    assert re.fullmatch(r"`[^`]+`", cell), cell
    return shlex.split(cell.strip("`"))


def rows():
    found = []
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and "from a file" not in cells and len(cells) == len(Row._fields):
            name, metrics, replay, query, columns = cells
            metrics = re.findall(r"`(\w+)`", metrics)
            found.append(Row(name, metrics, unquoted(replay), unquoted(query), columns))
    return found


Endpoint = namedtuple("Endpoint", "name filter metrics target")


def endpoints():
    """The rows of the table of endpoints and filters; no metrics: the answer is 400."""
    found = []
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        match = re.fullmatch(
            r"\| (\w+) \| ([\w ]+) \| (.*) \| `curl 'http://127.0.0.1:8080(/\S+)'` \|", line
        )
        if match:
            name, by, metrics, target = match.groups()
            found.append(Endpoint(name, by, re.findall(r"`(\w+)`", metrics), target))
    return found


def preset_of(row):
    return row.replay[row.replay.index("--preset") + 1]


def count_by_metric(output):
    lines = map(json.loads, output.decode().splitlines())
    return Counter(line["metric"] for line in lines if "metric" in line)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the commands of the document find their files."""
    place = tmp_path_factory.mktemp("coverage")
    (place / "tests").symlink_to(ROOT / "tests")
    if SUNBIRD.exists():
        (place / "sunbird.ndjson").symlink_to(SUNBIRD)
    else:
        made = run_ok("generate", "--preset", "sunbird", *EVENTS)
        (place / "sunbird.ndjson").write_bytes(made.stdout)
    return place


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.name)
def test_replay(row, folder):
    program, *arguments = row.replay
    assert program == "tidemark" and arguments[0] == "replay"
    selected = [arguments[i + 1] for i, word in enumerate(arguments) if word == "--metric"]
    assert selected == row.metrics and row.columns
    counts = count_by_metric(run_ok(*arguments, cwd=folder).stdout)
    assert sorted(counts) == sorted(row.metrics), counts


@pytest.mark.parametrize("preset", ["device", "sunbird"])
def test_query(preset, make_service):
    service = make_service(preset=preset).start()
    run_ok("generate", "--preset", preset, *EVENTS, "--rate", "0", "--to", service.url)
    service.barrier()
    mine = [row for row in rows() if preset_of(row) == preset]
    assert mine
    for row in mine:
        program, *arguments = row.query
        assert (program, arguments) == ("tidemark", ["query", *row.metrics])
        done = run_ok(*arguments, "--format", "ndjson", "--server", service.url)
        counts = count_by_metric(done.stdout)
        assert sorted(counts) == sorted(row.metrics), (row.name, counts)


def test_endpoints(make_service):
    """Each endpoint with each filter of the reference platform, answered as the table says."""
    found = endpoints()
    filters = ["none", "date range", "region", "device_type", "os", "app_version", "feature"]
    names = ["usage", "crashes", "adoption", "performance", "realtime"]
    assert [(row.name, row.filter) for row in found] == [(n, f) for n in names for f in filters]
    service = make_service(preset="device").start()
    run_ok("generate", "--preset", "device", *EVENTS, "--rate", "0", "--to", service.url)
    service.settle()
    for row in found:
        assert row.target.startswith(f"/metrics/{row.name}")
        reply = service.get(row.target)
        assert reply.status == (200 if row.metrics else 400), (row, reply)
        if row.metrics and row.filter != "date range" and row.name != "realtime":
            assert reply.json["metrics"] == row.metrics and reply.json["total"] > 0, row
        elif row.metrics:
            assert {cell["metric"] for cell in reply.json["cells"]} <= set(row.metrics)
        else:
            assert f"no metric of /metrics/{row.name} is grouped by" in reply.json["detail"]


@pytest.mark.parametrize("preset", ["device", "sunbird"])
def test_every_metric_of_the_preset_is_named(preset):
    """So that a metric added to a preset gets its place here."""
    text = DOCUMENT.read_text(encoding="utf-8")
    spec = yaml.safe_load((PRESETS / f"{preset}.yaml").read_text(encoding="utf-8"))
    assert not [name for name in spec["metrics"] if f"`{name}`" not in text]


def test_every_query_of_the_folder_is_named():
    text = DOCUMENT.read_text(encoding="utf-8")
    for path in sorted((ROOT / "docs/queries").glob("*.sql")):
        preset = path.name.split("_")[0]
        assert f"`tidemark sql --preset {preset} --file docs/queries/{path.name}`" in text
