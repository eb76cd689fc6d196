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

from service import Service  # noqa: E402


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """The page about the reference stack starts servers of its own where those of other tests may
    still listen, and stops them all: it comes last."""
    items.sort(key=lambda item: item.path.name == "test_reference_stack.py")


@pytest.fixture(scope="session")
def stack():
    """Java, the servers' jars and clients, installed when they are first wanted; where they are
    missing and must not be installed, the tests skip."""
    wanted = shutil.which("java") is None or not (ROOT / ".deps/stack/kafka/jars").exists()
    wanted = wanted or shutil.which("kcat") is None or shutil.which("mvn") is None
    wanted = wanted or importlib.util.find_spec("confluent_kafka") is None
    if wanted and "TIDEMARK_NO_APT" in os.environ:
        pytest.skip("no servers of the stack here")
    if wanted:
        done = subprocess.run([ROOT / "tools/setup", "--for-stack"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-4000:]
        importlib.invalidate_caches()


@pytest.fixture(scope="module")
def kafka(stack):
    """One broker, for a module's tests."""
    from kafka import Kafka

    kafka = Kafka().up()
    yield kafka
    kafka.down()


@pytest.fixture
def make_service(request, tmp_path):
    """make_service(preset="device", ...) gives a Service that is not started yet."""
    services = []

    def make(name=None, **options):
        service = Service(tmp_path / (name or f"service{len(services)}"), **options)
        services.append(service)
        return service

    yield make
    for service in services:
        service.clean_up()


def install(what, is_there):
    """Has tools/setup install what the stack wants, once it is wanted; skips where it must not."""
    if shutil.which("java") is None and "TIDEMARK_NO_APT" in os.environ:
        pytest.skip(f"no Java here, so no {what}")
    if shutil.which("java") is None or not is_there():
        done = subprocess.run([ROOT / "tools/setup", "--for-stack"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-4000:]


@pytest.fixture(scope="session")
def hdfs():
    """A real HDFS for all tests: a NameNode and two DataNodes, replication 2."""
    from hdfs import STACK, Hdfs

    install("HDFS", (STACK / "hdfs/jars").exists)
    cluster = Hdfs()
    try:
        yield cluster.up()
    finally:
        cluster.down()


@pytest.fixture
def make_service(request, tmp_path):
    """make_service(preset="device", ...) gives a Service that is not started yet."""
    from service import Service

    request.node.services = services = []

    def make(name=None, **options):
        service = Service(tmp_path / (name or f"service{len(services)}"), **options)
        services.append(service)
        return service

    yield make
    for service in services:
        service.clean_up()


@pytest.fixture(scope="session")
def spark(tmp_path_factory):
    """A Spark session on this machine: one for all tests. Java and pyspark are installed when they
    are first wanted; where Java is missing and must not be installed, the tests skip."""
    install("Spark", lambda: importlib.util.find_spec("pyspark") is not None)
    importlib.invalidate_caches()
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    os.environ["PYSPARK_PYTHON"] = sys.executable
    from sql_texts import Spark

    engine = Spark(tmp_path_factory.mktemp("warehouse"))
    yield engine
    engine.session.stop()
