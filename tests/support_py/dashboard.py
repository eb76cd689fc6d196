"""Data for the dashboard's tests, and how its pages are read."""

import math
import random
import subprocess
import time

from harness import program
from service import Service

DAYS = 8
MINUTES = 60
RELEASE_MINUTES = 22  # so long ago is version 2.5.0 first seen
RELEASE = "2.5.0"
WAIT_MS = 60_000


class Fixed(Service):
    """A service that can be started again on the same port, as an open page wants it."""

    def command(self):
        words = super().command()
        if self.port:
            words[words.index("127.0.0.1:0")] = f"127.0.0.1:{self.port}"
        return words


# Data


def generate(preset, seed, count, start_s, devices=400):
    """Lines of the generator; the events are 10 ms apart."""
    start = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(start_s))
    command = [program(), "generate", "--preset", preset, "--rate", "0"]
    command += ["--seed", seed, "--count", count, "--start", start, "--devices", devices]
    done = subprocess.run(list(map(str, command)), capture_output=True, check=True)
    return done.stdout.split(b"\n")[:-1]


def of_release(line, chooser):
    """In the last minutes most of one version's events are of the next one, which crashes."""
    if chooser.random() < 0.7:
        line = line.replace(b'"2.4.1"', b'"' + RELEASE.encode() + b'"')
    return line


def history(preset, scale=1.0):
    """Some events of each of the last days, and of each minute of the last hour."""
    now = time.time()
    chooser = random.Random(7)
    for day in range(DAYS, 0, -1):
        count = int((1000 + 60 * day) * scale)
        yield from generate(preset, day, count, now - day * 86400, 260 + 10 * day)
    for minute in range(MINUTES, 0, -1):
        count = int((110 + 45 * math.sin(minute / 9)) * scale)
        lines = generate(preset, 100 + minute, count, now - minute * 60 + 5)
        is_new = preset == "device" and minute <= RELEASE_MINUTES
        yield from (of_release(line, chooser) if is_new else line for line in lines)


def post(service, lines, batch=2000):
    for start in range(0, len(lines), batch):
        reply = service.post_events(b"\n".join(lines[start : start + batch]) + b"\n")
        assert reply.status == 200, reply


def figure(page, name):
    """A number on the screen, by what it is."""
    text = page.locator(f"[data-value={name}]").first.inner_text()
    return int(text.replace(",", ""))


def eventually(page, check):
    """check() until it asserts nothing: the clock closes runs and windows while a test looks."""
    deadline = time.monotonic() + WAIT_MS / 1000
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > deadline:
                raise
            page.wait_for_timeout(100)


def until(page, expression, argument=None):
    page.wait_for_function(expression, arg=argument, timeout=WAIT_MS, polling=50)
