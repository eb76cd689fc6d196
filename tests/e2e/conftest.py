"""Services for the end-to-end tests. Each has its own directory and port; its log is shown when a
test fails."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support_py"))

from service import Service  # noqa: E402


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    services = getattr(item, "services", [])
    if report.failed and services:
        for service in services:
            report.sections.append((f"log of {service.folder.name}", service.log_tail()))
    return report


@pytest.fixture
def make_service(request, tmp_path):
    """make_service(preset="device", ...) gives a Service that is not started yet."""
    request.node.services = services = []

    def make(name=None, **options):
        service = Service(tmp_path / (name or f"service{len(services)}"), **options)
        services.append(service)
        return service

    yield make
    for service in services:
        service.clean_up()
