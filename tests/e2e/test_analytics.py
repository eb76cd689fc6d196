"""The reference platform's endpoints give the oracle's numbers, whatever is filtered.

One service has a week of device events; each question goes through all its pages, and what comes is
compared with the cells of the oracle that the filters, applied here, leave.
"""

import datetime
import json
from types import SimpleNamespace
from urllib.parse import urlencode

import pytest
import yaml
from device_week import move_to_last_week
from harness import PRESETS, cells_of, differences, ledger_of, oracle
from service import Service

DAY = datetime.timedelta(days=1)
PROBLEM = "application/problem+json"
COLUMNS = {"feature": "feature_name"}  # a filter is named like its column, but for this one
USAGE = ["usage_trends", "regional_trends", "regional_events", "daily_active_devices"]
USAGE += ["monthly_active_devices", "stickiness", "daily_events", "sessions"]
CRASHES = ["crashes", "fatal_crashes", "crashed_devices", "crash_rate", "repeat_crashers"]
CRASHES += ["memory_at_crash"]
ADOPTION = ["feature_adoption", "feature_devices", "feature_ranking", "feature_time"]


@pytest.fixture(scope="module")
def week(tmp_path_factory):
    """A service with the events, the oracle's cells of them, and the days that they are of."""
    folder = tmp_path_factory.mktemp("week")
    first, last = move_to_last_week(folder / "events.ndjson")
    oracle(PRESETS / "device.yaml", folder / "events.ndjson", folder / "expected")
    service = Service(folder / "service", preset="device").start()
    reply = service.post_events((folder / "events.ndjson").read_bytes())
    ledger = ledger_of(folder / "expected")
    assert (reply.status, reply.json["rejected"]) == (200, sum(ledger["rejected"].values())), reply
    service.settle()
    yield SimpleNamespace(
        service=service,
        folder=folder,
        expected=cells_of(folder / "expected"),
        processed=ledger["processed"],
        first=first,
        last=last,
    )
    service.clean_up()


def day_of(time):
    return time.strftime("%Y-%m-%d")


def ask(week, endpoint, limit=None, **query):
    """All pages of an answer as one."""
    cells, offset, pages = [], 0, 0
    while offset is not None:
        words = query | ({"limit": limit, "offset": offset} if limit else {})
        answer = week.service.get_json(f"/metrics/{endpoint}?" + urlencode(words))
        assert answer["endpoint"] == endpoint and answer["offset"] == offset
        assert len(answer["cells"]) <= answer["limit"]
        cells += answer["cells"]
        offset, pages = answer["next_offset"], pages + 1
    assert len(cells) == answer["total"]
    return answer | {"cells": cells, "pages": pages}


# What the oracle's cells must be filtered by


def start_of(cell):
    text = cell["cohort"] + "T00:00:00Z" if "cohort" in cell else cell["start"]
    return datetime.datetime.fromisoformat(text)


def step_of(cell):
    """Where the cell's window, or the last step of a sliding one, begins: the presets slide by days."""
    start = start_of(cell)
    if "end" not in cell:
        return start
    end = datetime.datetime.fromisoformat(cell["end"])
    return max(start, end - DAY)


def chosen(cells, metrics, filters, start=None, end=None):
    return [
        cell
        for cell in cells
        if cell["metric"] in metrics
        and all(cell["group"].get(COLUMNS.get(k, k)) == v for k, v in filters.items())
        and (start is None or step_of(cell) >= start)
        and (end is None or step_of(cell) < end)
    ]


def check(week, expected, answer):
    """Cells equal to the oracle's, each telling how far it can be trusted."""
    assert expected, "the question has no answer: the test would compare nothing"
    paths = week.folder / "want", week.folder / "got"
    for path, cells in zip(paths, (expected, answer["cells"])):
        path.write_text("".join(json.dumps(cell) + "\n" for cell in cells), encoding="utf-8")
    found = differences(*paths, "--no-ledger")
    assert not found, found
    for cell in answer["cells"]:
        assert cell["generation"] == "speed" and cell["exact"] in (True, False)
        assert cell["complete"] in (True, False) and len(cell["definition"]) == 32
        assert cell["exact"] or cell["error"] == 0.01


# Questions


@pytest.mark.parametrize(
    "endpoint, filters, metrics",
    [
        ("usage", {}, USAGE),
        ("usage", {"region": "us-east"}, ["regional_trends", "regional_events"]),
        ("usage", {"device_type": "mobile"}, ["usage_trends", "sessions"]),
        ("usage", {"app_version": "2.4.0"}, ["usage_trends"]),
        ("usage", {"device_type": "mobile", "app_version": "2.4.0"}, ["usage_trends"]),
        ("usage", {"region": "us-east", "device_type": "tablet"}, ["active_devices"]),
        ("crashes", {}, CRASHES),
        ("crashes", {"os": "iOS 17"}, ["crashes", "memory_at_crash"]),
        (
            "crashes",
            {"app_version": "2.4.0"},
            ["crashes", "fatal_crashes", "crashed_devices", "crash_rate"],
        ),
        ("crashes", {"os": "iOS 17", "app_version": "2.3.0"}, ["crashes"]),
        ("adoption", {}, [*ADOPTION, "weekly_retention"]),
        ("adoption", {"feature": "camera"}, ADOPTION),
        ("performance", {}, ["performance", "launch_time"]),
        ("performance", {"os": "Windows 11"}, ["performance"]),
        ("performance", {"device_type": "desktop"}, ["performance"]),
        ("performance", {"app_version": "2.4.1"}, ["performance", "launch_time"]),
        (
            "performance",
            {"device_type": "tablet", "os": "Windows 11", "app_version": "2.4.0"},
            ["performance"],
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else None,
)
def test_filters(week, endpoint, filters, metrics):
    answer = ask(week, endpoint, limit=10000, **filters)
    assert answer["metrics"] == metrics and answer["filters"] == filters
    check(week, chosen(week.expected, metrics, filters), answer)


@pytest.mark.parametrize("endpoint", ["usage", "crashes", "adoption", "performance"])
def test_dates(week, endpoint):
    """Three days, both included; the same as instants; and the part of both."""
    start = week.first.replace(hour=0, minute=0, second=0, microsecond=0) + 2 * DAY
    end = start + 3 * DAY
    by_date = ask(week, endpoint, limit=10000, start_date=day_of(start), end_date=day_of(end - DAY))
    assert (by_date["from"], by_date["to"]) == tuple(
        t.strftime("%Y-%m-%dT%H:%M:%SZ") for t in (start, end)
    )
    check(week, chosen(week.expected, by_date["metrics"], {}, start, end), by_date)
    by_time = ask(week, endpoint, limit=10000, **{"from": start.isoformat(), "to": end.isoformat()})
    assert by_time["cells"] == by_date["cells"]
    both = {"start_date": day_of(start), "end_date": day_of(end + 9 * DAY)}
    both |= {"from": day_of(start - DAY), "to": end.isoformat()}
    assert ask(week, endpoint, limit=10000, **both)["cells"] == by_date["cells"]
    some = ask(week, endpoint, limit=10000, start_date=day_of(start))
    check(week, chosen(week.expected, some["metrics"], {}, start), some)


@pytest.mark.parametrize("limit", [1, 7, 50])
def test_pages(week, limit):
    whole = ask(week, "crashes", os="iOS 17")
    assert whole["limit"] == 1000 and whole["pages"] == 1
    paged = ask(week, "crashes", limit=limit, os="iOS 17")
    assert paged["cells"] == whole["cells"]
    assert paged["pages"] == -(-whole["total"] // limit)
    beyond = week.service.get_json("/metrics/crashes?offset=1000000")
    assert (beyond["cells"], beyond["next_offset"]) == ([], None) and beyond["total"] > 0


def test_one_metric(week):
    answer = ask(week, "usage", metric="stickiness")
    check(week, chosen(week.expected, ["stickiness"], {}), answer)
    spare = ask(week, "crashes", metric="error_spikes", os="iOS 17", limit=10000)
    check(week, chosen(week.expected, ["error_spikes"], {"os": "iOS 17"}), spare)


LIVE = ["active_devices", "error_spikes", "crashed_devices_30s", "feature_usage"]


@pytest.mark.parametrize(
    "filters, metrics",
    [
        ({}, LIVE),
        ({"region": "us-east"}, LIVE[:1]),
        ({"device_type": "mobile"}, LIVE[:1]),
        ({"os": "iOS 17"}, LIVE[1:3]),
        ({"app_version": "2.4.0"}, LIVE[1:3]),
        ({"feature": "camera"}, LIVE[3:]),
    ],
    ids=lambda value: " ".join(value) or "none" if isinstance(value, dict) else None,
)
def test_realtime(week, filters, metrics):
    """An hour in the night of the first day, when there is most to see."""
    at = week.first.replace(hour=1, minute=30, second=0, microsecond=0) + DAY
    query = filters | {"at": at.isoformat(), "minutes": 60}
    answer = week.service.get_json("/metrics/realtime?" + urlencode(query))
    start = at - datetime.timedelta(hours=1)
    cells = [
        cell
        for cell in chosen(week.expected, metrics, filters)
        if start <= start_of(cell) <= at
    ]
    check(week, cells, answer)
    sums = {"crashes": "error_spikes", "feature_uses": "feature_usage"}
    for key, metric in sums.items():
        told = answer[key]
        assert (told is None) == (metric not in metrics)
        if told:
            assert told["value"] == sum(c["value"] for c in cells if c["metric"] == metric)
            assert (told["metric"], told["complete"]) == (metric, True)
    active = [cell for cell in cells if cell["metric"] == "active_devices"]
    if active:
        newest = [c for c in active if c["start"] == max(c["start"] for c in active)]
        told = answer["active"]
        assert (told["start"], told["end"]) == (newest[0]["start"], newest[0]["end"])
        assert told["value"] == sum(c["value"] for c in newest) and told["groups"] == len(newest)
    else:
        assert answer["active"] is None
    assert answer["engine"]["processed"] == week.processed and answer["engine"]["caught_up"] is True


def test_realtime_now(make_service):
    """Events of this moment are there at once, and the second question knows what came between."""
    from service import device_event

    service = make_service(preset="device").start()
    assert service.get_json("/metrics/realtime")["engine"]["recent"] is None
    service.post_events(
        [device_event(i, device=i % 4) for i in range(10)]
        + [device_event(10 + i, device=i, kind="crash_event") for i in range(3)]
    )
    service.settle()
    answer = service.get_json("/metrics/realtime")
    assert sum(c["value"] for c in answer["cells"] if c["metric"] == "active_devices") >= 4
    assert (answer["crashes"]["value"], answer["engine"]["recent"]["events"]) == (3, 13)
    assert service.get("/metrics").body.startswith(b"# HELP ")


# Refusals


@pytest.mark.parametrize(
    "path, words",
    [
        ("crashes?region=us-east", ["/metrics/crashes", "region", "regional_trends"]),
        ("usage?os=x", ["grouped by os", "error_spikes", "performance"]),
        ("adoption?feature=a&region=b", ["region and feature_name", "no other is"]),
        ("realtime?os=a&region=b", ["/metrics/realtime", "region and os"]),
        ("usage?metric=crashes", ["'crashes' is no metric of /metrics/usage"]),
        ("usage?metric=stickyness", ["did you mean 'stickiness'?"]),
        ("usage?metric=sessions&region=x", ["grouped by region"]),
        ("usage?start_date=2026-03-02&end_date=2026-03-01", ["the end is before the start"]),
        ("usage?from=2026-03-02&to=2026-03-01", ["the end is before the start"]),
        ("usage?from=2026-03-03&end_date=2026-03-01", ["the end is before the start"]),
        ("usage?start_date=2026-03-02T00:00:00Z", ["not a date"]),
        ("usage?end_date=2026-02-30", ["not a date"]),
        ("usage?limit=0", ["limit '0'", "from 1 to 10000"]),
        ("usage?limit=10001", ["from 1 to 10000"]),
        ("usage?offset=-1", ["offset '-1'"]),
        ("usage?regoin=x", ["did you mean 'region'?"]),
        ("usage?region=a&region=b", ["stands twice"]),
        ("usage?minutes=5", ["unknown parameter 'minutes'"]),
        ("realtime?minutes=61", ["from 1 to 60"]),
        ("realtime?at=now", ["neither a date"]),
    ],
)
def test_refusals(week, path, words):
    reply = week.service.get(f"/metrics/{path}")
    assert (reply.status, reply.headers["Content-Type"]) == (400, PROBLEM), reply
    assert all(word in reply.json["detail"] for word in words), reply.json["detail"]


def test_another_schema_has_none_of_them(make_service):
    """Metrics go by their names: of the usage there are two that the clickstream has too."""
    service = make_service(preset="sunbird").start()
    assert service.get_json("/metrics/usage")["metrics"] == ["stickiness", "sessions"]
    assert service.get("/metrics/usage?region=x").status == 400
    for name in ("crashes", "adoption", "performance", "realtime"):
        reply = service.get(f"/metrics/{name}")
        assert (reply.status, reply.headers["Content-Type"]) == (404, PROBLEM)
        assert "device preset" in reply.json["detail"] and "/api/v1/metrics" in reply.json["detail"]
    assert service.get("/metrics").status == 200


def test_what_is_answered_follows_the_definitions(make_service, tmp_path):
    """A metric that is replaced by one with other groups takes other filters."""
    spec = yaml.safe_load((PRESETS / "device.yaml").read_text(encoding="utf-8"))
    crashes = spec["metrics"]["crashes"] | {"by": ["region"]}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"preset": "device", "metrics": {"crashes": crashes}}))
    service = make_service(file=path).start()
    answer = service.get_json("/metrics/crashes?region=us-east")
    assert answer["metrics"] == ["crashes"]
