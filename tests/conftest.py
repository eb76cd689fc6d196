"""What the Python tests share: the modules of support_py, where the program is, and services, each
in a clean directory of its own. The log of a service is shown when its test fails."""

import os
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/support_py"))

import midnight  # noqa: E402


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    midnight.keep_off()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    services = getattr(item, "services", [])
    if report.failed and services:
        for service in services:
            report.sections.append((f"log of {service.folder.name}", service.log_tail()))
    return report


@pytest.fixture(scope="session")
def source_root():
    return ROOT


@pytest.fixture(scope="session")
def tidemark():
    """Path of the program under test; TIDEMARK names another one."""
    path = pathlib.Path(os.environ.get("TIDEMARK", ROOT / "build/tidemark"))
    assert path.exists(), f"{path} is not built: run make"
    return path


@pytest.fixture
def make_service(request, tmp_path):
    """make_service(preset="device", ...) gives a Service that is not started yet."""
    from service import Service  # which imports more than some of the tests have

    request.node.services = services = []

    def make(name=None, **options):
        service = Service(tmp_path / (name or f"service{len(services)}"), **options)
        services.append(service)
        return service

    yield make
    for service in services:
        service.clean_up()
