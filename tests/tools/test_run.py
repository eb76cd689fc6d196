"""tests/run counts what cmocka says, and never counts a dead program as passed."""

import importlib.machinery
import importlib.util
import json
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def load_run():
    loader = importlib.machinery.SourceFileLoader("run", str(ROOT / "tests/run"))
    spec = importlib.util.spec_from_loader("run", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


run = load_run()


@pytest.mark.parametrize(
    "output, succeeded, expected",
    [
        ("1..2\nok 1 - a\nok 2 - b\n# ok - t\n", True, (2, 0, 0)),
        ("1..2\nok 1 - a\nnot ok 2 - b\n# 1 != 2\n# not ok - t\n", False, (1, 1, 0)),
        ("1..2\nok 1 - a\nnot ok 2 # SKIP b\n", True, (1, 0, 1)),
        ("1..1\nok 1 - a\n1..1\nok 1 - b\n", True, (2, 0, 0)),
        ("1..3\nok 1 - a\n", False, (1, 1, 0)),  # it died in the second
        ("1..1\nok 1 - a\nERROR: LeakSanitizer\n", False, (1, 1, 0)),
        ("okay, then\n", True, (1, 0, 0)),  # not TAP: a program that is one test
        ("", False, (0, 1, 0)),
    ],
)
def test_count_tap(output, succeeded, expected):
    count = run.count_tap(output, succeeded)
    assert (count.passed, count.failed, count.skipped) == expected


def test_read_test_log(tmp_path, capsys):
    entries = [
        {"name": "a", "result": "OK", "stdout": "ok 1 - a\n"},
        {"name": "b", "result": "TIMEOUT", "stdout": "ok 1 - b\n", "stderr": "why\n"},
        {"name": "c", "result": "ERROR"},
    ]
    log = tmp_path / "log.json"
    log.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    assert str(run.read_test_log(log)) == "2 passed, 2 failed, 0 skipped"
    shown = capsys.readouterr().out
    assert "FAILED b: timeout" in shown and "why" in shown and "FAILED c: error" in shown


def test_read_junit(tmp_path):
    report = tmp_path / "report.xml"
    report.write_text(
        '''<testsuites><testsuite tests="9" failures="1" errors="1" skipped="3">
        <testcase classname="tests.a" name="b[1]"><failure message="not 1&#10;but 2">..</failure>
        </testcase><testcase classname="tests.a" name="c"><error message="no server"/></testcase>
        <testcase classname="tests.a" name="d"/></testsuite></testsuites>'''
    )
    run.failures.clear()
    assert str(run.read_junit(report)) == "4 passed, 2 failed, 3 skipped"
    assert run.failures == ["tests.a.b[1]: not 1", "tests.a.c: no server"]


def test_unknown_step(capsys):
    assert run.main(["nonsense"]) == 2
    assert "unknown step nonsense" in capsys.readouterr().out


def test_step_that_cannot_run_is_a_failure(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(run, "BUILD", tmp_path)

    def broken():
        raise FileNotFoundError("no compiler")

    monkeypatch.setitem(run.STEPS, "gcc", (broken, "broken"))
    assert run.main(["gcc"]) == 1
    told = "\nfailed: gcc: no compiler\n\n0 passed, 1 failed, 0 skipped\n"
    assert capsys.readouterr().out.endswith(told)


# What a program imports, and whether the thread sanitizer has something to judge there.
PROGRAMS = {
    "nothing": ("int main(void) { return 0; }", [], False),
    "once": (
        "#include <pthread.h>\nstatic void f(void) {}\nstatic pthread_once_t o = PTHREAD_ONCE_INIT;"
        "int main(void) { return pthread_once(&o, f); }",
        [],
        False,
    ),
    "thread": (
        "#include <pthread.h>\nstatic void *f(void *p) { return p; }"
        "int main(void) { pthread_t t; return pthread_create(&t, 0, f, 0); }",
        [],
        True,
    ),
    "c11_thread": (
        "#include <threads.h>\nstatic int f(void *p) { return p != 0; }"
        "int main(void) { thrd_t t; return thrd_create(&t, f, 0); }",
        [],
        True,
    ),
    "mutex": (
        "#include <pthread.h>\nint main(void) { return pthread_mutex_lock(0); }",
        [],
        True,
    ),
    "handler": (
        "#include <signal.h>\nint main(void) { return signal(SIGINT, SIG_IGN) == SIG_ERR; }",
        [],
        True,
    ),
    "quiet_library": ("int deflate();int main(void) { return deflate(0, 0); }", ["-lz"], False),
    "other_library": (
        "int curl_global_init();int main(void) { return curl_global_init(0); }",
        ["-lcurl"],
        True,
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_for_the_thread_sanitizer(name, tmp_path):
    text, libraries, expected = PROGRAMS[name]
    source, program = tmp_path / "program.c", tmp_path / "program"
    source.write_text(text)
    subprocess.run(["gcc", "-w", "-o", program, source, *libraries], check=True)
    assert run.is_threading(program) == expected


def test_what_has_no_imports_is_not_left_out(tmp_path):
    (tmp_path / "program").write_text("#!/bin/sh\n")
    with pytest.raises((ValueError, subprocess.CalledProcessError)):
        run.is_threading(tmp_path / "program")


def test_the_tsan_step_runs_what_has_threads(monkeypatch, tmp_path, capsys):
    """And what the release build does not have: nobody can have looked at it."""
    monkeypatch.setattr(run, "BUILD", tmp_path)
    names = {"release": ["log", "arena"], "tsan": ["log", "arena", "new"]}
    monkeypatch.setattr(run, "build", lambda *_: run.Count(passed=1))
    monkeypatch.setattr(run, "configure", lambda *_: run.Count(passed=1))
    monkeypatch.setattr(run, "tests_of", lambda d: {n: d / f"t/{n}" for n in names[d.name]})
    monkeypatch.setattr(run, "is_threading", lambda program: program.name == "log")
    made, tested = [], []
    monkeypatch.setattr(run, "make", lambda d, c, t: made.extend(t) or run.Count(passed=1))
    monkeypatch.setattr(run, "run_tests", lambda d, f, n: tested.extend(n) or run.Count(passed=9))
    assert run.tsan().passed == 12
    assert (made, tested) == (["t/log", "t/new"], ["log", "new"])
    names["tsan"] = ["arena"]
    with pytest.raises(ValueError):
        run.tsan()


# A program in the place of a fuzz target: writes a fault where libFuzzer would, says something, and
# ends with a code.
TARGET = """#!/bin/sh
for option in "$@"; do
    case "$option" in -artifact_prefix=*) printf '{"a\\377' > "${option#*=}crash-1" ;; esac
done
echo '%s'
exit %d
"""


@pytest.mark.parametrize(
    "name, says, code, passed, shown",
    [
        ("log", "Done 12 runs in 60 second(s)", 0, 1, "log: 12 runs"),
        ("log", "deadly signal", 77, 0, "crash-1, base64:\neyJh/w=="),
        (run.CANARY, "ERROR: heap-buffer-overflow", run.ASAN_FAULT, 1, "canary: found"),
        (run.CANARY, "Done 12 runs in 60 second(s)", 0, 0, "NOT found"),
        (run.CANARY, "cannot open the corpus", 1, 0, "NOT found"),
    ],
)
def test_fuzz_target(monkeypatch, tmp_path, capsys, name, says, code, passed, shown):
    monkeypatch.setattr(run, "BUILD", tmp_path)
    program = tmp_path / f"asan/tests/fuzz/fuzz_{name}"
    program.parent.mkdir(parents=True)
    program.write_text(TARGET % (says, code))
    program.chmod(0o755)
    count = run.fuzz_one(name, 1)
    assert (count.passed, count.failed) == (passed, 1 - passed)
    assert shown in capsys.readouterr().out


def test_fuzz_target_that_is_not_there(monkeypatch, tmp_path):
    monkeypatch.setattr(run, "BUILD", tmp_path)
    assert run.fuzz_one("log", 1).failed == 1
    assert run.fuzz_one(run.CANARY, 1).failed == 1


def test_each_fuzz_target_runs():
    """Whoever adds one says for how long."""
    targets = {path.stem.removeprefix("fuzz_") for path in (ROOT / "tests/fuzz").glob("fuzz_*.c")}
    assert targets == {*run.FUZZ_SECONDS, run.CANARY}


def test_every_file_of_the_stack_runs_once(monkeypatch):
    asked = []
    monkeypatch.setattr(
        run, "pytest", lambda name, words, **_: asked.append(words) or run.Count(passed=1)
    )
    assert run.stack().passed == 2
    ignored = {word.removeprefix("--ignore=") for words in asked for word in words if "=" in word}
    beside = next(words for words in asked if "tests/stack" not in words)
    assert ignored == set(beside) and all((ROOT / path).exists() for path in beside)


@pytest.mark.parametrize("name", run.WITHOUT_SERVERS)
def test_what_runs_beside_the_servers_starts_none(name):
    text = (ROOT / "tests/stack" / name).read_text()
    assert not re.search(r"\b(kafka|hdfs|Cluster|servers/\w+\.sh)\b", text)
