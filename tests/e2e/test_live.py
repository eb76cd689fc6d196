"""The live feed, the status and the quality of a real service, as a page and its user meet them."""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import threading
import time

import pytest
from harness import run_ok
from live import Listener, key_of
from service import Service, device_event, now_iso

PRESETS = ["device", "sunbird"]


def shown(service, metric):
    """The cells of a metric as the API has them."""
    return {key_of(cell): cell for cell in service.get_json(f"/api/v1/metrics/{metric}")["cells"]}


def value_of(cells, metric, **group):
    """The newest value of that metric and group; None if there is none."""
    found = [
        cell["value"]
        for (name, *_), cell in sorted(cells.items())
        if name == metric and group.items() <= cell["group"].items()
    ]
    return found[-1] if found else None


# Messages


def test_a_message_after_a_post(make_service):
    service = make_service(preset="device").start()
    with Listener(service.port) as listener:
        assert listener.status == 200
        assert listener.reply.getheader("Content-Type") == "text/event-stream"
        hello = listener.next()
        assert hello.event == "hello" and not hello.json["resumed"]
        status = listener.until_event("status").json
        assert status["instance"] == hello.json["instance"] and status["preset"] == "device"
        assert hello.id.startswith(hello.json["instance"] + "-")
        events = [device_event(i, device=i % 7) for i in range(100)]
        assert service.post_events(events).status == 200
        listener.until_cells(lambda cells: value_of(cells, "daily_active_devices") == 7)
        service.settle()
        listener.until(lambda m: m.event == "status" and m.json["ledger"]["processed"] == 100)
        listener.until_event("status")  # whatever was still to be told is told by now
        for metric in {name for name, *_ in listener.cells}:
            ours = {k: c for k, c in listener.cells.items() if k[0] == metric}
            assert ours == {k: c for k, c in shown(service, metric).items() if k in ours}
        assert value_of(listener.cells, "daily_events", event_type="app_open") == 100


def test_only_what_is_wanted(make_service):
    service = make_service(preset="device").start()
    events = [device_event(i, device=i, kind="feature_used", feature_name=f"f{i % 9}") for i in range(90)]
    events += [device_event(f"more{i}", device=i, kind="feature_used", feature_name="f3") for i in range(5)]
    at = {"timestamp": now_iso()}  # all are of one window
    events = [event | at for event in events]
    assert service.post_events(events).status == 200
    service.settle()
    with Listener(service.port, "?metrics=feature_usage&windows=1&groups=2") as listener:
        listener.until_event("cells")
        listener.until_event("status")
        assert {key[0] for key in listener.cells} == {"feature_usage"}
        assert len({key[1] for key in listener.cells}) == 1
        assert len(listener.cells) == 2
        assert value_of(listener.cells, "feature_usage", feature_name="f3") is not None


def test_resumed_without_a_gap(make_service):
    """A hundred posts, while a listener comes and goes: at the end he has what the API has."""
    service = make_service(preset="device").start()
    with Listener(service.port) as listener:
        listener.until_event("status")
    client = service.client()
    cells, resumed = {}, 0
    for i in range(100):
        group = f"f{i % 10}"
        event = device_event(f"post{i}", device=i % 10, kind="feature_used", feature_name=group)
        assert client.post_events([event]).status == 200
        if i % 4 != 3:
            continue  # nobody listens
        last_id = listener.last_id
        listener = Listener(service.port, last_id=last_id)
        listener.cells = cells
        hello = listener.next()
        assert hello.event == "hello" and hello.json["resumed"] == (i > 3), i
        resumed += hello.json["resumed"]
        listener.until_cells(lambda c: (value_of(c, "daily_active_devices") or 0) >= min(i + 1, 10))
        if i % 8 == 3:  # behind what is told, else in the middle of it
            listener.until(
                lambda m, n=i + 1: m.event == "status" and m.json["ledger"]["processed"] >= n
            )
        cells = listener.cells
        listener.close()
    assert resumed == 24
    service.settle()
    with Listener(service.port, last_id=listener.last_id) as last:
        last.cells = cells
        assert last.next().json["resumed"]
        last.until(lambda m: m.event == "status" and m.json["ledger"]["processed"] == 100)
        last.until_event("status")
        for metric in ("feature_usage", "daily_active_devices", "active_devices", "daily_events"):
            expected = shown(service, metric)
            assert expected and {k: c for k, c in last.cells.items() if k[0] == metric} == expected
    client.close()


def test_a_restart_is_another_instance(make_service):
    service = make_service(preset="device").start()
    assert service.post_events([device_event(i, device=i) for i in range(5)]).status == 200
    with Listener(service.port) as listener:
        listener.until_cells(lambda cells: value_of(cells, "daily_active_devices") == 5)
        first, last_id = listener.messages[0].json["instance"], listener.last_id
    assert service.stop() == 0
    service.start()
    with Listener(service.port, last_id=last_id) as listener:
        hello = listener.next().json
        assert not hello["resumed"] and hello["instance"] != first
        listener.until_cells(lambda cells: value_of(cells, "daily_active_devices") == 5)
    assert service.get_json("/api/v1/status")["instance"] == hello["instance"]


# The end of a stream


def test_goodbye(make_service):
    service = make_service(preset="device").start()
    with Listener(service.port) as listener:
        listener.until_event("status")
        service.process.send_signal(signal.SIGTERM)
        listener.until_event("bye")
        assert listener.next() is None
    assert service.exited() == 0


def test_so_many_and_no_more(make_service):
    service = make_service(preset="device", settings=["serve.live.listeners_max=2"]).start()
    with Listener(service.port) as first, Listener(service.port) as second:
        first.until_event("status")
        second.until_event("status")
        reply = service.get("/api/v1/live")
        assert reply.status == 503 and int(reply.headers["Retry-After"]) > 0
        assert "too many listen" in reply.json["detail"]
        assert service.get("/api/v1/status").status == 200  # others are served
    deadline = time.monotonic() + 60
    while (listener := Listener(service.port)).status == 503:  # until it is noticed
        assert time.monotonic() < deadline
        time.sleep(0.05)
    listener.until_event("status")
    listener.close()


def test_a_reader_that_does_not_read_is_cut(make_service):
    """Its place is free again, and what others are told is not held up."""
    service = make_service(preset="device", settings=["serve.live.listeners_max=2"]).start()
    sleeper = socket.socket()
    sleeper.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sleeper.connect(("127.0.0.1", service.port))
    sleeper.sendall(b"GET /api/v1/live?groups=200 HTTP/1.1\r\nHost: a\r\n\r\n")
    done = threading.Event()

    def post():
        n = 0
        with contextlib.closing(service.client()) as client:
            while not done.is_set():
                events = [
                    device_event(f"{n}-{i}", device=i, kind="feature_used", feature_name=f"f{i}")
                    for i in range(200)
                ]
                assert client.post_events(events).status == 200
                n += 1
                time.sleep(0.05)

    poster = threading.Thread(target=post, daemon=True)
    poster.start()
    with Listener(service.port, "?metrics=daily_events") as reader:
        reader.until_event("status")
        deadline = time.monotonic() + 180
        while (third := Listener(service.port)).status == 503:
            third.close()
            reader.until_event("cells")  # it goes on
            assert time.monotonic() < deadline, "the sleeper was not cut"
        third.until_event("status")
        third.close()
    done.set()
    poster.join()
    sleeper.settimeout(60)
    with contextlib.suppress(ConnectionResetError):
        while sleeper.recv(1 << 16):  # what was sent before, then the end
            pass
    sleeper.close()


# The status


def test_status(make_service):
    service = make_service(preset="device").start()
    assert service.post_events([device_event(i, device=i % 3) for i in range(50)]).status == 200
    service.barrier()
    status = service.get_json("/api/v1/status")
    ledger = service.get_json("/api/v1/ledger")["ledger"]
    assert status["ledger"] == {
        "received": ledger["verdicts"],
        "processed": ledger["processed"],
        "duplicate": ledger["duplicate"],
        "rejected": sum(ledger["rejected"].values()),
        "late": ledger["late_hot"] + ledger["late_cold"],
    }
    assert status["active"]["metric"] == "active_devices" and status["active"]["summed"]
    assert status["active"]["value"] == 3
    assert 0 <= status["freshness"]["newest_event_age_s"] < 60
    assert 0 <= status["freshness"]["lake_age_s"] < 60
    with Listener(service.port) as listener:
        told = listener.until_event("status").json
        assert set(told) == set(status) and told["ledger"] == status["ledger"]
        again = listener.until_event("status").json  # the second of the stream has a rate
        assert again["events_per_second"] is not None


def test_an_idle_service_is_idle(make_service):
    """With a listener: few wakeups (50 a second as this is written), and no loop that does not wait.
    How much time it takes is the machine's."""
    service = make_service(preset="device").start()
    assert service.post_events([device_event(i, device=i) for i in range(100)]).status == 200
    service.barrier()

    def cpu():
        with open(f"/proc/{service.process.pid}/stat", encoding="utf-8") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def wakeups():
        tasks = pathlib.Path(f"/proc/{service.process.pid}/task").glob("*/status")
        texts = [task.read_text(encoding="utf-8") for task in tasks]
        return sum(int(re.search(r"\nvoluntary_ctxt_switches:\s+(\d+)", t)[1]) for t in texts)

    with Listener(service.port) as listener:
        listener.until_event("status")
        begun, woken, used = time.monotonic(), wakeups(), cpu()
        for _ in range(8):
            listener.until_event("status")
        assert wakeups() - woken < 150 * (time.monotonic() - begun)
        assert cpu() - used < 4  # of 8 s
        assert not [m for m in listener.messages[-8:] if m.event == "cells"]


# Quality


def test_quality_is_the_ledger(make_service):
    service = make_service(preset="device").start()
    good = [device_event(i, device=i % 5) for i in range(40)]
    late = device_event("late", device=1) | {"timestamp": now_iso(-30 * 86400)}
    old = device_event("old") | {"timestamp": "2001-01-01T00:00:00Z"}
    ahead = device_event("ahead") | {"timestamp": "2090-01-01T00:00:00Z"}
    no_type = {k: v for k, v in device_event("x").items() if k != "event_type"}
    lines = [json.dumps(e).encode() for e in [*good, good[0], late, old, ahead, no_type]]
    lines += [b"not json %d" % i for i in range(7)] + [b'"caf\xe9"', b"[]"]
    assert service.post_events(b"\n".join(lines) + b"\n").status == 200
    service.barrier()
    quality = service.get_json("/api/v1/quality")
    ledger = service.get_json("/api/v1/ledger")["ledger"]
    assert {r["reason"]: r["count"] for r in quality["rejected"]} == ledger["rejected"]
    assert quality["duplicates"]["count"] == ledger["duplicate"] == 1
    assert quality["late"]["count"] == ledger["late_hot"] + ledger["late_cold"]
    counts = {name: sum(b["count"] for b in quality[name]["buckets"]) for name in ("lateness", "skew")}
    of_time = ledger["rejected"].get("clock_ahead", 0) + ledger["rejected"].get("too_old", 0)
    assert of_time == 2
    assert counts == {"lateness": ledger["processed"], "skew": ledger["processed"] + of_time}
    assert quality["skew"]["buckets"][-1] == {"le": None, "count": 1}  # decades ahead
    samples = {r["reason"]: r["samples"] for r in quality["rejected"]}
    assert len(samples["json_invalid"]) == 5
    assert samples["json_invalid"][0]["bytes"].startswith("not json")
    assert "caf\ufffd" in samples["utf8_invalid"][0]["bytes"]
    assert samples["missing"][0]["pointer"] == "/event_type"
    assert service.stop() == 0
    service.start()
    service.settle()
    assert service.get_json("/api/v1/quality") == quality  # read from the log again


# What a chart is told before


@pytest.mark.parametrize("preset", PRESETS)
def test_the_shape_of_cells(tmp_path, preset):
    """The numbers that the list of metrics promises are those of its cells, in their order."""
    service = Service(tmp_path, preset=preset).start()
    try:
        run_ok("generate", "--preset", preset, "--count", "3000", "--rate", "0", "--to", service.url)
        service.settle()
        common = {"metric", "start", "end", "cohort", "group", "definition"}
        checked = 0
        for metric in service.get_json("/api/v1/metrics")["metrics"]:
            cells = list(shown(service, metric["name"]).values())
            for cell in cells[:50]:
                names = [name for name in cell if name not in common]
                wanted = [value["name"] for value in metric["values"]]
                assert names[: len(wanted)] == wanted, metric
                for value in metric["values"]:
                    kinds = {"integer": int, "number": (int, float), "object": dict, "array": list}
                    found = cell[value["name"]]
                    assert found is None or isinstance(found, kinds[value["type"]]), (metric, cell)
                if "quantiles" in metric:
                    assert list(cell["quantiles"]) == metric["quantiles"]
                if metric["kind"] == "funnel":
                    assert [step["name"] for step in cell["steps"]] == metric["steps"]
                if metric["kind"] == "retention":
                    assert len(cell["retained"]) == metric["periods"] + 1
                checked += 1
        assert checked > 20
    finally:
        service.clean_up()
