"""tools/tidy: each rule finds what it must, and is silent where it must be.

Every test makes a small tree that is clean, plants one fault, and looks for exactly that finding.
The last test runs the linter over the project itself.
"""

import importlib.machinery
import importlib.util
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def load_tidy():
    loader = importlib.machinery.SourceFileLoader("tidy", str(ROOT / "tools/tidy"))
    spec = importlib.util.spec_from_loader("tidy", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


tidy = load_tidy()

CLEAN = {
    "src/base/status.h": (
        "#ifndef TIDE_BASE_STATUS_H\n#define TIDE_BASE_STATUS_H\n\nint tide_status(void);\n\n"
        "#endif\n"
    ),
    "src/base/status.c": '#include "base/status.h"\n\n#include <stdio.h>\n\n'
    "int tide_status(void)\n{\n    return 0;\n}\n",
    "src/base/meson.build": "base_sources = files(\n  'status.c',\n)\n",
    "src/event/uid.h": (
        '#ifndef TIDE_EVENT_UID_H\n#define TIDE_EVENT_UID_H\n\n#include "base/status.h"\n\n#endif\n'
    ),
    "src/event/uid.c": '#include "event/uid.h"\n',
    "src/event/meson.build": "event_sources = files('uid.c')\n",
    "tests/unit/base/test_status.c": '#include "base/status.h"\n',
    "tests/unit/base/meson.build": "names = ['status']\n",
    "tests/unit/event/test_uid.c": '#include "event/uid.h"\n',
    "tests/unit/event/meson.build": "names = [\n  'uid',\n]\n",
}


def findings(root, changes, compile_headers=False):
    for path, text in {**CLEAN, **changes}.items():
        place = root / path
        if text is None:
            place.unlink(missing_ok=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return tidy.run(root, compile_headers)


def rules(root, changes, compile_headers=False):
    return [finding.rule for finding in findings(root, changes, compile_headers)]


def body(*lines):
    """uid.c with a function of these lines."""
    inside = "".join(f"    {line}\n" for line in lines)
    return '#include "event/uid.h"\n\nvoid tide_uid(void)\n{\n' + inside + "}\n"


def test_clean_tree(tmp_path):
    assert findings(tmp_path, {}, compile_headers=True) == []


@pytest.mark.parametrize(
    "text, rule",
    [
        ('#include "event/uid.h"\n#include "lake/store.h"\n', "edge"),
        ('#include "uid.h"\n', "edge"),
        ('#include "event/uid.h"\n#include "base/missing.h"\n', "edge"),
        ('#include "event/uid.h"\n#include "base/status.c"\n', "edge"),
        ('#include "event/uid.h"\n\n#include <curl/curl.h>\n', "door"),
        ('#include "event/uid.h"\n\n#include <xxhash.h>\n', "door"),
        ('#include "event/uid.h"\n\n#include <lua.h>\n', "door"),
        ('#include <stdio.h>\n\n#include "event/uid.h"\n', "include-order"),
        ('#include "event/uid.h"\n\n/* TODO: later */\n', "todo"),
        ('#include "event/uid.h"\n\nint a;\t\n', "white-space"),
        ('#include "event/uid.h"\n\nint a; \n', "white-space"),
        ('#include "event/uid.h"\n\nint a;', "white-space"),
        ('#include "event/uid.h"\n\n/* ' + "x" * 100 + " */\n", "line-length"),
        ('#include "event/uid.h"\n' + "int a;\n" * 800, "file-length"),
        (body(*["work();"] * 68), "function-length"),
        (body("{ { { { {", "} } } } }"), "nesting"),
        ('#include "event/uid.h"\n\nint f(a, b, c, d, e, f, g)\n{\n}\n', "parameters"),
    ],
)
def test_fault_is_found(tmp_path, text, rule):
    found = set(rules(tmp_path, {"src/event/uid.c": text}))
    assert rule in found
    assert found <= {rule, "white-space"}


def test_upstream_room_may_not_look_down(tmp_path):
    text = '#include "base/status.h"\n#include "event/uid.h"\n'
    messages = [finding.message for finding in findings(tmp_path, {"src/base/status.c": text})]
    assert messages == ["base may not include event; it may include base"]


def test_door_may_include_its_library(tmp_path):
    text = '#include "base/hash.h"\n\n#include <xxhash.h>\n\n#include <stdio.h>\n'
    changes = {
        "src/base/hash.c": text,
        "src/base/hash.h": "#ifndef TIDE_BASE_HASH_H\n#define TIDE_BASE_HASH_H\n#endif\n",
        "src/base/meson.build": "base_sources = files('hash.c', 'status.c')\n",
        "tests/unit/base/test_hash.c": '#include "base/hash.h"\n',
        "tests/unit/base/meson.build": "names = ['hash', 'status']\n",
    }
    assert rules(tmp_path, changes) == []


@pytest.mark.parametrize(
    "call, replacement",
    [
        ("strcpy(a, b);", "tide_bytes_append"),
        ("sprintf(a, b);", "snprintf"),
        ("strtok(a, b);", "tide_view"),
        ("n = atoi(a);", "tide_decimal"),
        ("gmtime_r(a, b);", "tide_civil"),
        ("system (a);", "posix_spawn"),
        ("n = rand();", "tide_io"),
        ("time(NULL);", "tide_clock"),
        ("clock_gettime(a, b);", "tide_clock"),
        ("n = open(a, b);", "tide_io"),
        ("fsync(n);", "tide_io"),
        ("rename(a, b);", "tide_io"),
        ("dlopen(a, b);", "lake/duckdb.h"),
        ("socket(a, b, c);", "http"),
        ("arc4random_uniform(a);", "random"),
    ],
)
def test_banned_call_names_its_replacement(tmp_path, call, replacement):
    found = findings(tmp_path, {"src/event/uid.c": body(call)})
    assert [finding.rule for finding in found] == ["banned"]
    assert found[0].line == 5
    assert replacement in found[0].message


@pytest.mark.parametrize(
    "line",
    [
        "/* strcpy(a, b) is banned */",
        "// time(NULL)",
        'log("call open(2), then rename(2)");',
        "io.operations->open(io.self, path);",
        "file.rename(a, b);",
        "log_open(a);",
        "last_time(a);",
        "snprintf(a, b, c);",
        "char c = '\"'; /* \" */ char d = '\"'; // rand()",
        r'puts("a \" strcpy(a) ");',
        "int sleep_ms = time;",
    ],
)
def test_what_only_looks_banned(tmp_path, line):
    assert rules(tmp_path, {"src/event/uid.c": body(line)}) == []


def test_sleep_in_a_unit_test(tmp_path):
    text = '#include "event/uid.h"\n\nvoid f(void)\n{\n    usleep(5);\n}\n'
    assert rules(tmp_path, {"tests/unit/event/test_uid.c": text}) == ["banned"]


@pytest.mark.parametrize(
    "header",
    [
        "int a;\n",
        "#ifndef TIDE_UID_H\n#define TIDE_UID_H\n#endif\n",
        "#ifndef TIDE_EVENT_UID_H\n#define TIDE_EVENT_UID\n#endif\n",
        "#pragma once\n",
    ],
)
def test_guard(tmp_path, header):
    assert rules(tmp_path, {"src/event/uid.h": header}) == ["guard"]


def test_header_that_does_not_compile_alone(tmp_path):
    guard = "#ifndef TIDE_EVENT_UID_H\n#define TIDE_EVENT_UID_H\n"
    header = guard + "\nsize_t tide_a(void);\n\n#endif\n"
    assert rules(tmp_path, {"src/event/uid.h": header}, compile_headers=True) == ["alone"]


def test_dead_header(tmp_path):
    header = "#ifndef TIDE_EVENT_DEAD_H\n#define TIDE_EVENT_DEAD_H\n#endif\n"
    assert rules(tmp_path, {"src/event/dead.h": header}) == ["dead-header"]


def test_missing_unit_test(tmp_path):
    changes = {"tests/unit/event/test_uid.c": None, "tests/unit/event/meson.build": "names = []\n"}
    assert rules(tmp_path, changes) == ["unit-test"]


def test_unregistered_files(tmp_path):
    changes = {
        "src/event/meson.build": "event_sources = files()  # 'uid.c'\n",
        "tests/unit/event/meson.build": "names = [\n]\n",
    }
    assert rules(tmp_path, changes) == ["unregistered", "unregistered"]


def test_room_that_is_not_in_the_design(tmp_path):
    header = "#ifndef TIDE_MISC_A_H\n#define TIDE_MISC_A_H\n#endif\n"
    assert "room" in rules(tmp_path, {"src/misc/a.h": header})


def test_todo_with_an_issue_is_fine(tmp_path):
    assert rules(tmp_path, {"src/event/uid.c": body("/* TODO(#12): later */")}) == []


LONG = body(*["work();"] * 77)  # 80 lines


@pytest.mark.parametrize(
    "text, limit, message",
    [
        (LONG, 80, None),
        (LONG, 79, "tide_uid has 80 lines; the limit is 79"),
        (LONG, 81, "larger than needed, lower it to 80"),
        (body("work();"), 80, "not needed any more, remove it"),
        ('#include "event/uid.h"\n', 80, "there is no such thing"),
    ],
)
def test_ratchet(tmp_path, text, limit, message):
    entry = f"function-length src/event/uid.c:tide_uid {limit}  # a table\n"
    found = findings(tmp_path, {"src/event/uid.c": text, "tools/tidy.ratchet": entry})
    assert len(found) == (0 if message is None else 1)
    if message:
        assert message in found[0].message


@pytest.mark.parametrize("entry", ["function-length a\n", "speed a 3\n", "parameters a b\n"])
def test_ratchet_that_cannot_be_read(tmp_path, entry):
    assert rules(tmp_path, {"tools/tidy.ratchet": entry}) == ["ratchet"]


def test_functions_are_measured():
    text = (
        "struct a {\n    int b;\n};\n"
        "static const int table[] = {\n    1,\n};\n"
        "#define MACRO(x) \\\n    do { \\\n    } while (0)\n"
        "__attribute__((format(printf, 1, 2))) static int first(const char *a,\n"
        "                                                       int (*b)(int, int))\n"
        "{\n    if (a) {\n        b(1, 2); /* } */\n    }\n    return '}';\n}\n"
        "struct a second(void)\n{\n    return (struct a){1};\n}\n"
    )
    assert [tuple(function) for function in tidy.functions(text)] == [
        ("first", 10, 8, 2, 1),
        ("second", 18, 4, 0, 1),
    ]


def test_fix_orders_the_includes(tmp_path):
    text = (
        '#include <stdio.h>\n\n#include "base/banned.h"\n#include "base/status.h"\n'
        '#include "event/uid.h"\n\nint a;\n'
    )
    banned = "#ifndef TIDE_BASE_BANNED_H\n#define TIDE_BASE_BANNED_H\n#endif\n"
    changes = {"src/event/uid.c": text, "src/base/banned.h": banned}
    assert rules(tmp_path, changes) == ["include-order"]
    tidy.fix(tmp_path)
    assert tidy.run(tmp_path, compile_headers=False) == []
    assert (tmp_path / "src/event/uid.c").read_text() == (
        '#include "event/uid.h"\n\n#include "base/status.h"\n\n#include <stdio.h>\n\n'
        '#include "base/banned.h"\n\nint a;\n'
    )
