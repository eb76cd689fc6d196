"""docs/metrics.md shows what the program prints, and what it should.

Each example is three fenced blocks, in this order: yaml (metrics; the schema is the document's first
block), json (events), json (output without the ledger). An example is run as it stands, in reverse
order and in several partitions, and compared byte by byte with the document; then with the oracle.

    .deps/venv/bin/python tests/e2e/test_metrics_doc.py --update     rewrites the outputs
"""

import pathlib
import re
import sys

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/support_py"))

import harness  # noqa: E402

DOCUMENT = ROOT / "docs/metrics.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.S | re.M)
HEADING = re.compile(r"^## (.+)$", re.M)
SECTIONS = [
    *("count", "distinct", "approx_distinct", "sum", "mean", "min and max", "quantiles", "ratio"),
    *("sessions", "funnel", "retention"),
    *("where", "by", "every", "over", "timezone", "top", "having"),
]
PARTS = ["What it counts.", "Exactly.", "Example.", "When data is late."]


class Example:
    def __init__(self, schema, blocks):
        self.kinds = [kind for kind, _, _ in blocks]
        self.metrics, self.events, self.output = (text for _, text, _ in blocks)
        self.output_span = blocks[2][2]
        self.definitions = schema + self.metrics

    def write(self, folder):
        """Definitions, events, and the events in reverse order."""
        for name, text in {
            "app.yaml": self.definitions,
            "events.ndjson": self.events,
            "reverse.ndjson": "".join(reversed(self.events.splitlines(keepends=True))),
        }.items():
            (folder / name).write_text(text, encoding="utf-8")

    def replay(self, folder, events="events.ndjson", partitions=1):
        options = ["-c", folder / "app.yaml", "--partitions", partitions]
        done = harness.run_ok("replay", *options, folder / events)
        return done.stdout.decode()


def cells(output):
    """Without the last line, the ledger."""
    lines = output.splitlines(keepends=True)
    assert lines[-1].startswith('{"ledger"'), output
    return "".join(lines[:-1])


def examples():
    text = DOCUMENT.read_text(encoding="utf-8")
    blocks = [(m[1], m[2], m.span(2)) for m in BLOCK.finditer(text)]
    schema, rest = blocks[0][1], blocks[1:]
    assert schema.startswith("schema:") and len(rest) % 3 == 0, "a block is missing or one too many"
    return [Example(schema, rest[i : i + 3]) for i in range(0, len(rest), 3)]


def name_of(example):
    return next(iter(yaml.safe_load(example.metrics)["metrics"]))


def for_the_oracle(example):
    """It has no sketches: it counts approximate distincts exactly, which so few values are."""
    return example.definitions.replace("approx_distinct:", "distinct:")


@pytest.mark.parametrize("example", examples(), ids=name_of)
def test_example(example, tmp_path):
    assert example.kinds == ["yaml", "json", "json"]
    assert example.events.strip() and example.output.strip()
    example.write(tmp_path)
    output = example.replay(tmp_path)
    assert cells(output) == example.output, "run this file with --update and read the difference"
    assert cells(example.replay(tmp_path, events="reverse.ndjson")) == example.output
    assert cells(example.replay(tmp_path, partitions=3)) == example.output

    (tmp_path / "oracle.yaml").write_text(for_the_oracle(example), encoding="utf-8")
    (tmp_path / "shown.ndjson").write_text(example.output + output.splitlines()[-1] + "\n")
    harness.oracle(tmp_path / "oracle.yaml", tmp_path / "events.ndjson", tmp_path / "expected")
    assert not harness.differences(tmp_path / "expected", tmp_path / "shown.ndjson")


def test_sections_have_the_same_parts():
    text = DOCUMENT.read_text(encoding="utf-8")
    starts = [*HEADING.finditer(text), None]
    assert [m[1] for m in starts[:-1]] == SECTIONS
    for this, following in zip(starts, starts[1:]):
        section = text[this.end() : following.start() if following else None]
        parts = re.findall(r"^- \*\*(.+?)\*\*", section, re.M)
        assert parts in (PARTS, [*PARTS, "Others do it differently."]), this[1]
        assert len(BLOCK.findall(section)) == 3, this[1]


def update():
    """Puts what the program prints now into the document, from the end, so that places stay."""
    import tempfile

    text = DOCUMENT.read_text(encoding="utf-8")
    for example in reversed(examples()):
        with tempfile.TemporaryDirectory() as folder:
            example.write(pathlib.Path(folder))
            output = cells(example.replay(pathlib.Path(folder)))
        start, end = example.output_span
        text = text[:start] + output + text[end:]
    DOCUMENT.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    assert sys.argv[1:] == ["--update"], __doc__
    update()
