"""`tidemark demo`: the address at once, data within seconds, a story whose every beat leaves its trace
in what the service says, a summary that is proven, commands that can be pasted, nothing left behind.

A demo in these tests is ten times as fast as usual, on a port of its own; where it must be asked
while it runs, the test reads what it prints and asks the service behind it.
"""

import calendar
import json
import os
import pathlib
import pty
import re
import signal
import subprocess
import time
import urllib.request

import harness
import pytest
from harness import program, run_ok

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BEATS = ("history", "live", "release", "burst", "clock", "quiet", "back", "fix", "retry", "broken")
QUICK = ("--speed", "10", "--listen", "127.0.0.1:0")
LIVE = r"\d:\d\d +live "
TIMEOUT_S = 180


class Demo:
    """A running one; lines are kept as they come."""

    def __init__(self, folder, *arguments, environment=None):
        self.lines = []
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [program(), "demo", *QUICK, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "TMPDIR": str(folder), **(environment or {})},
        )

    def read_until(self, pattern):
        """The match; the demo must go on at least to there."""
        for line in self.process.stdout:
            self.lines.append(line)
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"no {pattern} in:\n{self.text}")

    def read_address(self):
        self.url = self.read_until(r"Open +(http://127\.0\.0\.1:\d+)/$")[1]
        return self

    @property
    def text(self):
        return "".join(self.lines)

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=60) as reply:
            return reply.read()

    def rows(self, metric):
        body = self.get(f"/api/v1/metrics/{metric}?format=ndjson")
        return [json.loads(line) for line in body.splitlines()]

    def end(self, number=signal.SIGINT):
        """Its exit code after Ctrl-C."""
        self.process.send_signal(number)
        return self.wait()

    def end_without_proof(self):
        self.process.send_signal(signal.SIGINT)
        self.read_until("computed again")
        return self.end()

    def wait(self):
        self.lines += self.process.stdout.readlines()
        return self.process.wait(TIMEOUT_S)


@pytest.fixture
def make_demo(tidemark, tmp_path):
    made = []

    def make(*arguments, **options):
        made.append(Demo(tmp_path, *arguments, **options))
        return made[-1]

    yield make
    for demo in made:
        if demo.process.poll() is None:
            demo.process.terminate()
            demo.process.wait(TIMEOUT_S)
        demo.process.stdout.close()


def number(text):
    return int(text.replace(",", ""))


def rates_of(rows):
    """{version: rate}, over all windows and other groups."""
    sums = {}
    for row in rows:
        part = sums.setdefault(row["group"]["app_version"], [0, 0])
        part[0] += row["numerator"]
        part[1] += row["denominator"]
    return {version: part[0] / part[1] for version, part in sums.items() if part[1] >= 20}


def age_of_watermark(ledger):
    """Seconds; negative if it is ahead of the clock."""
    marks = [p["watermark"][:19] for p in ledger["partitions"]]
    return time.time() - calendar.timegm(time.strptime(max(marks), "%Y-%m-%dT%H:%M:%S"))


@pytest.mark.parametrize(
    "preset, rate, bad, reason",
    [("device", "crash_rate", "2.5.0", "clock_ahead"), ("sunbird", "error_rate", "3.4.0", "missing")],
)
def test_the_story_leaves_its_traces(make_demo, tmp_path, preset, rate, bad, reason):
    demo = make_demo("--preset", preset).read_address()
    demo.read_until(LIVE)
    assert time.monotonic() - demo.started < TIMEOUT_S, "history is sent at once"
    demo.read_until(" broken ")
    demo.read_until(LIVE)  # again
    deadline = time.monotonic() + 60  # what was sent is counted soon, but not at once
    while True:
        ledger = json.loads(demo.get("/api/v1/ledger"))
        counts = ledger["ledger"]
        if reason in counts["rejected"] or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    assert ledger["holds"]
    assert counts["late_hot"] + counts["late_cold"] > 5
    assert counts["duplicate"] > 10
    assert counts["rejected"][reason] > 0
    assert ("clock_ahead" in counts["rejected"]) == (preset == "device"), "sunbird's is repaired"
    assert -60 < age_of_watermark(ledger) < 60 * 16, "nobody's windows were closed early"
    rates = rates_of(demo.rows(rate))
    others = [r for version, r in rates.items() if version < bad]
    assert len(others) == 4
    assert rates[bad] > 3 * max(others), rates
    days = demo.rows("daily_active_devices" if preset == "device" else "daily_active_users")
    assert len(days) >= 21, "history fills the charts"
    assert demo.end() == 0, demo.text
    for beat in BEATS:
        assert re.search(rf"^ +\d+:\d\d +{beat} .*\n +-> \w", demo.text, re.M), (beat, demo.text)
    check_summary(demo.text, bad)
    assert list(tmp_path.iterdir()) == [], "the folder is gone"


def check_summary(text, bad):
    """What it says adds up, and is proven."""
    summary = text[text.index("What happened in") :]
    found = re.search(r"processed +([\d,]+) = ([\d,]+) on time \+ ([\d,]+) late", summary)
    processed, on_time, late = map(number, found.groups())
    assert processed == on_time + late and late > 0
    duplicates = number(re.search(r"duplicates +([\d,]+)", summary)[1])
    rejected = re.search(r"rejected +([\d,]+): (.*)", summary)
    assert number(rejected[1]) == sum(number(part.split()[1]) for part in rejected[2].split(", "))
    verdicts = number(re.search(r"ledger +([\d,]+) verdicts .* holds$", summary, re.M)[1])
    assert verdicts == processed + duplicates + number(rejected[1])
    peak = number(re.search(r"peak +([\d,]+) events/s", summary)[1])
    assert 200 < peak < 10000, "of the live flow: history is no peak"
    assert re.search(rf"{re.escape(bad)} +\d+\.\d % of [\d,]+ \w+$", summary, re.M)
    proof = re.search(r"proof +(\d+) cells, 0 differences: live and lake are equal", summary)
    assert int(proof[1]) > 10000
    assert "\033" not in text, "no colours in a pipe"


def pasted(text, url):
    """The commands as they stand; between the service and the next one a person takes a breath."""
    block = text[text.index("By hand\n") :].splitlines()[1:]
    lines = [line.strip() for line in block if line.strip()]
    assert len(lines) == 7 and lines[0].split("#")[0].rstrip().endswith("&"), text
    port = url.rsplit(":", 1)[1]
    probe = f"exec 3<>/dev/tcp/127.0.0.1/{port}"
    wait = f"until ({probe}) 2>/dev/null; do kill -0 %1; sleep 0.05; done"
    return [lines[0], wait, *lines[1:], "wait %1"]


@pytest.mark.parametrize("preset, keep", [("device", True), ("sunbird", False)])
def test_commands_can_be_pasted(make_demo, tmp_path, preset, keep):
    demo = make_demo("--preset", preset, "--for", "2s", *(["--keep"] if keep else [])).read_address()
    assert demo.wait() == 0, demo.text
    kept = list(tmp_path.glob("tidemark-demo-*"))
    assert len(kept) == (1 if keep else 0)
    if keep:
        assert (kept[0] / "demo.yaml").read_text(encoding="utf-8").count(f"preset: {preset}") == 1
        assert (kept[0] / "lake/events/_delta_log").is_dir()
    lines = ["set -euo pipefail", "set -m", "trap 'kill %1 2>/dev/null || :' EXIT"]
    script = "\n".join(lines + pasted(demo.text, demo.url))
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=TIMEOUT_S
    )
    shown = f"{script}\n{done.stdout}\n{done.stderr}"
    assert done.returncode == 0, shown
    assert '"metric"' in done.stdout and "live and lake are equal" in done.stdout, shown
    assert '"holds":true' in done.stdout and "stopped" in done.stderr, shown
    if keep:  # it knew everything again
        before = number(re.search(r"ledger +([\d,]+) verdicts", demo.text)[1])
        after = json.loads(next(x for x in done.stdout.splitlines() if x.startswith('{"ledger"')))
        assert after["ledger"]["verdicts"] == before + 2000, shown


def test_ctrl_c_at_any_time(make_demo, tmp_path):
    for when, number in (("=====", signal.SIGINT), (LIVE, signal.SIGTERM)):
        demo = make_demo()
        demo.read_until(when)
        assert demo.end(number) == 0, demo.text
        assert "What happened in" in demo.text and "live and lake are equal" in demo.text
        assert list(tmp_path.iterdir()) == []


def test_a_second_ctrl_c_leaves_out_the_proof(make_demo, tmp_path):
    demo = make_demo()
    demo.read_until("history")
    assert demo.end_without_proof() == 0, demo.text
    assert re.search(r"proof +(interrupted|\d+ cells)", demo.text), demo.text
    assert list(tmp_path.iterdir()) == []


def test_the_same_seed_tells_the_same_story(tidemark, tmp_path):
    def story(seed):
        words = ("--preset", "device", "--story", "--seed", seed, "--count", 50000)
        return run_ok("generate", *words).stdout

    assert story(3) == story(3)
    assert story(3) != story(4)


def test_a_story_wants_no_rates_of_trouble(tidemark):
    done = harness.tidemark("generate", "--preset", "device", "--story", "--late", 5)
    assert done.returncode == 2 and b"leave out --late" in done.stderr, done


def read_terminal(terminal, react):
    """All that is said on it; react(text so far) after each piece."""
    text = b""
    try:
        while piece := os.read(terminal, 65536):
            text += piece
            react(text)
    except OSError:
        pass  # a pseudo-terminal ends so
    os.close(terminal)
    return text


REDRAWN = b"\r\033[K"


def test_on_a_terminal(tidemark, tmp_path):
    """Colours unless NO_COLOR says so, and a line that changes in place."""
    for no_color in ("", "1"):
        outer, inner = pty.openpty()
        process = subprocess.Popen(
            [program(), "demo", *QUICK],
            stdin=subprocess.DEVNULL,
            stdout=inner,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TERM": "xterm", "NO_COLOR": no_color, "TMPDIR": str(tmp_path)},
        )
        os.close(inner)
        # At each of them Ctrl-C is pressed; a busy machine passes over a second.
        signs = [rb"\b0:(0[3-9]|[1-5]\d) ", b"computed again"]

        def react(text, process=process, signs=signs):
            if signs and re.search(signs[0], text) and text.count(REDRAWN) >= 2:
                signs.pop(0)
                process.send_signal(signal.SIGINT)

        text = read_terminal(outer, react)
        assert process.wait(TIMEOUT_S) == 0, text
        assert (b"\033[1m" in text) == (no_color == ""), text
        assert text.count(REDRAWN) >= 2, text
        for line in text.replace(REDRAWN, b"\n").splitlines():
            if re.search(rb"^[ 0-9\033\[m]+:\d\d .* events, \d", line):
                assert len(re.sub(rb"\033\[\d*m", b"", line)) < 80, line


def test_killed(make_demo):
    """It cannot clean up then, but no service is left that holds the port."""
    demo = make_demo().read_address()
    demo.process.kill()
    demo.process.wait(TIMEOUT_S)
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            demo.get("/health")
        except OSError:
            return
        time.sleep(0.05)  # until it has drained
    raise AssertionError("the service goes on")


def test_a_reader_that_goes_away(tidemark, tmp_path):
    command = f"'{program()}' demo {' '.join(QUICK)} | head -3"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        capture_output=True, text=True, timeout=TIMEOUT_S, env=environment,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_what_it_refuses(tidemark, tmp_path):
    environment = {"TMPDIR": str(tmp_path)}
    for words, message in (
        (("--preset", "web"), "--preset web has no story: device or sunbird"),
        (("--speed", "2", "--minutes", "2"), "--speed and --minutes say the same"),
        (("--for", "soon"), "--for soon is not a duration"),
        (("--rate", "0"), "--rate 0 is not a number in 1..10000"),
        (("--speed", "31"), "--speed 31 is not a number in 1..30"),
    ):
        done = harness.tidemark("demo", *words, environment=environment)
        assert done.returncode == 2 and message in done.stderr.decode(), done
    nowhere = "203.0.113.1:8080"  # no machine's address: it is for documentation
    done = harness.tidemark("demo", "--listen", nowhere, environment=environment)
    assert done.returncode == 3 and b"the service did not start" in done.stderr, done
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_taken(make_demo):
    first = make_demo().read_address()
    port = first.url.rsplit(":", 1)[1]
    second = make_demo("--listen", f"127.0.0.1:{port}")
    assert second.wait() == 3
    assert port in second.text, second.text
    assert first.end_without_proof() == 0


def test_the_browser_is_opened_only_if_asked_for(make_demo, tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    told = tools / "told"
    (tools / "xdg-open").write_text(f'#!/bin/sh\necho "$1" > "{told}"\n', encoding="utf-8")
    (tools / "xdg-open").chmod(0o755)
    place = tmp_path / "place"
    environment = {"PATH": f"{tools}:{os.environ['PATH']}", "TMPDIR": str(place)}
    for words, is_opened in ((["--open"], True), ([], False), (["--open", "--no-open"], False)):
        told.unlink(missing_ok=True)
        demo = make_demo(*words, environment=environment).read_address()
        deadline = time.monotonic() + 60
        while is_opened and not (told.exists() and told.read_text("utf-8")):
            assert time.monotonic() < deadline, "no browser was asked for"
            time.sleep(0.02)  # the browser is nobody's to wait for
        assert demo.end_without_proof() == 0, demo.text
        assert told.exists() == is_opened
        if is_opened:
            assert told.read_text(encoding="utf-8").strip() == demo.url


def test_make_demo_ends_well(tidemark, tmp_path):
    """Under make, at a terminal, Ctrl-C ends the demo and make does not fail."""
    recipe = re.search(r"^demo: .*\n\t@(.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert recipe[1].startswith("tools/foreground build/tidemark demo")
    makefile = tmp_path / "Makefile"
    command = f"'{ROOT}/tools/foreground' '{program()}' demo {' '.join(QUICK)}"
    makefile.write_text(f"all:\n\t@TMPDIR='{tmp_path}' {command}\n", encoding="utf-8")
    child, terminal = pty.fork()
    if child == 0:
        os.execvp("make", ["make", "-f", str(makefile), "all"])
    signs = [b"release"]

    def react(text):
        if signs and signs[0] in text:
            signs.pop(0)
            os.write(terminal, b"\x03")

    text = read_terminal(terminal, react)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0, text.decode(errors="replace")
    assert b"live and lake are equal" in text and b"Error" not in text
