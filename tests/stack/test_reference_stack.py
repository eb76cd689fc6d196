"""Goal: docs/reference-stack.md works as it is written: whoever pastes its blocks into one shell, top
to bottom, has the reference stack, and sees what the page says. Method: that is what happens here,
with real servers; blocks that are marked with a reason are left out."""

import json
import os
import pathlib
import re
import signal
import subprocess

import pytest
from harness import ROOT

ROOT = pathlib.Path(ROOT)
DOCUMENT = ROOT / "docs/reference-stack.md"
BLOCK = re.compile(r"(<!-- not run: [^>]+ -->\n)?^```sh\n(.*?)^```$", re.S | re.M)
HEADING = re.compile(r"^## (.+)$", re.M)
TIMEOUT_S = 1200
MARK = "@@@ block "
SHOWN = 12000  # characters of a failed block's output


def blocks():
    """(section, text) of each block that is run."""
    text = DOCUMENT.read_text()
    found = []
    for match in BLOCK.finditer(text):
        if not match[1]:
            found.append((HEADING.findall(text[: match.start()])[-1], match[2]))
    return found


def stop_everything():
    stack = ROOT / ".deps/stack"
    for name in ("spark", "hdfs", "kafka"):
        script = ROOT / f"tests/stack/servers/{name}.sh"
        subprocess.run(
            [script, "down"], env=dict(os.environ, STACK=str(stack)), capture_output=True
        )
    for path in (ROOT / "build/reference-stack").glob("*.pid"):
        try:
            os.kill(int(path.read_text()), signal.SIGKILL)
        except (ProcessLookupError, ValueError):
            pass


@pytest.fixture(scope="module")
def walk(stack, tmp_path_factory):
    """What each section said, after all of the page has been run."""
    script, said = "", tmp_path_factory.mktemp("walk") / "said"
    for index, (_, text) in enumerate(blocks()):
        script += f'echo "{MARK}{index} $SECONDS"\n{text}\n'
    script += f'echo "{MARK}end $SECONDS"\n'
    stop_everything()
    try:
        with open(said, "w", encoding="utf-8") as output:
            done = subprocess.run(
                ["bash", "-eu", "-c", script],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=TIMEOUT_S,
            )
        code = done.returncode
    except subprocess.TimeoutExpired:
        code = f"none after {TIMEOUT_S} s"
    finally:
        stop_everything()
    parts = re.split(rf"^{MARK}(\w+) (\d+)\n", said.read_text(errors="replace"), flags=re.M)[1:]
    last = parts[-3]
    if last != "end":
        section, text = blocks()[int(last)]
        log = ROOT / "build/reference-stack/tidemark.log"
        pytest.fail(
            f"exit {code} in section {section}:\n{text}\n{parts[-1][-SHOWN:]}\n"
            + (log.read_text()[-SHOWN:] if log.exists() else "")
        )
    sections = {}
    for index, _, output in zip(*[iter(parts)] * 3):
        if index != "end":
            section = blocks()[int(index)][0]
            sections[section] = sections.get(section, "") + output
    return sections


def test_the_page_is_whole():
    names = [section for section, _ in blocks()]
    wanted = "Build and fetch, Start the servers, Start Tidemark, Send events, Look, "
    wanted += "Spark and Hive, Watch, A broker dies, Stop"
    assert list(dict.fromkeys(names)) == wanted.split(", ")
    left_out = [match[2] for match in BLOCK.finditer(DOCUMENT.read_text()) if match[1]]
    assert len(left_out) == 2 and "tools/setup" in left_out[0] and "grafana" in left_out[1]


def test_topics_are_made(walk):
    said = walk["Start Tidemark"]
    for topic in ("app_events", "crashes", "performance", "processed_metrics", "journeys"):
        assert re.search(rf"^{topic} +created$", said, re.M), said
    assert '"status":"ready"' in said.replace(" ", "")


def test_events_come_through(walk):
    said = walk["Look"]
    crashes = re.findall(r"^partition (\d+), key (\S+): (\{.*\})$", said, re.M)
    assert len(crashes) == 2, said
    for _, key, value in crashes:
        event = json.loads(value)
        assert event["event_type"] == "crash_event" and event["device_id"] == key
    assert '"us-east"' in said
    assert re.search(r"^\d+ cells, 0 differences: live and lake are equal$", said, re.M), said
    # 10,000 sent; what is broken, late or a duplicate is accounted for, and is little.
    ledger = re.search(r"^ledger +(\d+) verdicts = (\d+) processed", said, re.M)
    assert int(ledger[1]) == 10000 and int(ledger[2]) > 9000, said
    counts = [int(n) for n in re.findall(r"^\W*\w+_\w+\W+(\d+)\W*$", said, re.M)]
    assert sum(counts) == int(ledger[2]), said


def test_metrics_are_published(walk):
    keys = re.findall(r'^(?=.*"metric")(\{.*\})$', walk["Look"], re.M)
    assert len(keys) >= 3, walk["Look"]


def test_spark_computes_the_same(walk):
    said = walk["Spark and Hive"]
    assert re.search(r"^run \d+: \d+ metrics, \d+ cells, by spark/4", said, re.M), said
    assert '"metric": "daily_events"' in said and '"generation": "batch"' in said
    assert "CREATE TABLE" in said and "LOCATION 'hdfs://127.0.0.1:9000/tidemark/device/" in said


def test_all_is_well(walk):
    table = walk["Watch"].splitlines()
    header = next(i for i, line in enumerate(table) if line.startswith("part "))
    rows = {line[: table[header].index("state")].strip(): line for line in table[header + 1 :]}
    for name in (
        *("service", "log", "log app_events", "log crashes", "log performance"),
        *("publish processed_metrics", "publish journeys", "lake", "batch", "prometheus", "spark"),
    ):
        assert rows[name].split(name, 1)[1].split()[0] == "up", "\n".join(table)
    assert "datanodes 2" in rows["lake"] and "brokers 2" in rows["log"]
    assert "partitions 6, replicas 12, in sync 12" in rows["log crashes"]
    assert "partitions 3," in rows["publish processed_metrics"]
    assert "workers 1" in rows["spark"]


def test_a_broker_may_die(walk):
    said = walk["A broker dies"]
    assert "1 of 2 brokers are gone" in said
    assert re.search(r"^log +up .*brokers 2$", said, re.M), said
    assert re.search(r"^\d+ cells, 0 differences: live and lake are equal$", said, re.M), said
    assert re.search(r"^ledger +12000 verdicts", said, re.M), said
