"""The cases of tests/data/json, and records that have them in declared and undeclared places."""

import dataclasses
import functools
import re

from harness import DATA

WORD = re.compile(r"(\S+) +")
HEXADECIMAL = re.compile(r"[0-9A-F]{2}")


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    reason: str  # "accepted": of valid values
    data: bytes
    fault: int | None  # None: too deep, or valid
    column: str = ""
    expected: bytes | None = None  # of valid values; None: null


@dataclasses.dataclass(frozen=True)
class Place:
    """What is around a value: the event's text, and around that the record's."""

    event_start: bytes
    event_end: bytes
    record_start: bytes = b""
    record_end: bytes = b""
    column: str = ""  # "": undeclared

    def record(self, data):
        return self.record_start + self.event(data) + self.record_end

    def event(self, data):
        return self.event_start + data + self.event_end


ENVELOPE = (b'{"es":{"list":[{"at":7},', b',{"at":8}]}}')
COLUMNS = ("txt", "int", "dec", "flg", "ms", "iso")
PLACES = [
    *(Place(f'{{"at":1,"{c}":'.encode(), b',"z":0}', column=c) for c in COLUMNS),
    Place(b'{"at":1,"txt":', b"}", column="txt"),
    Place(b'{"at":1,"p":{"in":', b"}}"),
    Place(b'{"at":1,"unk":', b',"z":0}'),
    Place(b'{"at":1,"unk":', b"}"),
    Place(b'{"at":1,"unk":[0,', b",0]}"),
    Place(b'{"at":1,"unk":[[],', b"]}"),
    Place(b'{"at":1,"unk":{"y":', b',"z":[]}}'),
    Place(b'{"at":1,"p":{"unk":', b"}}"),
    Place(b'{"at":1,"txt":', b"}", *ENVELOPE, column="txt"),
    Place(b'{"at":1,"unk":', b"}", *ENVELOPE),
]
BARE = Place(b"", b"")
KEYS = (b"int", b"unk", b"mid", b"dec", b"iso")


def expand(text):
    """The bytes, and where the mark stood."""
    out = bytearray()
    fault = None
    at = 0
    while at < len(text):
        if text[at] != "<":
            out += text[at].encode()
            at += 1
            continue
        end = at
        open_count = 0
        while True:
            open_count += {"<": 1, ">": -1}.get(text[end], 0)
            if open_count == 0:
                break
            end += 1
        inner = text[at + 1 : end]
        if inner == "!":
            fault = len(out)
        elif HEXADECIMAL.fullmatch(inner):
            out.append(int(inner, 16))
        else:
            times, _, part = inner.partition("*")
            out += expand(part)[0] * int(times)
        at = end + 1
    return bytes(out), fault


def words(line, count):
    for _ in range(count):
        match = WORD.match(line)
        yield match.group(1)
        line = line[match.end() :]
    yield line


@functools.cache
def lines(name):
    text = (DATA / "json" / name).read_text(encoding="ascii")
    return [line for line in text.split("\n") if line and not line.startswith("#")]


def invalid(name):
    for line in lines(name):
        case, reason, text = words(line, 2)
        yield Case(case, reason, *expand(text))


def valid():
    for line in lines("valid_values.txt"):
        name, column, expected, text = words(line, 3)
        value = None if expected == "null" else b"" if expected == "-" else expand(expected)[0]
        yield Case(name, "accepted", expand(text)[0], None, column, value)


def with_key(case, key):
    return dataclasses.replace(case, data=case.data.replace(b"KEY", key))
