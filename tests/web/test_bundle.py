"""web/dist is what web/src builds to, small enough, and asks nothing of other hosts. Its types are
right."""

import gzip
import json
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
WEB = ROOT / "web"
DIST = WEB / "dist"
NAMES = ["app.css", "app.js", "icon.svg", "index.html"]
GZIP_BYTES_MAX = 100_000


@pytest.fixture(scope="module")
def node():
    path = shutil.which("node")
    assert path and (WEB / "node_modules").exists(), "run tools/setup --for-test"
    return path


def test_dist_is_what_the_sources_build_to(node, tmp_path):
    subprocess.run([node, WEB / "build.mjs", tmp_path], cwd=WEB, check=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == NAMES
    assert sorted(path.name for path in DIST.iterdir()) == NAMES
    for name in NAMES:
        assert (tmp_path / name).read_bytes() == (DIST / name).read_bytes(), f"{name}: run make web"


def test_types(node):
    done = subprocess.run(
        [WEB / "node_modules/.bin/tsc", "--noEmit"], cwd=WEB, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr


def test_size():
    sizes = {name: len(gzip.compress((DIST / name).read_bytes(), 9)) for name in NAMES}
    assert sum(sizes.values()) < GZIP_BYTES_MAX, sizes


def test_no_other_host():
    """The namespace of SVG is a name, not an address."""
    for name in NAMES:
        text = (DIST / name).read_text(encoding="utf-8")
        addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.[a-z]{2,}[\w/.-]*", text))
        named = {address for address in addresses if address.startswith("http://www.w3.org/")}
        assert addresses == named, (name, addresses - named)
        assert "@import" not in text


def test_lock_names_no_machine():
    lock = json.loads((WEB / "package-lock.json").read_text(encoding="utf-8"))
    assert lock["packages"]
    for name, package in lock["packages"].items():
        assert "resolved" not in package, name
        assert name == "" or package["integrity"].startswith("sha512-"), name
