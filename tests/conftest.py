"""What the Python tests share: where the program is, and a clean directory to run it in."""

import os
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def source_root():
    return ROOT


@pytest.fixture(scope="session")
def tidemark():
    """Path of the program under test; TIDEMARK names another one."""
    path = pathlib.Path(os.environ.get("TIDEMARK", ROOT / "build/tidemark"))
    assert path.exists(), f"{path} is not built: run make"
    return path
