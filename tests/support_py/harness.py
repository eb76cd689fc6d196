"""What property and end-to-end tests share: the program, the oracle, and comparing the two.

The oracle (tests/oracle/oracle.py) says what every number must be; tests/oracle/compare.py says
whether two outputs are equal. Both are used as they are: the oracle as a process that takes a list
of cases, compare.py inside this process, since it is called hundreds of times.
"""

import contextlib
import functools
import importlib.util
import io
import json
import os
import pathlib
import random
import subprocess
import sys
import time

import pytest
import yaml

TESTS = pathlib.Path(__file__).resolve().parent.parent
ROOT = TESTS.parent
ORACLE = TESTS / "oracle/oracle.py"
PRESETS = ROOT / "presets"
DATA = TESTS / "data"
PROCESSES = 2  # oracles at once
TIMEOUT_S = 300


# Where things are

DUCKDB = ROOT / ".deps/duckdb/libduckdb.so"
if DUCKDB.exists():
    os.environ.setdefault("TIDEMARK_DUCKDB", str(DUCKDB))  # the program may be built elsewhere


def program():
    """The program under test; TIDEMARK names another one."""
    path = pathlib.Path(os.environ.get("TIDEMARK", ROOT / "build/tidemark"))
    assert path.exists(), f"{path} is not built: run make"
    return str(path.resolve())


def shared(name):
    """A file of other people's that may stand beside the checkout; without it the test skips."""
    folder = pathlib.Path(os.environ.get("TIDEMARK_SHARED", ROOT.parent / "shared"))
    if not (folder / name).exists():
        pytest.skip(f"no {name} beside the checkout (set TIDEMARK_SHARED to its folder)")
    return folder / name


def load_module(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


cases = load_module(TESTS / "oracle/cases.py")
compare_module = load_module(TESTS / "oracle/compare.py")


# Seeds


def seed_of_run():
    """TIDE_SEED, or another one each time."""
    return int(os.environ.get("TIDE_SEED") or time.time_ns() // 1_000_000)


def replay_hint(seed, test):
    return f"replay with: TIDE_SEED={seed} .deps/venv/bin/python -m pytest {test}"


def is_long():
    """TIDE_LONG=1: sizes for a night instead of those for every change."""
    return os.environ.get("TIDE_LONG") == "1"


# Running the program


def tidemark(*arguments, stdin=b"", environment=None, timeout=TIMEOUT_S, cwd=None):
    """The finished process; out and err are bytes."""
    return subprocess.run(
        [program(), *map(str, arguments)],
        input=stdin,
        capture_output=True,
        timeout=timeout,
        cwd=cwd,
        env=None if environment is None else {**os.environ, **environment},
    )


def run_ok(*arguments, **options):
    done = tidemark(*arguments, **options)
    assert done.returncode == 0, (
        f"tidemark {' '.join(map(str, arguments))}: exit {done.returncode}\n"
        + done.stderr.decode(errors="replace")[-4000:]
    )
    return done


@functools.cache
def scanners():
    """How this machine can read JSON, the default first; TIDE_SCANNERS names fewer."""
    text = run_ok("version").stdout.decode()
    names = next(line for line in text.splitlines() if line.startswith("scanners ")).split()[1:]
    wanted = os.environ.get("TIDE_SCANNERS", "").split()
    return [name for name in names if name in wanted or not wanted]


def replay(definitions, files, output, *, metrics=(), partitions=1, workers=1, chunk=None):
    """Runs `tidemark replay` with its output in a file. definitions: options, as a list.

    It runs with every scanner that this machine has, and they must say the same.
    """
    more = [word for name in metrics for word in ("--metric", name)]
    if chunk:
        more += ["--chunk", chunk]
    command = ["replay", *definitions, *more, "--partitions", partitions, "--workers", workers]
    first = None
    for scanner in scanners():
        done = run_ok(*command, *files, environment={"TIDEMARK_SCANNER": scanner})
        assert first is None or done.stdout == first, f"{scanner} differs from {scanners()[0]}"
        first = done.stdout
    pathlib.Path(output).write_bytes(first)


def metric_names(definitions_file):
    spec = yaml.safe_load(pathlib.Path(definitions_file).read_text(encoding="utf-8"))
    return list(spec["metrics"])


# The oracle


def oracle(definitions_file, events_file, output):
    oracle_many([(definitions_file, events_file, output)])


def oracle_many(triples):
    """Runs the oracle over (definitions, events, output) in a few processes of many cases each."""
    with oracles(triples):
        pass


@contextlib.contextmanager
def oracles(triples):
    """The same beside the body of the `with`; the outputs are there after it."""
    triples = list(triples)
    shares = [triples[i::PROCESSES] for i in range(PROCESSES)]
    running = []
    for share in shares:
        if share:
            process = subprocess.Popen(
                [sys.executable, str(ORACLE), "--many"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            running.append(process)
            process.stdin.write("".join(f"{d} {e} {o}\n" for d, e, o in share))
            process.stdin.close()
    try:
        yield
        for process in running:
            error = process.stderr.read()
            assert process.wait(timeout=TIMEOUT_S * 5) == 0, error[-4000:]
    finally:
        for process in running:
            process.kill()
            process.wait()


# Comparing


def differences(expected, actual, *options):
    """What compare.py says; empty when it finds nothing wrong."""
    out = io.StringIO()
    arguments = sys.argv
    sys.argv = ["compare.py", str(expected), str(actual), *options]
    try:
        with contextlib.redirect_stdout(out):
            compare_module.main()
    except SystemExit as end:
        if end.code is True or end.code:
            text = out.getvalue()
            return text + (str(end.code) if isinstance(end.code, str) else "")
    finally:
        sys.argv = arguments
    return ""


def ledger_of(path):
    """The ledger line of an output of oracle or replay."""
    for line in pathlib.Path(path).read_text(encoding="utf-8").split("\n"):
        if line.startswith('{"ledger"'):
            return json.loads(line)["ledger"]
    raise AssertionError(f"{path} has no ledger")


def cells_of(path):
    with open(path, encoding="utf-8", newline="\n") as lines:
        rows = [json.loads(line) for line in lines if line.strip()]
    return [row for row in rows if "metric" in row]


# Ways to feed the same input

CHUNKS = [
    1, 2, 3, 5, 7, 13, 31, 63, 64, 65, 127, 255, 256, 257, 511, 1023,
    4095, 4096, 4097, 65535, 65536, 65537, 262143, 262144, 262145, 1000003, 1048576,
]  # fmt: skip


def random_way(r: random.Random, size):
    """Partitions, workers and chunk size (as often none: mapped); tiny chunks only for small inputs."""
    chunks = [c for c in CHUNKS if size / c < 200_000]
    return {
        "partitions": r.choice([1, 2, 3, 8, 17]),
        "workers": r.choice([1, 2]),
        "chunk": r.choice([None, r.choice(chunks)]),
    }
