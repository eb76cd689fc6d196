"""Goal: the references that are generated from the program's tables are those in docs/reference, and the examples of the one
that is written by hand are what it says. Method: run the generator, compare; run the examples."""

import os
import re
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TIDEMARK = os.environ.get("TIDEMARK", os.path.join(ROOT, "build", "tidemark"))


@pytest.mark.parametrize("topic", ["cli", "configuration", "metrics"])
def test_reference_is_what_the_program_says(topic):
    with open(os.path.join(ROOT, "docs", "reference", topic + ".md"), encoding="utf-8") as f:
        kept = f.read()
    said = subprocess.run(
        [TIDEMARK, "help", topic], check=True, capture_output=True, text=True
    ).stdout
    assert kept == said, (
        f"docs/reference/{topic}.md is out of date: build/tidemark help {topic} > docs/reference/{topic}.md"
    )


def definitions_blocks(kind):
    with open(os.path.join(ROOT, "docs", "reference", "definitions.md"), encoding="utf-8") as f:
        blocks = re.findall(r"^```(\w*)\n(.*?)^```$", f.read(), re.MULTILINE | re.DOTALL)
    return [text for word, text in blocks if word == kind]


def validate(tmp_path, text):
    (tmp_path / "shop.yaml").write_text(text, encoding="utf-8")
    return subprocess.run(
        [TIDEMARK, "validate", "shop.yaml"], cwd=tmp_path, capture_output=True, text=True
    )


def test_examples_of_definitions_are_good(tmp_path):
    whole, *others = definitions_blocks("yaml")
    schema = whole[: whole.index("metrics:")]
    assert len(others) >= 8
    used = "metrics:\n  of_channels: {count: events, by: [channel], every: 1d}\n"
    assert all("metrics:\n" in other for other in others)
    for text in [whole] + [schema + other.replace("metrics:\n", used, 1) for other in others]:
        done = validate(tmp_path, text)
        assert (done.returncode, done.stderr) == (0, ""), text


def test_every_kind_and_key_has_an_example():
    text = "".join(definitions_blocks("yaml"))
    for word in (
        "count distinct sum mean min max approx_distinct quantiles sessions funnel retention ratio "
        "every where by over timezone top having of per timeout steps period periods mode"
    ).split():
        assert re.search(rf"\b{word}: ", text) or re.search(rf"\b{word}:$", text, re.MULTILINE), word


def test_the_message_in_definitions_is_what_is_said(tmp_path):
    good = definitions_blocks("yaml")[0]
    said = validate(tmp_path, good.replace("{distinct: user_id", "{distinct: user")).stderr
    assert said == next(b for b in definitions_blocks("") if b.startswith("shop.yaml"))
