"""The oracle, the bench scripts, the presets and our own data are copies: they must not drift.

Where the originals stand beside the checkout each copy is compared byte by byte; without them there
is nothing to compare with, and every copy counts as one skip.
"""

import datetime

import pytest
from harness import ROOT, shared

COPIES = [
    ("tests/oracle/oracle.py", "oracle/oracle.py"),
    ("tests/oracle/compare.py", "oracle/compare.py"),
    ("tests/oracle/cases.py", "oracle/cases.py"),
    ("tests/oracle/sql_forms.py", "oracle/sql_forms.py"),
    ("tests/bench/generate.py", "bench/generate.py"),
    ("tests/bench/duckdb_job.py", "bench/duckdb_job.py"),
    ("tests/bench/job.yaml", "bench/job.yaml"),
    ("tests/data/device-3000.ndjson", "data/device-3000.ndjson"),
    ("presets/sunbird.yaml", "presets/sunbird.yaml"),
    ("presets/device.yaml", "presets/device.yaml"),
]

# Sections of a copy that are ours, at its end; what stands before them is the original.
OURS = {"presets/sunbird.yaml": b"alerts:\n", "presets/device.yaml": b"alerts:\n"}


def when(path):
    time = datetime.datetime.fromtimestamp(path.stat().st_mtime, datetime.timezone.utc)
    return time.strftime("%Y-%m-%d %H:%M:%S UTC")


@pytest.mark.parametrize("copy, original", COPIES, ids=[copy for copy, _ in COPIES])
def test_copy_is_the_original(copy, original):
    theirs = shared(original)
    ours = ROOT / copy
    bytes_of_copy = ours.read_bytes()
    if copy in OURS:
        bytes_of_copy, section, _ = bytes_of_copy.partition(b"\n" + OURS[copy])
        assert section, f"{copy} has no section {OURS[copy]}"
        bytes_of_copy += b"\n"
    if bytes_of_copy != theirs.read_bytes():
        ours_is_older = ours.stat().st_mtime < theirs.stat().st_mtime
        pytest.fail(
            f"{copy} ({when(ours)}) differs from {theirs} ({when(theirs)}); "
            + ("the copy is older: copy it again" if ours_is_older else "the original is older")
        )


def test_no_foreign_data_in_the_tree():
    """Events and schemas of Sunbird are other people's; they are read where they are, not
    copied."""
    found = [p for p in (ROOT / "tests").rglob("sunbird-*") if p.suffix in ("", ".ndjson", ".json")]
    assert found == []
