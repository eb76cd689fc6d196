"""Inputs that hurt, for any schema: the second generator of the property tests.

A World knows a schema and makes files of events for it: mostly good ones, so that numbers are
compared and not only rejections, and among them every way that we know of to be wrong or nearly
wrong: escapes and invalid UTF-8, numbers at the edges of the column types, times at the edges of
the clock rules, every reject reason, repeats in another spelling, envelopes of every shape, blank
lines, CRLF, depths and sizes around the limits. Exponents have at most 8 digits: the oracle cuts
longer ones.

Everything follows from one seed.
"""

import datetime
import random
import re
from decimal import Decimal

SECOND, DAY = 1_000_000, 86_400_000_000
YEAR_2100 = 4_102_444_800 * SECOND
RECORD_MAX, ENVELOPE_MAX, DEPTH_MAX = 1 << 20, 8 << 20, 64
EPOCH = datetime.datetime(1970, 1, 1)
ABSENT = object()

GOOD_TEXTS = ["a", "b", "x", "xy", "é", "e\u0301", "ü", "日本", "😀", "a b", "0", "null", "A"]
EDGE_TEXTS = [
    "", " ", "\0", "a\0b", "\x01\x1f", "\x7f", "\u2028", "\ufeff", "\uffff", "\U0010ffff", '"',
    "\\",
    "\\u0041", "\n\r\t\b\f", "/", "'", "{}", "%s", "a" * 255, "ß" * 1000, "<>&", "\u200d", "*", "[",
    "=",
]  # fmt: skip
LONE_SURROGATES = ["\ud800", "\udc00", "a\udfff", "\ud83d!", "\udbff\ud800", "x\ud800\u0041"]
WHOLE = ["0", "1", "2", "3", "-1", "10", "-0", "1.0", "2.50e1", "1e3", "100e-2", "0e99999999", "7"]
EDGE_INTS = [
    "9223372036854775807", "-9223372036854775808", "9223372036854775807.0", "9007199254740993",
    "9223372036854775808", "-9223372036854775809", "1.5", "1e-1", "1e400", "1e-400", "-1E+99999999",
    "1e-99999999", "922337203685477580.7e1", "1" + "0" * 300 + "e-300", "0." + "0" * 300 + "1e301",
    "0.0", "-0e-5", "1e18", "1e19", "123456789012345678901234567890",
]  # fmt: skip
DECIMALS = ["0", "1", "-1", "0.5", "-0.5", "1.25", "1e3", "0.000001", "12345.678901", "3", "1E-6"]
EDGE_DECIMALS = [
    "999999999999.999999", "-999999999999.999999", "999999999999.9999994", "999999999999.9999995",
    "-999999999999.9999996", "1e12", "-1e12", "0.0000005", "0.0000015", "0.0000025", "-0.0000005",
    "5e-7", "5.0000000000000000000000000000000000000001e-7", "4.999999999999999999999999999999e-7",
    "1e-60", "-1e-99999999", "1e99999999", "0.1234565", "0.1234575", "123456789012.1234565",
    "1" + "0" * 400 + "e-400", "0e99999999", "-0", "0." + "1" * 500, "1e-7", "9e-7", "1e11",
    "100000000000.0000005", "2.0000005000000000000000000000000",
]  # fmt: skip
BROKEN_JSON = [
    b"{", b"}", b"[", b"{]", b"[}", b"nul", b"tru", b"{'a':1}", b'{"a":1,}', b'{"a" 1}', b'{"a":}',
    b"{,}",
    b'{"a":01}', b'{"a":+1}', b'{"a":1.}', b'{"a":.5}', b'{"a":1e}', b'{"a":NaN}',
    b'{"a":Infinity}',
    b'{"a":-}', b'{"a":-Infinity}', b'{"a":0x1}', b'{"a":"\\x"}', b'{"a":"\\u12"}',
    b'{"a":"\\u12g4"}',
    b'{"a":"\t"}', b'{"a":"\x00"}', b'{"a":"b}', b'{"a":1} {"a":2}', b"{}{}", b"{} x",
    b'\xef\xbb\xbf{"a":1}',
    b'/* c */{"a":1}', b'{"a":1}//', b'{"a":true1}', b'{a:1}', b'{"a":1;"b":2}', b"\x0b", b"\x0c",
    b"\xc2\xa0{}",
    b'{"a":"\\', b'{"a":"\\"', b'"', b"\\", b'{1:2}', b'{"a":[1,]}', b'{"a":[,1]}', b'{"a":1 2}',
    b"-", b"0123",
    b"1.e5", b'{"a":"\\ud800"', b'{"a":1e+}', b'{"a":"\\U0041"}', b"tRue", b'{"a":--1}', b",", b":",
]  # fmt: skip
NOT_OBJECTS = [
    b"1", b"-0.0e1", b"null", b"true", b'"text"', b"[]", b"[{}]", b"[[]]", b'[{"a":1},2]',
    b'"\\ud83d\\ude00"',
]  # fmt: skip
BAD_UTF8 = [
    b"\xff", b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\x80", b"\xf0\x80\x80\x80", b"\xed\xa0\x80",
    b"\xed\xbf\xbf",
    b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\x80", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98",
    b"\xc3\x28", b"\xfe",
]  # fmt: skip
BAD_ISO = [
    "", "2026-03-08", "2026-03-08T10:00", "2026-02-30T00:00:00Z", "2026-03-08T24:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-03-08T10:00:60Z", "2026-03-08T10:00:00.Z", "2026-03-08T10:00:00+24:00",
    "2026-03-08T10:00:00+5:30",
    "2026-03-08T10:00:00 Z", " 2026-03-08T10:00:00Z", "2026-03-08T10:00:00Z\n",
    "0000-01-01T00:00:00Z",
    "2026-03-08T10:00:00+05:60", "٢٠٢٦-03-08T10:00:00Z", "2025-02-29T00:00:00Z",
    "2026-03-08T10:00:00,5Z",
    "2026-W10-7T10:00:00Z", "20260308T100000Z", "2026-03-08T10:60:00Z", "2026-00-10T00:00:00Z",
    "now",
]  # fmt: skip


class Raw(str):
    """JSON that is written as it is: numbers, and what is broken."""


class Pairs(list):
    """An object as (key, value) pairs; keys may stand twice."""


# Spelling


def spell_string(r, text, plainly=False):
    short = {
        '"': '\\"',
        "\\": "\\\\",
        "/": "\\/",
        "\b": "\\b",
        "\f": "\\f",
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
    }
    escape = 0 if plainly else r.choice([0, 0, 0, 0.2, 1])
    out = []
    for c in text:
        code = ord(c)
        must = code < 0x20 or c in '"\\' or 0xD800 <= code < 0xE000
        if not must and r.random() >= escape:
            out.append(c)
        elif c in short and r.random() < 0.5:
            out.append(short[c])
        else:
            units = [code]
            if code > 0xFFFF:
                units = [0xD800 + ((code - 0x10000) >> 10), 0xDC00 + ((code - 0x10000) & 0x3FF)]
            for unit in units:
                digits = f"{unit:04x}"
                out.append("\\u" + "".join(d.upper() if r.random() < 0.3 else d for d in digits))
    return '"' + "".join(out) + '"'


def spell_number(r, text):
    """Another spelling of the same value, of the same number of bytes or a few more."""
    value = Decimal(text)
    sign, digits, exponent = value.as_tuple()
    whole = "".join(map(str, digits))
    minus = "-" if sign else ""
    way = r.randrange(4)
    if way == 0 or abs(exponent) > 1000:
        return text
    if way == 1:
        plus = r.choice(["+", ""]) if exponent >= 0 else ""
        return f"{minus}{whole}{r.choice('eE')}{plus}{exponent}"
    if way == 2 and len(whole) < 40:
        return f"{minus}{whole[0]}.{whole[1:] or '0'}{r.choice('eE')}{exponent + len(whole) - 1}"
    plain = f"{value:f}" if abs(exponent) < 40 else text
    return plain if "." in plain or "e" in plain.lower() or way == 2 else plain + ".000"


def spell(r, value, spaces=0.0):
    gap = lambda: r.choice([" ", "\t", "\r", "  "]) if r.random() < spaces else ""  # noqa: E731
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, str):
        return spell_string(r, value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Pairs):
        items = (
            f"{gap()}{spell_string(r, k)}{gap()}:{gap()}{spell(r, v, spaces)}{gap()}"
            for k, v in value
        )
        return "{" + (",".join(items) or gap()) + "}"
    return "[" + (",".join(gap() + spell(r, v, spaces) + gap() for v in value) or gap()) + "]"


STRING_OR_MARK = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]')


def respaced(r, text):
    """The same bytes but for white space outside strings."""

    def around(match):
        gap = lambda: r.choice(["", "", " ", "\t", "\r"])  # noqa: E731
        return match[0] if match[0][0] == '"' else gap() + match[0] + gap()

    return Raw(STRING_OR_MARK.sub(around, text))


def shuffled(r, tree):
    """A dict of dicts as pairs in random order."""
    if not isinstance(tree, dict):
        return tree
    pairs = Pairs((k, shuffled(r, v)) for k, v in tree.items())
    if r.random() < 0.5:
        r.shuffle(pairs)
    return pairs


def encode(text):
    return text.encode("utf-8", "surrogatepass")


# Durations and times


def duration(text):
    number, unit = re.fullmatch(r"(\d+)([a-z]+)", text).groups()
    return (
        int(number)
        * {"ms": 1000, "s": SECOND, "m": 60 * SECOND, "h": 3600 * SECOND, "d": DAY}[unit]
    )


def iso(r, us):
    """An ISO 8601 spelling of a time in the years 1 to 9999."""
    offset = r.choice([0, 0, 0, 330, -480, 1439, -1439, 60])
    local = EPOCH + datetime.timedelta(microseconds=us) + datetime.timedelta(minutes=offset)
    text = (
        local.strftime("%Y-%m-%d").rjust(10, "0") + r.choice("TTTt ") + local.strftime("%H:%M:%S")
    )
    fraction = f"{local.microsecond:06d}"
    if local.microsecond or r.random() < 0.3:
        text += (
            "."
            + (fraction.rstrip("0") or "0")
            + r.choice(["", "", "0", "000", "000999"][: 5 if len(fraction.rstrip("0")) == 6 else 4])
        )
    if offset:
        hours, minutes = divmod(abs(offset), 60)
        return text + f"{'+' if offset > 0 else '-'}{hours:02d}{r.choice([':', ''])}{minutes:02d}"
    return text + r.choice(["Z", "Z", "z", "+00:00", "-00:00", "+0000", ""])


def milliseconds(r, us):
    if us % 1000:
        return Raw(
            f"{us // 1000}.{us % 1000:03d}" if us >= 0 else f"-{-us // 1000}.{-us % 1000:03d}"
        )
    return Raw(spell_number(r, str(us // 1000)) if r.random() < 0.2 else str(us // 1000))


# Events


class World:
    """Events for one schema (the parsed YAML)."""

    def __init__(self, schema):
        self.schema = schema
        self.columns = {n: c for n, c in schema["columns"].items() if "path" in c}
        clock = {"tolerance": "60s", "max_ahead": "5m", "max_age": "400d"} | schema.get("clock", {})
        self.tolerance, self.max_ahead, self.max_age = (
            duration(clock[k]) for k in ("tolerance", "max_ahead", "max_age")
        )
        self.envelope = schema.get("envelope")
        self.declared_heads = {c["path"].split(".")[0] for c in self.columns.values()}

    def time_value(self, r, us, kind):
        if kind == "time_ms":
            return milliseconds(r, us)
        return iso(r, min(max(us, -60_000_000_000 * SECOND), 250_000_000_000 * SECOND))

    def good(self, r, name, kind):
        if kind == "string":
            if name == self.schema["id"]:
                return str(r.randrange(10**9)) if r.random() < 0.9 else r.choice(GOOD_TEXTS)
            return r.choice(GOOD_TEXTS)
        if kind == "bool":
            return r.random() < 0.5
        if kind == "int":
            return Raw(r.choice(WHOLE))
        if kind == "decimal":
            return Raw(r.choice(DECIMALS))
        return self.time_value(r, r.randrange(0, YEAR_2100 // SECOND) * SECOND, kind)

    def odd(self, r, kind):
        """At the edge of the type, or beyond it."""
        if r.random() < 0.25:
            anything = [
                "x",
                Raw("1"),
                Raw("1.5"),
                True,
                False,
                Pairs(),
                [],
                [Raw("1")],
                Pairs([("a", None)]),
                "1",
                "true",
            ]
            return r.choice(anything)
        if kind == "string":
            return r.choice(EDGE_TEXTS + LONE_SURROGATES * (r.random() < 0.2))
        if kind == "bool":
            return r.choice(["true", Raw("0"), Raw("1"), True])
        if kind == "int":
            return Raw(r.choice(EDGE_INTS))
        if kind == "decimal":
            return Raw(r.choice(EDGE_DECIMALS))
        if kind == "time_iso":
            return r.choice(BAD_ISO)
        return Raw(
            r.choice(
                [
                    "1e15",
                    "1000000000000001",
                    "-1",
                    "1e-3",
                    "1e400",
                    "0",
                    "-0",
                    "1566242911079.5",
                    "1.566242911079E12",
                ]
            )
        )

    def times(self, r, base):
        """(device time, received time): near the base, or exactly on an edge of the rules."""
        received = base + r.randrange(-3600, 3600) * SECOND
        edge = r.choice([-1000, -1, 0, 1, 1000]) if r.random() < 0.7 else 0
        way = r.random()
        if way < 0.70:
            grid = r.choice([SECOND, 30 * SECOND, 60 * SECOND, 3600 * SECOND])
            device = (
                base // grid * grid + r.randrange(-10, 2) * grid + r.choice([0, 0, -1000, 1000])
            )
            return device, device + r.randrange(0, 600) * SECOND
        if way < 0.78:
            return received + self.max_ahead + edge, received
        if way < 0.86:
            return received - self.max_age + edge, received
        if way < 0.90:
            return 0 + max(edge, -1000), received
        if way < 0.94:
            return YEAR_2100 + edge, received
        if way < 0.97:
            return base - r.randrange(0, 399) * DAY, base
        return r.choice([10**18, 10**18 + 1000, -(10**17), DAY - 1000, -DAY]), received

    def event(self, r, base, troubled):
        """A tree: dicts by key, leaves as spell() wants them."""
        schema, tree = self.schema, {}
        device, received = self.times(r, base)
        for name, c in self.columns.items():
            kind = c.get("type", "string")
            required = c.get("required", False)
            if name == schema["time"]:
                value = self.time_value(r, device, kind)
            elif name == schema.get("received"):
                value = self.time_value(r, received, kind) if r.random() < 0.8 else ABSENT
            else:
                value = self.good(r, name, kind)
            missing = 0.01 if required else 0.25
            if troubled and r.random() < (0.05 if required else 0.15):
                value = self.odd(r, kind)
            elif r.random() < missing * (troubled or not required):
                value = r.choice([ABSENT, ABSENT, None])
            if troubled and name in (schema["entity"], schema["id"]) and r.random() < 0.1:
                value = ""
            if value is not ABSENT:
                self.put(r, tree, c["path"], value)
        if schema.get("payload") and r.random() < 0.8:
            self.put(
                r,
                tree,
                schema["payload"] + "." + r.choice(["extra", "ex tra", "é"]),
                self.anything(r, 2),
            )
        if schema.get("payload") and r.random() < 0.7:
            self.freeze_payload(r, tree)
        if r.random() < 0.3:
            tree.setdefault(r.choice(["tags", "zz", "", "A", "eidx", "at\0"]), self.anything(r, 3))
        return tree

    def freeze_payload(self, r, tree):
        """Fixes the payload's bytes: they are part of the identity, and repeats must be equal."""
        *path, last = self.schema["payload"].split(".")
        for key in path:
            tree = tree.get(key, {})
        if isinstance(tree, dict) and isinstance(tree.get(last), dict):
            tree[last] = Raw(spell(r, shuffled(r, tree[last])))

    @staticmethod
    def put(r, tree, path, value):
        keys = path.split(".")
        for key in keys[:-1]:
            tree = tree.setdefault(key, {})
            if not isinstance(tree, dict):
                return
        tree[keys[-1]] = value

    def anything(self, r, depth):
        """Undeclared JSON of any shape; also what no column could hold."""
        way = r.randrange(8 if depth else 5)
        if way == 0:
            return r.choice(GOOD_TEXTS + EDGE_TEXTS)
        if way == 1:
            return Raw(r.choice(EDGE_INTS + EDGE_DECIMALS))
        if way < 5:
            return r.choice([None, True, False, Raw("1e999999"), Raw("-1E-999999")])
        if way == 5:
            return [self.anything(r, depth - 1) for _ in range(r.randrange(3))]
        pairs = Pairs(
            (r.choice(["a", "b", "events", "ets", ""]), self.anything(r, depth - 1))
            for _ in range(r.randrange(4))
        )
        return pairs  # keys may repeat: nothing here is declared

    def text(self, r, tree, troubled):
        """The tree as JSON; in trouble also with keys that stand twice."""
        pairs = shuffled(r, tree)
        if troubled and r.random() < 0.15:
            self.repeat_key(r, pairs)
        return spell(r, pairs, r.choice([0, 0, 0.1, 0.5]))

    def repeat_key(self, r, pairs):
        """A second member with a key that is there: on a declared path or off it, as it comes."""
        while pairs:
            key, value = r.choice(pairs)
            if isinstance(value, Pairs) and value and r.random() < 0.6:
                pairs = value
                continue
            pairs.insert(
                r.randrange(len(pairs) + 1), (key, r.choice([value, None, Raw("1"), "x", Pairs()]))
            )
            return


# Lines of a file


class File:
    """A file of a world: lines as bytes, some again in another spelling."""

    def __init__(self, world, r, count):
        self.world, self.r = world, r
        self.base = (
            int(r.choice([1_772_900_000, 1_566_242_900, 1_700_000_000, 951_782_399])) * SECOND
        )
        self.trees = []  # good events, for repeats
        self.lines = [self.line() for _ in range(count)]

    def event_text(self):
        r, world = self.r, self.world
        if self.trees and r.random() < 0.15:
            tree = r.choice(self.trees)
            return self.other_spelling(tree)
        troubled = r.random() < 0.3
        tree = world.event(r, self.base, troubled)
        self.trees.append(tree)
        return self.world.text(r, tree, troubled)

    def other_spelling(self, tree):
        """The same event: other order, space, escapes and numbers; maybe another received time."""
        r, world = self.r, self.world

        def again(value):
            if isinstance(value, dict):
                return {k: again(v) for k, v in value.items()}
            if isinstance(value, Raw) and value[0] in '{["':
                return respaced(r, value) if r.random() < 0.5 else value
            if isinstance(value, Raw) and r.random() < 0.5:
                try:
                    return Raw(spell_number(r, str(value)))
                except ArithmeticError:
                    return value
            return value

        same = again(tree)
        received = world.schema.get("received")
        if received and r.random() < 0.2:
            kind = world.columns[received]["type"]
            moved = world.time_value(r, self.base + r.randrange(600) * SECOND, kind)
            world.put(r, same, world.columns[received]["path"], moved)
        return world.text(r, same, False)

    def line(self):
        r = self.r
        way = r.random()
        if way < 0.03:
            return r.choice([b"", b" ", b"\t \r", b"\r"])
        if way < 0.06:
            return r.choice(BROKEN_JSON)
        if way < 0.08:
            return r.choice(NOT_OBJECTS)
        if way < 0.10:
            return self.deep()
        if self.world.envelope and way < 0.25:
            return self.spoiled(self.envelope())
        return self.spoiled(encode(self.event_text()))

    def spoiled(self, line):
        """Now and then: cut short, bytes that are no UTF-8, something behind it, white space."""
        r = self.r
        way = r.random()
        if way < 0.02:
            return line[: r.randrange(1, len(line))]
        if way < 0.04:
            at = r.randrange(len(line))
            return line[:at] + r.choice(BAD_UTF8) + line[at:]
        if way < 0.05:
            return line + r.choice([b"x", b"}", b"]", b",", b"{}", b"\x00", b"\xc2\xa0"])
        if way < 0.10:
            return r.choice([b" ", b"\t", b"\r"]) + line + r.choice([b" ", b"\r", b""])
        if way < 0.12:
            at = r.randrange(len(line))
            return line[:at] + bytes([r.randrange(256)]).replace(b"\n", b" ") + line[at + 1 :]
        return line

    def deep(self):
        """An event whose deepest place is around the limit; sometimes broken or inside a string."""
        r, world = self.r, self.world
        depth = r.choice([61, 62, 63, 64, 65, 66, 67, 68, 200])
        tree = world.event(r, self.base, False)
        opening, closing = r.choice([("[", "]"), ('{"a":', "}")])
        inner = r.choice(["1", '"[[[["', "{}" if depth < 200 else "[]"])
        core = (
            opening * (depth - 1 - (inner in "{}[]"))
            + inner
            + closing * (depth - 1 - (inner in "{}[]"))
        )
        tree["deep"] = Raw(core)
        text = spell(r, shuffled(r, tree))
        if r.random() < 0.15:
            text = text[:-1] + r.choice(["]", ",", "", '"'])
        if world.envelope and r.random() < 0.4:
            return encode(self.envelope_of([Raw(text)]))
        return encode(text)

    def envelope_of(self, events):
        r, world = self.r, self.world
        spec, tree = world.envelope, {}
        for key in ("id", "ver"):
            if r.random() < 0.5:
                tree[key] = r.choice(GOOD_TEXTS)
        if r.random() < 0.3:
            tree["more"] = world.anything(r, 2)
        if "sent_time" in spec and r.random() < 0.85:
            sent = self.base + r.randrange(-3600, 3600) * SECOND
            sent += r.choice([0, 0, world.tolerance, -world.tolerance]) + r.choice([0, 1000, -1000])
            value = milliseconds(r, sent // 1000 * 1000)
            odd = [
                Raw("1e400"),
                "1",
                None,
                Raw("1.5"),
                True,
                [],
                Pairs(),
                Raw("0"),
                Raw("-5"),
                Raw("1e15"),
            ]
            world.put(r, tree, spec["sent_time"], value if r.random() < 0.85 else r.choice(odd))
        if "id" in spec and r.random() < 0.8:
            world.put(r, tree, spec["id"], r.choice(["m1", "m2", "", None, Raw("7")]))
        world.put(r, tree, spec["events"], events)
        pairs = shuffled(r, tree)
        if r.random() < 0.05:
            world.repeat_key(r, pairs)
        return spell(r, pairs, r.choice([0, 0, 0.2]))

    def envelope(self):
        r = self.r
        events = []
        for _ in range(r.choice([0, 1, 1, 2, 3, 5, 20])):
            way = r.random()
            if way < 0.05:
                events.append(Raw(r.choice(NOT_OBJECTS).decode()))
            elif way < 0.07:
                events.append(Raw(r.choice(BROKEN_JSON).decode("utf-8", "replace")))
            elif way < 0.09:
                events.append([Raw(self.event_text())])
            else:
                events.append(Raw(self.event_text()))
        if r.random() < 0.06:
            odd = [Pairs(), None, "x", Raw("1"), Pairs([("0", Raw(self.event_text()))]), True]
            events = r.choice(odd)
        return encode(self.envelope_of(events))

    def edge_pair(self):
        """An event whose received and sent times differ by exactly the tolerance, or nearly."""
        r, world = self.r, self.world
        tree = world.event(r, self.base, False)
        received = world.schema["received"]
        kind = world.columns[received]["type"]
        at = self.base // SECOND * SECOND
        world.put(r, tree, world.columns[received]["path"], world.time_value(r, at, kind))
        time = world.schema["time"]
        device = at - r.choice([0, 1, 60, 3600]) * SECOND
        world.put(
            r,
            tree,
            world.columns[time]["path"],
            world.time_value(r, device, world.columns[time]["type"]),
        )
        sent = at + r.choice([-1, 1]) * (world.tolerance + r.choice([-1000, 0, 1000]))
        envelope = {"id": "x"}
        world.put(r, envelope, world.envelope["sent_time"], milliseconds(r, sent))
        world.put(r, envelope, world.envelope["events"], [Raw(spell(r, shuffled(r, tree)))])
        return encode(spell(r, shuffled(r, envelope)))

    def bytes(self):
        r = self.r
        ending = r.choice([b"\n", b"\n", b"\r\n"])
        last = r.choice([ending, ending, b""])
        return ending.join(self.lines) + last


def small_file(world, seed):
    r = random.Random(f"{world.schema['name']} {seed}")
    file = File(world, r, r.choice([1, 5, 20, 60, 150]))
    if world.envelope and world.schema.get("received") and "sent_time" in world.envelope:
        for _ in range(4):
            file.lines.insert(r.randrange(len(file.lines) + 1), file.edge_pair())
    return file.bytes()


# Large ones


def padded(world, r, base, size):
    """An event of exactly so many bytes."""
    tree = world.event(r, base, False)
    tree["pad"] = Raw('"@"')
    text = encode(spell(r, shuffled(r, tree)))
    unit, filler = size - len(text) + 1, r.choice(["a", "\\n", "é"])
    filler = encode(filler)
    body = filler * (unit // len(filler)) + b"b" * (unit % len(filler))
    text = text.replace(b'"@"', b'"' + body + b'"')
    assert len(text) == size
    return text


def large_files(world, seed):
    """Records around 1 MiB, envelopes and lines around 8 MiB; after each an ordinary event."""
    r = random.Random(f"large {world.schema['name']} {seed}")
    small = File(world, r, 0)
    good = lambda: encode(world.text(r, world.event(r, small.base, False), False))  # noqa: E731
    records = []
    for size in (RECORD_MAX - 1, RECORD_MAX, RECORD_MAX + 1):
        records += [padded(world, r, small.base, size), good()]
    records += [padded(world, r, small.base, RECORD_MAX - 1) + b" ", good()]
    records += [b" " + padded(world, r, small.base, RECORD_MAX), good()]
    files = [b"\n".join(records) + b"\n"]
    too_long = padded(world, r, small.base, ENVELOPE_MAX + 1 + r.randrange(3))
    files.append(
        b"\n".join([good(), too_long, good(), too_long[:-9] + b"\xff" + too_long[-9:], good()])
    )
    if world.envelope:
        for size in (ENVELOPE_MAX, ENVELOPE_MAX + 1):
            inside = [
                Raw(padded(world, r, small.base, RECORD_MAX + k).decode()) for k in (-1, 0, 1)
            ]
            inside += [Raw(good().decode()) for _ in range(200)]
            text = encode(small.envelope_of(inside))
            filler = r.choice([b" ", b"\t"]) * (size - len(text))
            files.append(b"\n".join([text[:-1] + filler + text[-1:], good()]) + b"\n")
    return files
