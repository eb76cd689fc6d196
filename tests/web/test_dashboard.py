"""The dashboard in a browser: the numbers on the screen are the API's, they move without a reload,
the address is the state, and everybody can use it."""

import os
import pathlib
import re
import subprocess
import time

import pytest
from dashboard import RELEASE, RELEASE_MINUTES, eventually, figure, history, post, until
from harness import program
from service import device_event

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
AXE = ROOT / "web/node_modules/axe-core/axe.min.js"
PAGES = ["", "#/funnels", "#/retention", "#/sessions", "#/performance", "#/stability", "#/quality"]
NAMES = ["Overview", "Funnels", "Retention", "Sessions", "Performance", "Stability", "Data quality"]
BROKEN = ["ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED", "ERR_EMPTY_RESPONSE"]
BROKEN += ["ERR_CONNECTION_RESET", "ERR_FAILED"]
LEDGER = ["processed", "duplicate", "rejected", "late"]


def metrics_of(service):
    return service.get_json("/api/v1/metrics")["metrics"]


def cells_of(service, name):
    return service.get_json(f"/api/v1/metrics/{name}")["cells"]


def whole(value):
    return f"{value:,}"


def settled(page):
    """No card waits for its past any more."""
    page.wait_for_load_state("load")
    until(page, "() => document.querySelectorAll('main .card, main .empty').length > 0")
    until(
        page,
        """() => {
          const key = document.querySelector('main').innerText.length;
          const same = window.__length === key;
          window.__length = key;
          return same;
        }""",
    )


# Numbers


def test_the_top_row_is_the_status(device, open_page):
    page = open_page(device)
    status = device.get_json("/api/v1/status")
    for name in LEDGER:
        until(
            page,
            "([name, text]) => document.querySelector(`[data-value=${name}]`).innerText === text",
            [name, whole(status["ledger"][name])],
        )
    assert figure(page, "active") == status["active"]["value"]
    assert page.locator("[data-value=caught_up]").inner_text() == "Caught up"


@pytest.mark.parametrize("preset", ["device", "sunbird"])
def test_a_card_for_each_metric(preset, request, open_page):
    service = request.getfixturevalue(preset)
    page = open_page(service)
    names = {metric["name"] for metric in metrics_of(service)}
    shown = page.locator("main .card").evaluate_all("all => all.map((one) => one.dataset.metric)")
    assert set(shown) == names and len(shown) == len(names)
    settled(page)

    def none_is_empty():
        empty = page.locator("main .card:has(.empty)").evaluate_all(
            "all => all.map((one) => one.dataset.metric)"
        )
        assert empty == []

    eventually(page, none_is_empty)


def table(page, name):
    """The table behind a chart, which is open: {first column: the others}."""
    rows = page.locator(f"[data-metric={name}] .alternative").first.locator("tbody tr")
    texts = rows.evaluate_all("all => all.map((row) => [...row.cells].map((cell) => cell.innerText))")
    return {row[0]: row[1:] for row in texts}


def test_a_chart_is_its_cells(device, open_page):
    page = open_page(device, "#/?range=7d")
    settled(page)
    page.locator("[data-metric=daily_active_devices] .alternative > summary").first.click()

    def rows_are_cells():
        rows = table(page, "daily_active_devices")
        assert len(rows) >= 7
        for cell in cells_of(device, "daily_active_devices")[-7:]:
            day = time.strptime(cell["start"], "%Y-%m-%dT%H:%M:%SZ")
            name = f"{day.tm_mday} {time.strftime('%b', day)}"
            state = "complete" if cell["complete"] else "open"
            assert rows.get(name) == [whole(cell["value"]), state]

    eventually(page, rows_are_cells)


def test_what_is_open_says_so(make_service, open_page):
    """Of today, whenever the other services got their events."""
    service = make_service(preset="device")
    service.post_events([device_event(i, device=i) for i in range(5)])
    service.settle()
    page = open_page(service, "#/metric/daily_active_devices")

    def figures():
        assert page.locator(".readout em").first.inner_text() == "still open"
        (cell,) = cells_of(service, "daily_active_devices")
        newest = page.locator("article:has(#cells) tbody tr").first
        words = newest.locator("th, td").all_inner_texts()
        assert words[2:] == ["5", "yes", "not yet", whole(cell["revision"]), "speed"]

    eventually(page, figures)


def seconds(text):
    units = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
    parts = re.findall(r"([\d.]+) (ms|s|m|h|d)\b", text)
    return sum(float(number) * units[unit] for number, unit in parts)


def test_funnel(sunbird, open_page):
    page = open_page(sunbird, "#/funnels?range=all")
    settled(page)
    card = page.locator("[data-metric=learning_funnel]")

    def figures():
        cells = cells_of(sunbird, "learning_funnel")
        for name in ("entered", "completed", "open", "unmatched"):
            text = card.locator(f"[data-value={name}]").inner_text()
            assert text == whole(sum(cell[name] for cell in cells)), name
        reached = card.locator("table.funnel tbody tr td:nth-child(3)").all_inner_texts()
        steps = zip(*(cell["steps"] for cell in cells))
        assert reached == [whole(sum(step["reached"] for step in same)) for same in steps]
        return cells

    cells = eventually(page, figures)
    done = [cell for cell in cells if cell["completed"]]
    mean = sum(c["mean_time"] * c["completed"] for c in done) / sum(c["completed"] for c in done)
    shown = card.locator("[data-value=mean_time]").inner_text()
    assert seconds(shown) == pytest.approx(mean, rel=0.05), shown


def test_retention(sunbird, open_page):
    page = open_page(sunbird, "#/retention")
    settled(page)

    def rows_are_cells():
        cells = sorted(cells_of(sunbird, "daily_retention"), key=lambda cell: cell["cohort"])
        rows = page.locator("table.heat tbody tr")
        assert rows.count() == len(cells)
        for index, cell in enumerate(reversed(cells)):
            words = rows.nth(index).locator("td").all_inner_texts()
            assert words[0] == whole(cell["size"])
            share = cell["retained"][1] / cell["size"]
            is_future = 1 > len(cell["retained"]) - cell["open_periods"]
            assert words[2].split()[0] == ("not" if is_future else str(int(100 * share + 0.5)))

    eventually(page, rows_are_cells)


def test_sessions_and_performance(device, open_page):
    page = open_page(device, "#/sessions?range=all")
    settled(page)

    def sum_is_shown():
        cells = cells_of(device, "sessions")
        shown = page.locator("[data-value=sessions]").inner_text()
        assert shown == whole(sum(cell["sessions"] for cell in cells))

    eventually(page, sum_is_shown)
    page.goto(f"{device.url}/#/performance?range=24h")
    settled(page)
    row = page.locator("[data-metric=launch_time] table.picks tbody tr").first

    def row_is_a_cell():
        label = row.locator("th").inner_text()
        is_cold, version = label.split(" · ")
        same = [
            cell
            for cell in cells_of(device, "launch_time")
            if str(cell["group"]["is_cold_start"]).lower() == is_cold
            and cell["group"]["app_version"] == version
        ]
        newest = max(same, key=lambda cell: cell["end"])
        assert row.locator("td").first.inner_text() == whole(newest["count"])

    eventually(page, row_is_a_cell)


def test_a_release_is_marked(device, open_page):
    page = open_page(device, "#/stability")
    settled(page)

    def release_is_told():
        seen = page.locator(f"[data-release='{RELEASE}']").inner_text()
        assert RELEASE in seen and "first in the window of" in seen
        at = re.search(r"(\d\d):(\d\d):00 UTC", seen)
        hour = time.gmtime(time.time() - RELEASE_MINUTES * 60).tm_hour
        assert (int(at[1]) - hour) % 24 in (0, 23), seen  # of the hourly window, or the one before

    eventually(page, release_is_told)
    assert page.locator("[data-metric=crashes] .legend").get_by_text(RELEASE).count() == 1


def test_quality(device, open_page):
    page = open_page(device, "#/quality")
    page.wait_for_selector("[data-reason]")
    quality = device.get_json("/api/v1/quality")
    for one in quality["rejected"]:
        row = page.locator(f"[data-reason={one['reason']}]")
        assert row.locator("summary .strong").inner_text() == whole(one["count"])
        row.locator("summary").click()
        assert row.locator(".samples li").count() == len(one["samples"]) > 0
    assert figure(page, "duplicates") == quality["duplicates"]["count"]
    counts = page.locator("article:has(#lateness) tbody td:last-child").all_inner_texts()
    assert counts == [whole(bucket["count"]) for bucket in quality["lateness"]["buckets"]]


# Live


def test_live_without_a_reload(make_service, open_page):
    service = make_service(preset="device")
    page = open_page(service, is_new=True)
    welcome = page.locator(".welcome")
    welcome.wait_for()
    assert f"tidemark generate --preset device --rate 200 --to {service.url}" in welcome.inner_text()
    page.evaluate("window.__mark = 1")
    service.post_events([device_event(i, device=i) for i in range(5)])
    value = "[data-metric=daily_active_devices] .value"
    until(page, "(at) => document.querySelector(at)?.innerText === '5'", value)
    service.post_events([device_event(10 + i, device=10 + i) for i in range(4)])
    until(page, "(at) => document.querySelector(at)?.innerText === '9'", value)
    until(page, "() => document.querySelector('[data-value=processed]').innerText === '9'")
    assert page.evaluate("window.__mark") == 1 and welcome.count() == 0


def test_restart_under_an_open_page(make_service, open_page, complaints):
    complaints.allowed = BROKEN
    service = make_service(preset="device")
    service.post_events([device_event(i, device=i) for i in range(6)])
    page = open_page(service, reduced_motion="reduce")
    value = "[data-metric=daily_active_devices] .value"
    until(page, "(at) => document.querySelector(at)?.innerText === '6'", value)
    page.evaluate("window.__mark = 1")
    service.kill()
    page.wait_for_selector("[data-link=reconnecting]")
    assert page.locator("[role=status]").inner_text() == "Reconnecting…"
    assert page.evaluate("document.getAnimations().length") == 0
    service.start()
    page.wait_for_selector("[data-link=live]")
    service.post_events([device_event(20 + i, device=20 + i) for i in range(3)])
    until(page, "(at) => document.querySelector(at)?.innerText === '9'", value)
    until(page, "() => document.querySelector('[data-value=processed]').innerText === '9'")
    assert page.evaluate("window.__mark") == 1


def test_another_pipeline_after_a_restart(make_service, open_page, complaints, tmp_path):
    """Metrics of one's own, and a definition that is there only after the restart."""
    complaints.allowed = BROKEN
    file = tmp_path / "shop.yaml"
    text = """
schema:
  name: shop
  entity: person
  id: id
  time: happened
  columns:
    id:      {path: id}
    person:  {path: who}
    happened: {path: at, type: time_iso, required: true}
    action:  {path: did, required: true}
    country: {path: country}
    price:   {path: price, type: decimal}
metrics:
  orders:  {count: events, where: 'action == "order"', every: 1m}
  revenue: {sum: price, where: 'action == "order"', by: [country], every: 1h}
  countries: {count: events, by: [country], every: 1h, top: 5}
"""
    file.write_text(text, encoding="utf-8")
    service = make_service(file=file)
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    event = {"who": "ann", "at": now, "did": "order", "country": "<b>SE</b>", "price": 12.5}
    service.post_events([event | {"id": str(i)} for i in range(3)])
    page = open_page(service)
    until(page, "() => document.querySelector('[data-metric=revenue] .value')?.innerText === '37.5'")
    assert page.locator("[data-metric=countries] tbody th").inner_text() == "<b>SE</b>"
    assert page.locator("[data-metric=orders] .value").inner_text() == "3"
    service.stop()
    file.write_text(text + "  buyers: {distinct: person, every: 1d}\n", encoding="utf-8")
    service.start()
    until(page, "() => document.querySelector('[data-metric=buyers] .value')?.innerText === '1'")


# The address


def test_the_address_is_the_state(device, open_page):
    page = open_page(device)
    page.get_by_role("link", name="24h").click()
    page.get_by_role("link", name="Stability").click()
    assert page.url.endswith("/#/stability?range=24h")
    page.locator("#groups > summary").click()
    page.locator("#groups label", has_text="Android 14").locator("input").check()
    assert "g.os=Android+14" in page.url
    card = page.locator("[data-metric=memory_at_crash] .legend li")
    until(page, "() => document.querySelectorAll('[data-metric=memory_at_crash] .title').length === 1")
    assert page.locator("[data-metric=fatal_crashes] .notes").inner_text() == "not split by os"
    assert card.count() <= 1
    page.go_back()
    until(page, "() => document.querySelectorAll('.chip').length === 0")
    assert "g.os" not in page.url
    page.go_back()
    until(page, "() => document.querySelector('h1').innerText === 'Overview'")
    page.go_forward()
    page.go_forward()
    page.locator(".chip").wait_for()
    page.reload()
    page.locator(".chip").wait_for()
    assert page.locator("[aria-label=Range] [aria-current]").inner_text() == "24h"
    assert page.locator("h1").inner_text() == "Stability"


def test_a_fixed_range_and_back_to_now(device, open_page):
    page = open_page(device)
    page.get_by_role("button", name="Following").click()
    assert re.search(r"from=\d{4}-\d\d-\d\dT.*&to=", page.url)
    page.get_by_role("button", name="Earlier").click()
    earlier = page.url
    shared = open_page(device, earlier.split("/", 3)[3])
    assert shared.locator(".between input").first.input_value() == (
        page.locator(".between input").first.input_value()
    )
    page.get_by_role("button", name="Follow").click()
    assert "from=" not in page.url


def test_an_address_that_makes_no_sense(device, open_page):
    page = open_page(device, "#/nowhere?range=3y&from=x&to=&g.zzz=%E0%A4%A&pick.=1")
    assert page.locator("h1").inner_text() == "Overview"
    page = open_page(device, "#/metric/nonsense", is_new=True)
    page.get_by_text("There is no metric 'nonsense'").wait_for()


# Everybody


def test_keys(device, open_page):
    page = open_page(device)
    settled(page)  # a key for what is not there yet does nothing
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    for number, name in enumerate(NAMES, 1):
        page.keyboard.press(str(number))
        until(page, "(name) => document.querySelector('h1').innerText === name", name)
    page.keyboard.press("1")
    page.keyboard.press("+")
    assert "range=6h" in page.url
    page.keyboard.press("-")
    before = page.evaluate("document.documentElement.dataset.theme")
    page.keyboard.press("t")
    assert page.evaluate("document.documentElement.dataset.theme") != before
    page.locator("#groups").wait_for(state="attached")
    page.keyboard.press("g")
    page.locator("#groups[open]").wait_for()
    page.keyboard.press("Escape")
    until(page, "() => !document.querySelector('#groups').open")
    page.keyboard.press("?")
    dialog = page.locator("dialog[open]")
    dialog.wait_for()
    dialog.get_by_label("Listen to single keys").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    assert page.locator("h1").inner_text() == "Overview"


def test_keys_read_a_chart(device, open_page):
    page = open_page(device)
    settled(page)
    card = page.locator("[data-metric=daily_active_devices]")
    card.locator(".plot").focus()
    before = card.locator(".readout").inner_text()
    page.keyboard.press("Home")
    until(page, "(text) => !document.querySelector('[data-metric=daily_active_devices] .readout')"
                ".innerText.startsWith(text)", before[:6])
    assert card.locator(".readout").get_attribute("aria-live") == "polite"
    assert card.locator(".readout b").inner_text() != ""
    label = card.locator(".plot").get_attribute("aria-label")
    assert "newest" in label and "windows from" in label


def test_every_control_is_reached_by_tab(device, open_page):
    """And nothing holds the focus: the walk ends where it began."""
    page = open_page(device, "#/performance")
    settled(page)
    wanted = page.evaluate(
        """() => [...document.querySelectorAll(
             `a[href], button:not(:disabled), summary, [tabindex="0"]`
           )].filter((one) => one.checkVisibility()).length"""
    )
    seen = set()
    for _ in range(wanted + 5):
        page.keyboard.press("Tab")
        place = page.evaluate(
            """() => { const all = [...document.querySelectorAll('*')];
                 return all.indexOf(document.activeElement); }"""
        )
        if place in seen:
            break
        seen.add(place)
    assert len(seen) >= wanted, (len(seen), wanted)


@pytest.mark.parametrize("preset", ["device", "sunbird"])
def test_phone(preset, request, open_page):
    service = request.getfixturevalue(preset)
    page = open_page(service, size=(360, 740), has_touch=True, is_mobile=True)
    names = [metric["name"] for metric in metrics_of(service)]
    for address in [*PAGES, f"#/metric/{names[0]}"]:
        page.goto(f"{service.url}/{address}")
        page.wait_for_selector("main .card, main .tile, main .empty")
        settled(page) if address != "#/quality" else page.wait_for_selector("[data-reason]")
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 360, (address, width)


COUNTED = """
  window.asked = 0;
  const find = window.matchMedia.bind(window);
  const {get} = Object.getOwnPropertyDescriptor(MediaQueryList.prototype, "matches");
  window.matchMedia = (query) => Object.defineProperty(find(query), "matches", {
    get() { window.asked += query.includes("color-scheme"); return get.call(this); }
  });
"""


def test_what_draws_does_not_ask_the_system(device, open_page):
    """Who asks whether it is dark between the system's change and the event of it is answered, and
    the event does not come: the page would keep its colours."""
    page = open_page(device)
    page.add_init_script(COUNTED)
    page.reload()
    for address in PAGES:
        page.goto(f"{device.url}/{address}")
        page.wait_for_selector("main .card, main .tile, main .empty")
    assert page.evaluate("asked") == 1
    page.emulate_media(color_scheme="dark")
    until(page, "() => document.documentElement.dataset.theme === 'dark'")
    assert page.evaluate("asked") == 2


def violations(page, scheme):
    """What axe finds in this theme; beyond colours both themes are the same page."""
    page.emulate_media(color_scheme=scheme)
    until(page, "(scheme) => document.documentElement.dataset.theme === scheme", scheme)
    rules = ", runOnly: ['color-contrast', 'link-in-text-block']" if scheme == "dark" else ""
    found = page.evaluate(f"axe.run(document, {{resultTypes: ['violations']{rules}}})")
    return [(one["id"], one["nodes"][0]["html"][:200]) for one in found["violations"]]


@pytest.mark.parametrize("preset", ["device", "sunbird"])
def test_axe(preset, request, open_page):
    service = request.getfixturevalue(preset)
    page = open_page(service, bypass_csp=True)  # axe is no part of the page
    page.add_init_script(path=AXE)
    page.reload()
    metric = next(one["name"] for one in metrics_of(service) if one["by"])
    for address in [*PAGES, f"#/metric/{metric}"]:
        page.goto(f"{service.url}/{address}")
        page.wait_for_selector("main .card, main .tile, main .empty")
        settled(page) if address != "#/quality" else page.wait_for_selector("[data-reason]")
        if address == "":
            page.locator(".alternative > summary").first.click()
            page.locator("#groups > summary").click()
        for scheme in ("light", "dark"):
            assert violations(page, scheme) == [], (address, scheme)
    page.keyboard.press("?")
    page.locator("dialog[open]").wait_for()
    for scheme in ("light", "dark"):
        assert violations(page, scheme) == [], scheme


def test_policy(device, open_page, complaints):
    complaints.allowed = ["violates the following Content Security Policy directive"]
    reply = device.get("/")
    policy = dict(
        rule.strip().split(" ", 1) for rule in reply.headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'" and policy["frame-ancestors"] == "'none'"
    for name in ("script-src", "style-src", "connect-src", "img-src"):
        assert policy[name] == "'self'"
    assert policy["require-trusted-types-for"] == "'script'"
    page = open_page(device)
    refused = page.evaluate(
        """() => new Promise((resolve) => {
             document.addEventListener('securitypolicyviolation', (event) =>
               resolve(event.violatedDirective));
             document.body.insertAdjacentElement('beforeend', document.createElement('img')).src =
               'data:image/gif;base64,R0lGODlhAQABAAAAACw=';
           })"""
    )
    assert refused == "img-src"


# The picture of the README

PICTURED = "preset: device\nalerts: {slow_launch: off}\n"  # the mean of days with few events


def test_screenshot(make_service, open_page, tmp_path):
    """With TIDEMARK_SCREENSHOT=1 it goes into the README, and takes a minute or two."""
    is_kept = bool(os.environ.get("TIDEMARK_SCREENSHOT"))
    definitions = tmp_path / "pictured.yaml"
    definitions.write_text(PICTURED)
    service = make_service(file=definitions)
    lines = history("device", scale=8 if is_kept else 1)
    post(service, sorted(lines, key=lambda line: re.findall(rb'"timestamp": *"[^"]*', line)))
    command = [program(), "generate", "--preset", "device", "--rate", "20", "--seed", "5"]
    sender = subprocess.Popen([*command, "--to", service.url], stdout=subprocess.DEVNULL)
    try:
        page = open_page(service, size=(1360, 1000), scheme="dark")
        page.locator("canvas").nth(3).wait_for()
        settled(page)
        if is_kept:
            page.wait_for_timeout(45_000)  # so that the rate has a past,
            page.wait_for_timeout((50 - time.time() % 60) % 60 * 1000)  # and the minute some events
        picture = page.screenshot()
    finally:
        sender.kill()
        sender.wait()
    assert picture.startswith(b"\x89PNG") and len(picture) > 80_000  # a blank page has a tenth
    if is_kept:
        (ROOT / "docs/images/dashboard.png").write_bytes(picture)
