"""tests/data/device-3000.ndjson moved by whole weeks, so that its last event is of last week: a
service refuses events that are too old, and weeks and days stay what they were."""

import datetime
import json

from harness import DATA

SOURCE = DATA / "device-3000.ndjson"
WEEK = datetime.timedelta(days=7)


def time_of(line):
    """The text of its timestamp and the instant; of a defective line (None, None)."""
    try:
        text = json.loads(line)["timestamp"]
        time = datetime.datetime.fromisoformat(text)
        return (text, time) if time.tzinfo else (None, None)
    except (ValueError, TypeError, KeyError):
        return None, None


def move_to_last_week(output):
    """Writes the file; the first and the last instant of it. Nothing else of a line changes."""
    lines = SOURCE.read_text(encoding="utf-8").split("\n")
    found = [(line, *time_of(line)) for line in lines]
    times = [time for _, _, time in found if time]
    weeks = (datetime.datetime.now(datetime.timezone.utc) - max(times)) // WEEK
    moved = [
        line.replace(text, (time + weeks * WEEK).isoformat()) if time else line
        for line, text, time in found
    ]
    output.write_text("\n".join(moved), encoding="utf-8")
    return min(times) + weeks * WEEK, max(times) + weeks * WEEK
