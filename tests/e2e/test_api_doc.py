"""Every curl of docs/api.md is answered, by a service of the device preset on a port of its own."""

import json
import re
import shutil
import subprocess

import pytest
from device_week import move_to_last_week
from harness import ROOT
from service import Service

DOCUMENT = ROOT / "docs/api.md"
HOST = "http://127.0.0.1:8080"


def commands():
    text = DOCUMENT.read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.S)
    return [line for block in blocks for line in block.splitlines()]


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("api-doc")
    move_to_last_week(folder / "events.ndjson")
    started = Service(folder / "service", preset="device").start()
    assert started.post_events((folder / "events.ndjson").read_bytes()).status == 200
    started.settle()
    yield started
    started.clean_up()


def test_there_are_commands():
    found = commands()
    assert len(found) > 15
    assert all(line.startswith("curl -s ") and HOST in line for line in found)


@pytest.mark.parametrize("command", commands())
def test_curl(command, service):
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed (Debian: curl)")
    done = subprocess.run(
        ["bash", "-c", command.replace(HOST, service.url).replace("curl -s", "curl -sS --fail")],
        cwd=service.folder.parent,
        capture_output=True,
    )
    assert done.returncode == 0, (command, done.stderr)
    if command.endswith(HOST + "/metrics"):
        assert done.stdout.startswith(b"# HELP ")
        return
    is_lines = "format=ndjson" in command or command.endswith("/barrier")
    documents = [json.loads(line) for line in done.stdout.splitlines()] if is_lines else None
    assert documents or is_lines and "from=" in command or json.loads(done.stdout)
