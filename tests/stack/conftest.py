"""Gives what the stack's tests need or says why not."""

import contextlib
import fcntl
import importlib
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SERVERS = ("kafka", "hdfs")


@contextlib.contextmanager
def one_at_a_time():
    """Who finds something missing installs it, while the other processes of pytest wait."""
    with open(ROOT / ".deps/stack.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        importlib.invalidate_caches()  # what another one has installed meanwhile
        yield


def install():
    done = subprocess.run([ROOT / "tools/setup", "--for-stack"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    importlib.invalidate_caches()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """The page about the reference stack starts servers of its own where those of other tests may
    still listen, and stops them all: it comes last."""
    items.sort(key=lambda item: item.path.name == "test_reference_stack.py")


@pytest.fixture(scope="session")
def stack():
    """Java, the servers' jars and clients, installed when they are first wanted; where they are
    missing and must not be installed, the tests skip."""
    with one_at_a_time():
        wanted = shutil.which("java") is None
        wanted = wanted or not all((ROOT / f".deps/stack/{name}/jars").exists() for name in SERVERS)
        wanted = wanted or shutil.which("kcat") is None or shutil.which("mvn") is None
        wanted = wanted or importlib.util.find_spec("confluent_kafka") is None
        if wanted and "TIDEMARK_NO_APT" in os.environ:
            pytest.skip("no servers of the stack here")
        if wanted:
            install()


@pytest.fixture(scope="module")
def kafka(stack):
    """One broker, for a module's tests."""
    from kafka import Kafka

    kafka = Kafka().up()
    yield kafka
    kafka.down()


@pytest.fixture(scope="session")
def hdfs(stack):
    """A NameNode and two DataNodes, replication 2, for all tests: each has a path of its own."""
    from hdfs import Hdfs

    cluster = Hdfs()
    try:
        yield cluster.up()
    finally:
        cluster.down()


@pytest.fixture(scope="session")
def spark_installed(stack):
    """Spark for Python, beside Java."""
    with one_at_a_time():
        if importlib.util.find_spec("pyspark") is None:
            install()


@pytest.fixture(scope="session")
def hive_installed(spark_installed):
    """Also the jars of Delta, and of Hive's own engine."""
    with one_at_a_time():
        if not all((ROOT / f".deps/stack/{name}/jars").exists() for name in ("spark", "hive")):
            install()
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"


@pytest.fixture(scope="session")
def spark(spark_installed, tmp_path_factory):
    """A Spark session on this machine: one for all tests."""
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    os.environ["PYSPARK_PYTHON"] = sys.executable

    from sql_texts import Spark

    engine = Spark(tmp_path_factory.mktemp("warehouse"))
    yield engine
    engine.session.stop()
