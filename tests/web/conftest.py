"""A browser, and services with data, for the dashboard's tests.

Debian's Chromium is driven by Playwright. Whatever a page logs as an error, throws, or asks of
another host fails the test that had it open. The service is the real one, its events are the
generator's; there are no mocks.
"""

import pathlib
import urllib.parse

import pytest
from dashboard import WAIT_MS, Fixed, history, post
from playwright.sync_api import sync_playwright

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = """--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-component-update
--disable-background-networking --disable-sync --force-color-profile=srgb""".split()


def filled(folder, preset):
    service = Fixed(folder / preset, preset=preset).start()
    post(service, list(history(preset)))
    service.settle()
    return service


@pytest.fixture(scope="session")
def device(tmp_path_factory):
    """Read-only: a service whose events are all in."""
    service = filled(tmp_path_factory.mktemp("web"), "device")
    yield service
    service.clean_up()


@pytest.fixture(scope="session")
def sunbird(tmp_path_factory):
    service = filled(tmp_path_factory.mktemp("web"), "sunbird")
    yield service
    service.clean_up()


@pytest.fixture
def make_service(tmp_path):
    made = []

    def make(**options):
        made.append(Fixed(tmp_path / f"service{len(made)}", **options))
        return made[-1].start()

    yield make
    for service in made:
        service.clean_up()


# The browser


@pytest.fixture(scope="session")
def browser():
    assert pathlib.Path(CHROMIUM).exists(), f"{CHROMIUM} is missing: run tools/setup --for-test"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


class Complaints:
    """What no page may do. `allowed` are parts of messages that a test brings about itself."""

    def __init__(self):
        self.found, self.allowed, self.hosts = [], [], set()

    def watch(self, page):
        page.on("console", self.on_console)
        page.on("pageerror", lambda error: self.found.append(f"thrown: {error}"))
        page.on("request", lambda request: self.hosts.add(urllib.parse.urlsplit(request.url).netloc))

    def on_console(self, message):
        if message.type in ("error", "warning"):
            self.found.append(f"{message.type}: {message.text}")

    def check(self):
        bad = [text for text in self.found if not any(part in text for part in self.allowed)]
        assert not bad, bad[:5]
        others = {host for host in self.hosts if host and not host.startswith("127.0.0.1:")}
        assert not others, others


@pytest.fixture
def complaints():
    complaints = Complaints()
    yield complaints
    complaints.check()


@pytest.fixture
def open_page(browser, complaints):
    """open_page(service, "#/funnels", ...) gives a page that has drawn its first numbers."""
    contexts = []

    def open_one(service, address="", *, size=(1280, 900), scheme="light", is_new=False, **more):
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, **more
        )
        contexts.append(context)
        context.set_default_timeout(WAIT_MS)
        page = context.new_page()
        complaints.watch(page)
        page.goto(f"{service.url}/{address}")
        page.wait_for_selector("[data-link=live]")
        if not is_new:
            page.wait_for_selector("main .card, main .tile")
        return page

    yield open_one
    for context in contexts:
        context.close()
