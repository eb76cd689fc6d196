"""The cases of tests/data/json against Python's json and the oracle, and through `tidemark replay`.

Python's reader, as strict as the oracle sets it up, must refuse each text that the cases call
invalid, and the byte at fault must be where they say: before it the text can be completed, with it
it cannot. Then all of them, in every place and between good records, go through `replay`: the
ledger and every cell must be the oracle's, each rejected record in the lake must have its reason
and its position, and the good ones must count as they do alone.

tests/conformance/test_json_grammar.c does the same to the decoder alone, and moves the records over the
borders of blocks and reads.
"""

import itertools
import json

import json_cases
import pytest
from deltalake import DeltaTable
from harness import ORACLE, cells_of, differences, load_module, run_ok
from harness import oracle as run_oracle
from harness import replay, scanners
from json_cases import BARE, KEYS, PLACES

oracle = load_module(ORACLE)

SCHEMA = {
    "name": "t",
    "entity": "mid",
    "id": "mid",
    "time": "at_",
    "payload": "p",
    "envelope": {"events": "es.list", "sent_time": "sent", "id": "mid"},
    "columns": {
        "mid": {"path": "mid"},
        "at_": {"path": "at", "type": "time_ms", "required": True},
        "txt": {"path": "txt"},
        "whole": {"path": "int", "type": "int"},
        "exact": {"path": "dec", "type": "decimal"},
        "flg": {"path": "flg", "type": "bool"},
        "moment": {"path": "ms", "type": "time_ms"},
        "iso": {"path": "iso", "type": "time_iso"},
        "nested": {"path": "p.in"},
    },
}
NAMES = {"int": "whole", "dec": "exact", "ms": "moment"}  # of columns that are not called as keys
METRICS = {
    "all": {"count": "events", "every": "1s"},
    "by_good": {"count": "events", "by": ["mid"], "where": "mid is not null", "every": "1d"},
    "texts": {"count": "events", "by": ["txt"], "every": "1d"},
    "wholes": {"sum": "whole", "by": ["mid"], "every": "1d"},
    "exacts": {"sum": "exact", "by": ["flg"], "every": "1d"},
}

VALUES = list(json_cases.invalid("invalid_values.txt"))
RECORDS = [
    json_cases.with_key(case, key)
    for case, key in itertools.product(json_cases.invalid("invalid_records.txt"), KEYS)
]
VALID = list(json_cases.valid())
WHOLE = [(case, BARE) for case in RECORDS]  # records, whatever their key


def is_surrogate(case):
    return case.reason == "utf8_invalid" and case.data[case.fault : case.fault + 1] == b"\\"


def is_one_line(case):
    return b"\n" not in case.data


# What Python says of the cases


def is_json(text):
    try:
        _, end = oracle.DECODER.raw_decode(text, oracle.SPACE.match(text).end())
    except ValueError:
        return False
    return oracle.SPACE.match(text, end).end() == len(text)


def reason_of(data):
    """As the oracle has it, without a schema."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return "utf8_invalid"
    try:
        oracle.parse(text)
    except oracle.Reject as reject:
        return reject.args[0]
    return "accepted"


def test_there_are_enough():
    names = [case.name for case in VALUES + list(json_cases.invalid("invalid_records.txt"))]
    texts = {case.data for case in VALUES} | {case.data for case in RECORDS}
    print(f"{len(names)} texts that are not JSON, {len(VALID)} that are")
    assert len(names) >= 900 and len(set(names)) == len(names) and len(texts) >= len(names)
    assert len(VALID) >= 100


@pytest.mark.parametrize("places", [PLACES, [BARE]], ids=["within", "bare"])
def test_values_are_refused(places):
    wrong = [
        (case.name, place)
        for case, place in itertools.product(VALUES, places)
        if reason_of(place.event(case.data)) != case.reason
    ]
    assert not wrong


def test_records_are_refused():
    assert not [case for case in RECORDS if reason_of(case.data) != case.reason]


def test_valid_values_are_taken():
    for case, place in itertools.product(VALID, PLACES):
        assert reason_of(place.event(case.data)) == "accepted", case


# Where a text stops being the start of one

TOKEN_ENDS = ["", "0", '"', '0"', '00"', '000"', '0000"', 'n"', '"a"', 'dc00"', '\\udc00"']
TOKEN_ENDS += ["rue", "ue", "e", "alse", "lse", "se", "ull", "ll", "l"]


def closers(text):
    """What closes the brackets that are open, strings left out."""
    stack = []
    for token in re_tokens(text):
        if token in "[{":
            stack.append("]" if token == "[" else "}")
        elif token in "]}" and stack:
            stack.pop()
    return "".join(reversed(stack))


def re_tokens(text):
    in_string = False
    skip = False
    for c in text:
        if skip:
            skip = False
        elif in_string:
            skip = c == "\\"
            in_string = c != '"'
        elif c == '"':
            in_string = True
        elif c in "[]{}":
            yield c


def can_go_on(text):
    """Some ending makes JSON of it."""
    for end, value in itertools.product(TOKEN_ENDS, ["", ":0", "0", '"":0']):
        longer = text + end + value
        if is_json(longer + closers(longer)):
            return True
    return False


@pytest.mark.parametrize("cases", [VALUES, RECORDS], ids=["values", "records"])
def test_the_byte_at_fault(cases):
    place = PLACES[0] if cases is VALUES else BARE
    for case in cases:
        data = place.event(case.data)
        if case.fault is None or is_surrogate(case):
            continue
        at = len(place.event_start) + case.fault
        if case.reason == "utf8_invalid":
            with pytest.raises(UnicodeDecodeError) as caught:
                data.decode()
            assert caught.value.start == at, case
            continue
        before = data[:at].decode()
        assert can_go_on(before), case
        assert at == len(data) or not can_go_on(data.decode()[: len(before) + 1]), case


# Through the program


def good(number):
    """A record that uses most columns; each has an entity of its own."""
    return json.dumps(
        {
            "mid": f"é\"{number}",
            "at": 1566242911079 + number,
            "txt": f"text {number % 7}\n",
            "int": number,
            "dec": number / 8,
            "flg": number % 2 == 0,
            "u": [{"a": None}, "]}"],
            "p": {"in": "x"},
        },
        ensure_ascii=number % 3 == 0,
    ).encode()


def detail(case, text, at):
    if case.reason == "too_deep":
        return None
    if case.reason == "json_invalid":
        end = f"not JSON: ends too early, after {at} bytes"
        return end if at == len(text) else f"not JSON at byte {at}"
    kind = "an unpaired surrogate escape" if is_surrogate(case) else "not UTF-8"
    return f"{kind} at byte {at}"


def expected_rejection(case, place):
    """The rejected bytes, the reason and the detail."""
    lives_on = is_surrogate(case) or not place.record_start
    text = place.event(case.data) if lives_on else place.record(case.data)
    start = len(place.event_start) + (0 if lives_on else len(place.record_start))
    at = start + case.fault if case.fault is not None else None
    return text, (case.reason, detail(case, text, at))


def broken_records():
    pairs = list(itertools.product(VALUES, [*PLACES, BARE])) + WHOLE
    return [(case, place) for case, place in pairs if is_one_line(case)]


def write_definitions(path):
    path.write_text(json.dumps({"schema": SCHEMA, "metrics": METRICS}), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Definitions; a file of broken records between good ones; one of the good ones; the oracle."""
    folder = tmp_path_factory.mktemp("json")
    definitions = write_definitions(folder / "definitions.yaml")
    broken = broken_records()
    goods = [good(i) for i in range(len(broken) + 1)]
    mixed = itertools.chain.from_iterable(
        (line, place.record(case.data)) for line, (case, place) in zip(goods, broken)
    )
    (folder / "mixed.ndjson").write_bytes(b"\n".join([*mixed, goods[-1]]))
    (folder / "good.ndjson").write_bytes(b"\n".join(goods))
    run_oracle(definitions, folder / "mixed.ndjson", folder / "mixed.expected")
    return folder


@pytest.mark.parametrize("chunk", [None, 4096, 64])
def test_broken_records_between_good_ones(folder, chunk):
    options = ["-c", folder / "definitions.yaml"]
    replay(options, [folder / "mixed.ndjson"], folder / "mixed.actual", chunk=chunk)
    assert not differences(folder / "mixed.expected", folder / "mixed.actual", "--reasons")
    replay(options, [folder / "good.ndjson"], folder / "good.actual", chunk=chunk)

    def of_good(name):
        return [row for row in cells_of(folder / name) if row["metric"] == "by_good"]

    assert of_good("mixed.actual") == of_good("good.actual")
    assert len(of_good("good.actual")) == len(broken_records()) + 1


def write_lake(definitions, lake, events, scanner):
    more = {"environment": {"TIDEMARK_SCANNER": scanner}}
    run_ok("replay", "-c", definitions, "--lake", lake, events, **more)


@pytest.mark.parametrize("scanner", scanners())
def test_reasons_and_places_in_the_lake(folder, scanner, tmp_path):
    write_lake(folder / "definitions.yaml", tmp_path / "lake", folder / "mixed.ndjson", scanner)
    table = DeltaTable(str(tmp_path / "lake/rejected")).to_pyarrow_table()
    found = {row["bytes"]: (row["reason"], row["detail"]) for row in table.to_pylist()}
    expected = dict(expected_rejection(case, place) for case, place in broken_records())
    assert found.keys() == expected.keys()
    for text, (reason, told) in expected.items():
        assert found[text][0] == reason, text
        assert found[text][1] == told if told else "levels of nesting" in found[text][1], text
    assert set(table["pointer"].to_pylist()) == {""}
    print(f"{table.num_rows} rejected records")


def test_valid_values(tmp_path):
    """Each where its column is declared, and in every undeclared place."""
    definitions = write_definitions(tmp_path / "definitions.yaml")
    records = [
        place.record(case.data)
        for case, place in itertools.product(VALID, PLACES)
        if place.column in ("", case.column)
    ]
    events = tmp_path / "valid.ndjson"
    events.write_bytes(b"\n".join(records))
    run_oracle(definitions, events, tmp_path / "expected")
    replay(["-c", definitions], [events], tmp_path / "actual")
    assert not differences(tmp_path / "expected", tmp_path / "actual", "--reasons")
    assert not json.loads((tmp_path / "actual").read_text().splitlines()[-1])["ledger"]["rejected"]


@pytest.mark.parametrize("scanner", scanners())
def test_values_of_columns(scanner, tmp_path):
    """The lake has the values that the cases name; the entity tells the records apart."""
    events = tmp_path / "named.ndjson"
    lines = [
        f'{{"at":1,"mid":"{case.name}","{case.column}":'.encode() + case.data + b"}"
        for case in VALID
    ]
    events.write_bytes(b"\n".join(lines))
    write_lake(write_definitions(tmp_path / "definitions.yaml"), tmp_path / "lake", events, scanner)
    table = DeltaTable(str(tmp_path / "lake/events")).to_pyarrow_table()
    rows = {row["mid"]: row for row in table.to_pylist()}
    assert len(rows) == len(VALID)
    for case in VALID:
        found = rows[case.name][NAMES.get(case.column, case.column)]
        if case.expected is None:
            assert found is None, case
        elif case.column == "txt":
            assert found.encode() == case.expected, case
        elif case.column == "dec":
            assert int(found.scaleb(6)) == int(case.expected), case
        elif case.column in ("ms", "iso"):
            assert round(found.timestamp() * 1_000_000) == int(case.expected), case
        else:
            assert int(found) == int(case.expected), case
