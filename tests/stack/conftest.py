"""Makes tests/support_py importable, and gives what the stack's tests need or says why not."""

import importlib
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/support_py"))


@pytest.fixture(scope="session")
def spark_installed():
    """Java and pyspark are installed when they are first wanted; where Java is missing and must not
    be installed, the tests skip."""
    if shutil.which("java") is None and "TIDEMARK_NO_APT" in os.environ:
        pytest.skip("no Java here, so no Spark")
    if shutil.which("java") is None or importlib.util.find_spec("pyspark") is None:
        done = subprocess.run([ROOT / "tools/setup", "--for-stack"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-4000:]
        importlib.invalidate_caches()


@pytest.fixture(scope="session")
def spark(spark_installed, tmp_path_factory):
    """A Spark session on this machine: one for all tests."""
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    os.environ["PYSPARK_PYTHON"] = sys.executable
    from sql_texts import Spark

    engine = Spark(tmp_path_factory.mktemp("warehouse"))
    yield engine
    engine.session.stop()
