"""Local time against the oracle, that is, against Python's zoneinfo, on the same zoneinfo files.

For every zone of the machine: around each transition, one second to both sides, and at random
instants: the offset, where a local date begins, which day an instant belongs to, the calendar
windows and the sliding windows that hold it. Names with the same file are the same zone and are
checked once. A C program, built by meson, answers; the functions of tests/oracle/oracle.py say what
the answers must be.
"""

import datetime as dt
import os
import pathlib
import random
import struct
import subprocess
import zoneinfo

import pytest
from harness import ORACLE, ROOT, load_module, replay_hint, seed_of_run

oracle = load_module(ORACLE)

DAY_S = 86400
LAST_US = 999_999  # the probe asks for the last microsecond of a second
EPOCH = dt.date(1970, 1, 1)
EVENTS = range(0, oracle.YEAR_2100 // oracle.US)
WRITTEN_OUT = range(-2208988800, 7258118400)  # 1900 to 2200: events, and windows beyond them
RULE_YEARS = [2037, 2038, 2039, 2099, 2100, 2199]
RANDOM_EVENTS, RANDOM_OTHERS = 20, 5
WINDOWS = ["1d", "2d", "1w", "1mo"]
SLIDES = [3, 28]
DIFFERENCES_MAX = 20


@pytest.fixture(scope="module")
def folder():
    """The one folder both sides read."""
    for place in zoneinfo.TZPATH:
        if pathlib.Path(place, "America/New_York").exists():
            zoneinfo.reset_tzpath([place])
            zoneinfo.ZoneInfo.clear_cache()
            yield pathlib.Path(place)
            zoneinfo.reset_tzpath()
            return
    pytest.fail(f"no zoneinfo files in {zoneinfo.TZPATH}: install tzdata")


def ask(folder, questions):
    path = ROOT / "build/release/tests/property/timezone_probe"
    path = pathlib.Path(os.environ.get("TIDEMARK_TIMEZONE_PROBE", path))
    assert path.exists(), f"{path} is not built: tests/run gcc"
    done = subprocess.run(
        [path],
        input="".join(f"{question}\n" for question in questions),
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "TZDIR": str(folder)},
    )
    assert done.returncode == 0, done.stderr
    answers = done.stdout.splitlines()
    assert len(answers) == len(questions)
    return answers


# Where something happens


def recorded_transitions(data):
    """The times in the 64-bit block of a TZif file."""
    counts = struct.unpack(">6l", data[20:44])
    sizes = [1, 1, 8, 5, 6, 1]  # of the 32-bit block
    at = 44 + sum(count * size for count, size in zip(counts, sizes))
    time_count = struct.unpack(">l", data[at + 32 : at + 36])[0]
    return struct.unpack_from(f">{time_count}q", data, at + 44)


def offset(t, zone):
    return int(dt.datetime.fromtimestamp(t, zone).utcoffset().total_seconds())


def transitions_of_year(year, zone):
    """Found by looking at every week, for the years that only the rule knows."""
    start = (dt.date(year, 1, 1) - EPOCH).days * DAY_S
    week = 7 * DAY_S
    offsets = [offset(t, zone) for t in range(start, start + 54 * week, week)]
    for i, (before, after) in enumerate(zip(offsets, offsets[1:])):
        low, high = start + i * week, start + (i + 1) * week
        while before != after and high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle, zone) == before else (low, middle)
        if before != after:
            yield high


def distinct_zones(folder):
    names = {}
    for name in sorted(zoneinfo.available_timezones()):
        names.setdefault((folder / name).read_bytes(), name)
    assert len(names) > 200
    return [(name, data) for data, name in names.items()]


def instants_of(data, zone, r):
    found = set(recorded_transitions(data))
    if b"," in data[data.rindex(b"\n", 0, -1) :]:
        for year in RULE_YEARS:
            found.update(transitions_of_year(year, zone))
    found = {t + by for t in found for by in (-1, 0, 1) if t in WRITTEN_OUT}
    found.update(r.choice(EVENTS) for _ in range(RANDOM_EVENTS))
    found.update(r.choice(WRITTEN_OUT) for _ in range(RANDOM_OTHERS))
    return sorted(found)


# What is asked, and what must be answered


def seconds(*instants):
    return " ".join(str(us // oracle.US) for us in instants)


def window_and_next_end(us, every, zone):
    start, end = oracle.calendar_window(us, every, zone)
    return seconds(start, end, oracle.calendar_window(end, every, zone)[1])


def slides(us, name, day_count):
    spec = {"every": "1d", "over": f"{day_count}d", "timezone": name}
    return seconds(*(t for window in oracle.Metric("m", spec, "e").windows(us) for t in window))


def questions_about_day(name, zone, t):
    """Of any instant."""
    date = oracle.local_date(t * oracle.US + LAST_US, zone)
    day = (date - EPOCH).days
    yield f"{name} offset {t}", str(offset(t, zone))
    yield f"{name} day_of {t}", str(day)
    for by in (-1, 0, 1):
        begin = oracle.midnight(date + dt.timedelta(days=by), zone)
        yield f"{name} midnight {day + by}", seconds(begin)


def questions_about_windows(name, zone, t, r):
    """Of an event's time. The oracle is slow: one of the windows each."""
    us = t * oracle.US + LAST_US
    every = r.choice(WINDOWS)
    yield f"{name} {every} {t}", window_and_next_end(us, every, zone)
    if r.random() < 0.1:
        day_count = r.choice(SLIDES)
        yield f"{name} slide-{day_count} {t}", slides(us, name, day_count)


def check(folder, pairs, hint):
    pairs = list(pairs)
    answers = ask(folder, [question for question, _ in pairs])
    wrong = [
        f"{question}: {answer}, not {expected}"
        for (question, expected), answer in zip(pairs, answers)
        if answer != expected
    ]
    shown = "\n".join(wrong[:DIFFERENCES_MAX])
    assert not wrong, f"{len(wrong)} of {len(pairs)} answers differ; {hint}\n{shown}"


def test_every_zone_is_the_oracles(folder):
    seed = seed_of_run()
    r = random.Random(seed)
    pairs = []
    for name, data in distinct_zones(folder):
        zone = zoneinfo.ZoneInfo(name)
        for t in instants_of(data, zone, r):
            pairs.extend(questions_about_day(name, zone, t))
            if t in EVENTS:
                pairs.extend(questions_about_windows(name, zone, t, r))
    assert len(pairs) > 100_000
    check(folder, pairs, replay_hint(seed, "tests/property/test_timezone.py"))


def test_every_name_opens(folder):
    names = sorted(zoneinfo.available_timezones())
    now = 1772953200
    pairs = [(f"{name} offset {now}", str(offset(now, zoneinfo.ZoneInfo(name)))) for name in names]
    check(folder, pairs, "no seed")


# Zones with something to get wrong: midnight skipped or passed twice, a day that is missing, half
# an hour, no change, daylight time in winter, a rule of its own.
KNOWN = [
    "America/New_York",
    "America/Sao_Paulo",
    "America/Havana",
    "Asia/Beirut",
    "Pacific/Apia",
    "Pacific/Kwajalein",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Europe/Dublin",
    "Africa/Casablanca",
    "America/Nuuk",
    "UTC",
]


@pytest.mark.parametrize("name", KNOWN)
def test_known_zones_with_every_window(folder, name):
    seed = seed_of_run()
    r = random.Random(seed)
    zone = zoneinfo.ZoneInfo(name)
    pairs = []
    for t in instants_of((folder / name).read_bytes(), zone, r):
        if t in EVENTS:
            us = t * oracle.US + LAST_US
            for every in WINDOWS + ["3d", "2w"]:
                pairs.append((f"{name} {every} {t}", window_and_next_end(us, every, zone)))
            for n in SLIDES[:1]:
                pairs.append((f"{name} slide-{n} {t}", slides(us, name, n)))
    check(folder, pairs, replay_hint(seed, "tests/property/test_timezone.py"))
