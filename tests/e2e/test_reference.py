"""Goal: the references that are generated from the program's tables are those in docs/reference. Method: run the generator, compare."""

import os
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TIDEMARK = os.environ.get("TIDEMARK", os.path.join(ROOT, "build", "tidemark"))


@pytest.mark.parametrize("topic", ["cli", "configuration"])
def test_reference_is_what_the_program_says(topic):
    with open(os.path.join(ROOT, "docs", "reference", topic + ".md"), encoding="utf-8") as f:
        kept = f.read()
    said = subprocess.run(
        [TIDEMARK, "help", topic], check=True, capture_output=True, text=True
    ).stdout
    assert kept == said, (
        f"docs/reference/{topic}.md is out of date: build/tidemark help {topic} > docs/reference/{topic}.md"
    )
