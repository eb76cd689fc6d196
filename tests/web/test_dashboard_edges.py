"""The dashboard where data, addresses and the service are not as one would like them: gaps, zones,
odd names, another pipeline under an open page, answers that come late. One service for all of them
that only look."""

import time
import urllib.parse

import pytest
from dashboard import RELEASE, Fixed, eventually, until

SCHEMA = """
schema:
  name: shop
  entity: person
  id: id
  time: happened
  clock: {max_age: 30d, max_ahead: 5m}
  columns:
    id:          {path: id}
    person:      {path: who}
    happened:    {path: at, type: time_iso, required: true}
    constructor: {path: team}
    price:       {path: price, type: decimal}
metrics:
"""
METRICS = """
  orders:     {count: events, by: [constructor], every: 1m}
  teams:      {count: events, by: [constructor], every: 1h, top: 2}
  mean_price: {mean: price, every: 1m}
  tokyo_days: {distinct: person, every: 1d, timezone: Asia/Tokyo}
  buyers:     {retention: {per: person, period: 1d, periods: 7}}
  prices:     {quantiles: [0.5, 0.9], of: price, by: [constructor], every: 1m}
"""
NAMES = ['a/b&c#d%e "q" ?=+', "<b>bold</b>", "", "(other)", "L" * 180]
MINUTE_S = 60
GAP = (20, 40)  # minutes ago: no event came


def iso(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def shop_event(number, at, **more):
    event = {"id": str(number), "who": f"p{number % 7}", "at": iso(at), "team": "red", "price": 5}
    return event | more


def shop_events(now):
    old = [shop_event(900 + day, now - day * 86400, who="old") for day in (12, 2, 1)]
    times = [now - minute * MINUTE_S for minute in range(50, 0, -1) if not GAP[0] <= minute < GAP[1]]
    events = [shop_event(i, at, price=i % 9) for i, at in enumerate(times)]
    odd = [shop_event(1000 + i, now - MINUTE_S, team=name) for i, name in enumerate(NAMES)]
    return old + events + odd


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    file = folder / "shop.yaml"
    file.write_text(SCHEMA + METRICS, encoding="utf-8")
    service = Fixed(folder / "service", file=file).start()
    service.post_events(shop_events(time.time()))
    yield service
    service.clean_up()


def table(page, name):
    return page.locator(f"[data-metric={name}] .alternative").first


def open_table(page, name):
    table(page, name).locator("> summary").click()
    table(page, name).locator("tbody tr").first.wait_for()  # it is made when it is opened


def rows_of(page, name):
    """Of the table that is open, the newest first."""
    rows = table(page, name).locator("tbody tr")
    return rows.evaluate_all("all => all.map((row) => [...row.cells].map((cell) => cell.innerText))")


def past_is_there(page, name):
    """With its table open."""

    def check():
        assert len(rows_of(page, name)) >= 48

    eventually(page, check)


def drawn(page, name):
    page.locator(f"[data-metric={name}] canvas").first.wait_for()


# Addresses


@pytest.mark.parametrize("name", ["__proto__", "toString", "constructor"])
def test_a_group_called_as_what_every_object_has(shop, open_page, name):
    page = open_page(shop, f"#/?g.{name}=red&pick.{name}=x")
    drawn(page, "orders")
    assert page.locator(".chip").inner_text().startswith(name)
    drawn(page, "mean_price")
    blind = page.locator("[data-metric=mean_price] .notes").inner_text()
    assert blind == f"not split by {name}"


def test_odd_names_go_into_the_address_and_come_back(shop, open_page):
    page = open_page(shop, "#/metric/orders", size=(360, 740))
    for name in NAMES:
        page.goto(f"{shop.url}/#/metric/orders?g.constructor={urllib.parse.quote_plus(name)}")
        page.reload()
        drawn(page, "orders")
        shown = name or "(empty)"
        assert page.locator(".chip").text_content().strip() == f"constructor {shown} ×"
        legend = page.locator("[data-metric=orders] .legend .label")
        until(page, "() => document.querySelectorAll('.legend .label').length === 1")
        assert legend.text_content() == shown
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, name


def test_a_typed_date_is_one_step_back(shop, open_page):
    page = open_page(shop)
    drawn(page, "orders")
    page.get_by_role("button", name="Following").click()
    before = page.evaluate("history.length")
    edge = page.locator(".between input").first
    for year in ("0002", "0020", "0202", "2026"):
        edge.fill(f"{year}-11-01T00:00:00")
        until(page, "(year) => location.hash.includes(`from=${year}`)", year)
    assert page.evaluate("history.length") == before


def test_what_has_not_been_is_not_zero(shop, open_page):
    now = time.time()
    span = f"from={iso(now - 1200)}&to={iso(now + 3600)}"
    page = open_page(shop, f"#/metric/orders?{span}")
    drawn(page, "orders")
    open_table(page, "orders")
    at = time.strftime("%H:%M", time.gmtime(now + MINUTE_S))

    def check():  # a status says how far the events are
        newest = rows_of(page, "orders")[0][0]
        assert newest.split(", ")[1] <= at, newest

    eventually(page, check)


def test_the_newest_event_may_be_the_first_of_its_window(make_service, open_page, tmp_path):
    file = tmp_path / "shop.yaml"
    file.write_text(SCHEMA + METRICS, encoding="utf-8")
    service = make_service(file=file)
    service.post_events([shop_event(1, time.time() // MINUTE_S * MINUTE_S)])
    page = open_page(service, "#/metric/orders")
    page.locator("[data-metric=orders] .readout").wait_for()
    page.get_by_role("button", name="Following").click()
    until(page, "() => location.hash.includes('to=')")
    assert page.locator("[data-metric=orders] .value").inner_text() == "1"


# Charts


def test_a_gap_is_a_gap(shop, open_page):
    page = open_page(shop, "#/metric/mean_price")
    drawn(page, "mean_price")
    open_table(page, "mean_price")
    past_is_there(page, "mean_price")
    values = [row[1] for row in rows_of(page, "mean_price")]
    assert values.count("–") == GAP[1] - GAP[0]
    assert values[0] != "–" and values[-1] != "–"


def test_a_day_is_called_as_in_its_zone(shop, open_page):
    page = open_page(shop, "#/metric/tokyo_days")
    drawn(page, "tokyo_days")
    cell = max(shop.get_json("/api/v1/metrics/tokyo_days")["cells"], key=lambda one: one["end"])
    day = time.strptime(cell["end"], "%Y-%m-%dT%H:%M:%SZ")  # 15:00 of the day in UTC
    name = f"{day.tm_mday} {time.strftime('%b', day)}"
    assert page.locator("[data-metric=tokyo_days] .readout span").inner_text() == name
    open_table(page, "tokyo_days")
    assert rows_of(page, "tokyo_days")[0][0] == name
    assert page.locator("article:has(#cells) tbody th").first.inner_text() == name


def test_days_without_a_cohort_are_no_weeks(shop, open_page):
    page = open_page(shop, "#/retention")
    page.locator("table.heat").wait_for()
    assert "in days after" in page.locator("[data-metric=buyers] .notes").inner_text()


SPOKEN = """
  window.spoken = [];
  const fillText = CanvasRenderingContext2D.prototype.fillText;
  CanvasRenderingContext2D.prototype.fillText = function (text, ...more) {
    window.spoken.push(text);
    return fillText.call(this, text, ...more);
  };
"""


def test_a_release_of_today_is_marked_in_daily_charts(device, open_page):
    """Also in the afternoon: a window is drawn at its start, and there the axis may end."""
    page = open_page(device)
    page.add_init_script(SPOKEN)
    page.goto(f"{device.url}/#/stability?range=15m")  # too short for charts of minutes to have it
    page.reload()
    page.locator(f"[data-release='{RELEASE}']").wait_for()
    page.wait_for_timeout(1500)  # all shorter windows have come, and said when it was
    page.evaluate("spoken.length = 0")
    page.keyboard.press("t")  # draws all anew
    until(page, "(text) => spoken.includes(text)", RELEASE)


def test_a_chart_made_anew_is_read_on(shop, open_page):
    page = open_page(shop, "#/metric/mean_price")
    drawn(page, "mean_price")
    open_table(page, "mean_price")
    past_is_there(page, "mean_price")
    page.locator(".plot").focus()
    page.keyboard.press("Home")
    read = "document.querySelector('.readout span').innerText"
    before = page.evaluate(read)
    page.keyboard.press("t")
    until(page, "() => document.documentElement.dataset.theme === 'dark'")
    page.keyboard.press("ArrowRight")
    until(page, f"(text) => {read} !== text", before)
    first = before.split("–")[1]
    assert page.evaluate(read).split(", ")[1].split("–")[0] == first


def test_the_table_of_the_largest_keeps_no_former_ones(make_service, open_page, tmp_path):
    file = tmp_path / "shop.yaml"
    file.write_text(SCHEMA + METRICS, encoding="utf-8")
    service = make_service(file=file)
    now = time.time()
    teams = ["a"] * 3 + ["b"] * 2 + ["c"]
    service.post_events([shop_event(i, now, team=team) for i, team in enumerate(teams)])
    page = open_page(service)
    names = "[...document.querySelectorAll('[data-metric=teams] tbody th')].map((one) => one.innerText)"
    until(page, f"() => {names}.join() === 'a,b'")
    teams = ["c"] * 9 + ["d"] * 8
    service.post_events([shop_event(100 + i, now, team=team) for i, team in enumerate(teams)])
    until(page, f"() => {names}.join() === 'c,d'")


# Time and order


def test_what_is_told_before_the_first_frame_is_drawn(shop, open_page):
    """A tab that is opened in the background has no frames, and its timers come late: here never."""
    page = open_page(shop)
    page.add_init_script(
        """
        window.requestAnimationFrame = () => 0;
        const later = window.setTimeout;
        window.setTimeout = (work, ms, ...more) =>
          later(work, ms > 20 && ms <= 100 ? 1e9 : ms, ...more);
        """
    )
    page.reload()
    page.locator("main .card").first.wait_for()


def test_an_answer_that_comes_late_is_not_the_newest(make_service, open_page, tmp_path):
    """A window is completed without another revision: that does not say which one is older."""
    file = tmp_path / "shop.yaml"
    file.write_text(SCHEMA + "  fives: {count: events, every: 5s}\n", encoding="utf-8")
    service = make_service(file=file)
    page = open_page(service, "#/metric/fives?range=15m", is_new=True)
    is_open = "document.querySelector('[data-metric=fives] .readout')?.innerText.includes('open')"
    held = held_back(page, service, is_open)
    until(page, f"() => {is_open} === false")
    held[0].fulfill(response=held[1])
    page.wait_for_timeout(500)
    assert page.evaluate(is_open) is False


def held_back(page, service, is_open):
    """An answer that says of the newest window that it is open. A machine may be so slow that it is
    over before it is asked for: then another one."""
    held = []
    page.route("**/api/v1/metrics/fives?*", lambda route: held.append((route, route.fetch())))

    def is_asked():
        assert held

    for number, span in enumerate(("1h", "6h", "24h", "7d")):
        service.post_events([shop_event(number, time.time())])
        until(page, f"() => {is_open} !== undefined")
        if page.evaluate(is_open):
            page.evaluate(f"location.hash = '#/metric/fives?range={span}'")
            eventually(page, is_asked)
            if not held[0][1].json()["cells"][-1]["complete"]:
                return held[0]
            route, reply = held.pop()
            route.fulfill(response=reply)
    raise AssertionError("no window was open when it was asked for")


def test_a_pipeline_without_what_the_page_follows(make_service, open_page, complaints, tmp_path):
    complaints.allowed = ["ERR_", "400"]
    file = tmp_path / "shop.yaml"
    file.write_text(SCHEMA + METRICS, encoding="utf-8")
    service = make_service(file=file)
    service.post_events([shop_event(i, time.time()) for i in range(3)])
    page = open_page(service, "#/metric/orders")
    page.reload()  # the stream carries this metric and no other
    drawn(page, "orders")
    service.stop()
    file.write_text(SCHEMA + "  sums: {sum: price, every: 1m}\n", encoding="utf-8")
    service.start()
    page.get_by_text("There is no metric 'orders'").wait_for()
    page.wait_for_selector("[data-link=live]")
    page.get_by_role("link", name="Overview").click()
    drawn(page, "sums")


def test_alerts_are_told_by_the_stream_alone(shop, open_page):
    """An answer to a question of its own might be older than what the stream has told."""
    asked = []
    page = open_page(shop)
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    drawn(page, "orders")
    assert not [url for url in asked if url.endswith("/api/v1/alerts")]


def test_quality_is_asked_one_at_a_time(shop, open_page):
    page = open_page(shop)
    drawn(page, "orders")
    open_now, most = [], []

    def slow(route):
        open_now.append(route)
        most.append(len(open_now))

    page.route("**/api/v1/quality", slow)
    page.goto(f"{shop.url}/#/quality")
    page.wait_for_timeout(7000)  # more than two turns
    assert max(most) == 1
    open_now[0].continue_()
    page.locator("[data-value=processed]").wait_for()


# Narrow


def test_the_page_that_is_shown_is_in_the_navigation(device, open_page):
    page = open_page(device, "#/quality", size=(320, 640))
    page.wait_for_selector("[data-reason]")
    box = page.locator("nav.pages [aria-current]").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 320, box
    first = page.locator(".histogram tbody tr").first
    share, count = (first.locator("td").nth(at) for at in (1, 2))
    ends = "(cell) => { const r = document.createRange(); r.selectNodeContents(cell);" \
           " const b = r.getBoundingClientRect(); return [b.left, b.right]; }"
    assert share.evaluate(ends)[1] + 6 <= count.evaluate(ends)[0]
