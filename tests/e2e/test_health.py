"""Goal: `tidemark health` says of every part whether it is up, in a table and in lines, and its exit
code says it too; nothing that hangs, lies or is missing holds it up. Method: a running service, and
small servers that answer as Prometheus, Grafana, Spark and a NameNode do, well or badly."""

import contextlib
import http.server
import json
import socket
import threading
import time

import pytest
from harness import tidemark
from service import device_event

SLOW_S = 20  # far beyond every timeout that is asked for here
ANY_DISK = ("--disk-free", "0")  # of the machine the tests run on


def health(*arguments, **options):
    """Exit code, and the rows by part and name."""
    done = tidemark("health", "--format", "ndjson", *arguments, **options)
    rows = [json.loads(line) for line in done.stdout.decode().splitlines()]
    return done.returncode, {(row["part"], row.get("name", "")): row for row in rows}


def part(rows, name):
    return rows[name, ""]


@contextlib.contextmanager
def server(answers):
    """A server that answers GET of a path's beginning with (status, JSON or text); else 404."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            found = [path for path in answers if self.path.startswith(path)]
            status, body = answers[max(found, key=len)] if found else (404, {})
            data = (body if isinstance(body, str) else json.dumps(body)).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running.server_address[1]
        running.shutdown()
        thread.join()


@pytest.fixture
def closed_port():
    """Bound, and nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.fixture
def silent_port():
    """Takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def with_url(name, url):
    return ("--set", f"health.urls.{name}={url}")


def test_a_running_service_is_up(make_service):
    service = make_service(preset="device", settings=["process.checkpoint=100ms"]).start()
    service.post_events([device_event(i) for i in range(50)])
    service.barrier()
    code, rows = health("--server", service.url, *ANY_DISK)
    assert code == 0, rows
    assert list(rows) == [("service", ""), ("log", ""), ("lake", ""), ("batch", "")]
    assert all(row["state"] == "up" for key, row in rows.items() if key[0] != "batch"), rows
    me = part(rows, "service")
    assert me["where"] == service.url and me["version"] == "0.1.0"
    assert me["lag"] == 0 and me["alerts_firing"] == 0
    assert 0 <= me["uptime_s"] < 300 and 0 <= me["checkpoint_age_s"] < 300
    assert part(rows, "log")["log_bytes"] > 0 and part(rows, "log")["free_bytes"] > 0
    assert 0 <= part(rows, "lake")["newest_epoch_age_s"] < 300
    assert part(rows, "batch") == {"part": "batch", "state": "idle", "why": "no batch has run"}
    # With its configuration the lake is looked at too.
    where = ["--preset", "device", "--data", service.place, *ANY_DISK]
    code, rows = health("--server", service.url, *where)
    assert code == 0, rows
    assert 0 <= part(rows, "lake")["newest_commit_age_s"] < 300
    assert part(rows, "lake")["where"] == f"file:{service.place}/lake"
    # Which is there as well when the service is not.
    service.stop()
    code, rows = health("--server", service.url, *where)
    assert code == 7
    assert part(rows, "service")["state"] == "down" and part(rows, "lake")["state"] == "up"


def test_a_batch_is_told_of(make_service):
    service = make_service(preset="device").start()
    service.post_events([device_event(i) for i in range(10)])
    service.barrier()
    done = tidemark("batch", "--preset", "device", "--data", service.place)
    assert done.returncode == 0, done.stderr
    code, rows = health("--server", service.url, "--part", "batch")
    assert code == 0 and list(rows) == [("batch", "")]
    assert part(rows, "batch")["state"] == "up"
    assert 0 <= part(rows, "batch")["last_run_age_s"] < 300


def test_a_table_for_people(make_service):
    service = make_service(preset="device").start()
    done = tidemark("health", "--server", service.url, "--format", "table", *ANY_DISK)
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 0
    assert lines[0].split() == "part state lag disk where what it says".split()
    assert [line.split()[0] for line in lines[1:]] == ["service", "log", "lake", "batch"]
    assert lines[1].split()[1] == "up" and "version 0.1.0" in lines[1]


def test_nothing_answers(closed_port):
    code, rows = health("--server", f"http://127.0.0.1:{closed_port}")
    assert code == 4 and list(rows) == [("service", "")]
    assert part(rows, "service")["state"] == "down"
    assert str(closed_port) in part(rows, "service")["why"]


def test_what_hangs_does_not_hold_it_up(silent_port):
    here = f"http://127.0.0.1:{silent_port}"
    start = time.monotonic()
    code, rows = health(
        *("--server", here, "--preset", "device", "--timeout", "1"),
        *("--set", f"lake.url=hdfs://127.0.0.1:{silent_port}/lake"),
        *("--set", f"log.kafka.brokers=127.0.0.1:{silent_port}"),
        *with_url("prometheus", here),
        *with_url("grafana", here),
        *with_url("spark", here),
    )
    assert time.monotonic() - start < SLOW_S
    assert code == 4
    assert sorted(key[0] for key in rows) == sorted(
        ["service", "log", "lake", "prometheus", "grafana", "spark"]
    )
    assert all(row["state"] == "down" and row["why"] for row in rows.values())


def test_something_else_answers():
    with server({"/": (200, ["no Tidemark"])}) as port:
        code, rows = health("--server", f"http://127.0.0.1:{port}")
    assert code == 4 and "no Tidemark" in part(rows, "service")["why"]


def test_a_service_that_starts_is_degraded():
    answers = {
        "/ready": (503, {"status": "starting", "caught_up": False, "records_behind": 7}),
        "/metrics": (200, {}),
    }
    with server(answers) as port:
        code, rows = health("--server", f"http://127.0.0.1:{port}", "--part", "service")
    assert code == 7
    assert part(rows, "service")["state"] == "degraded"
    assert part(rows, "service")["why"] == "not ready: starting"


def test_an_engine_that_does_not_answer_is_down():
    answers = {"/ready": (200, {"status": "ready"}), "/metrics": (503, {})}
    with server(answers) as port:
        code, rows = health("--server", f"http://127.0.0.1:{port}")
    assert code == 4 and part(rows, "service")["state"] == "down"


SPARK = {"status": "ALIVE", "aliveworkers": 2, "cores": 4, "coresused": 1, "activeapps": [{}]}


@pytest.mark.parametrize(
    "name, answers, state, facts",
    [
        ("prometheus", {"/-/ready": (200, {})}, "up", {}),
        ("prometheus", {"/-/ready": (503, {})}, "down", {}),
        (
            "grafana",
            {"/api/health": (200, {"database": "ok", "version": "11"})},
            "up",
            {"version": "11"},
        ),
        ("grafana", {"/api/health": (200, {"database": "failing"})}, "degraded", {}),
        ("spark", {"/json/": (200, SPARK)}, "up", {"workers": 2, "cores": 4, "applications": 1}),
        ("spark", {"/json/": (200, SPARK | {"aliveworkers": 0})}, "degraded", {"workers": 0}),
        ("spark", {"/json/": (200, SPARK | {"status": "STANDBY"})}, "degraded", {}),
        ("spark", {"/json/": (200, {})}, "down", {}),
        ("anything", {"/": (200, {})}, "up", {}),
        ("anything", {"/": (500, {})}, "down", {}),
    ],
)
def test_places_around(name, answers, state, facts):
    with server(answers) as port:
        url = with_url(name, f"http://127.0.0.1:{port}/")
        code, rows = health("--preset", "device", "--part", name, *url)
    row = part(rows, name)
    assert row["state"] == state, row
    assert facts.items() <= row.items()
    assert code == {"up": 0, "degraded": 7, "down": 4}[state]


def test_a_master_of_spark(silent_port, closed_port):
    for ports, state in (((silent_port,), "up"), ((closed_port, silent_port), "up")):
        master = "spark://" + ",".join(f"127.0.0.1:{port}" for port in ports)
        asked = ["--preset", "device", "--part", "spark", "--set", f"batch.spark.master={master}"]
        code, rows = health(*asked)
        assert part(rows, "spark") == {"part": "spark", "state": state, "where": master}
        assert code == 0
    # Its page says more, and is asked instead.
    with server({"/json/": (200, SPARK)}) as port:
        code, rows = health(*asked, *with_url("spark", f"http://127.0.0.1:{port}"))
    assert code == 0 and part(rows, "spark")["workers"] == 2 and len(rows) == 1
    code, rows = health(*asked[:-1], f"batch.spark.master=spark://127.0.0.1:{closed_port}")
    assert code == 4 and part(rows, "spark")["state"] == "down"


def test_a_daily_run_may_be_overdue():
    page = f"tidemark_batch_last_run_timestamp_seconds {time.time() - 2 * 86400:.6f}\n"
    answers = {"/ready": (200, {"status": "ready"}), "/metrics": (200, page)}
    for settings, state in (([], "up"), (["--set", "batch.daily.at=02:30"], "degraded")):
        with server(answers) as port:
            asked = ["--preset", "device", "--part", "batch", *settings]
            code, rows = health("--server", f"http://127.0.0.1:{port}", *asked)
        assert part(rows, "batch")["state"] == state
        assert code == (0 if state == "up" else 7)


def test_a_port_that_only_accepts(silent_port, closed_port):
    for port, state in ((silent_port, "up"), (closed_port, "down")):
        url = with_url("hive", f"tcp://127.0.0.1:{port}")
        _, rows = health("--preset", "device", "--part", "hive", *url)
        assert part(rows, "hive")["state"] == state


# The first is a cached copy, which may be old: what both have is believed of the second.
NAMESYSTEM = {
    "name": "Hadoop:service=NameNode,name=FSNamesystem",
    "tag.HAState": "active",
    "CapacityTotal": 0,
    "CapacityRemaining": 0,
    "NumLiveDataNodes": 0,
    "NumDeadDataNodes": 9,
    "MissingBlocks": 0,
}
STATE = {
    "name": "Hadoop:service=NameNode,name=FSNamesystemState",
    "CapacityTotal": 1000,
    "CapacityRemaining": 500,
    "NumLiveDataNodes": 2,
    "NumDeadDataNodes": 0,
    "UnderReplicatedBlocks": 3,
    "FSState": "Operational",
}
NO_FILE = (404, {"RemoteException": {"exception": "FileNotFoundException", "message": "no"}})


@pytest.mark.parametrize(
    "change, state, why",
    [
        ({}, "up", None),
        ({"CapacityRemaining": 100}, "up", None),
        ({"NumLiveDataNodes": 1, "NumDeadDataNodes": 1}, "degraded", "1 DataNodes are dead"),
        ({"NumLiveDataNodes": 0, "NumDeadDataNodes": 2}, "down", "no DataNode is alive"),
        ({"FSState": "safeMode"}, "degraded", "the NameNode is in safe mode"),
        ({"MissingBlocks": 4}, "degraded", "4 blocks are missing"),
        ({"CapacityRemaining": 90}, "degraded", "the disk is nearly full"),
    ],
)
def test_a_lake_on_hdfs(closed_port, change, state, why):
    missing = {key: change[key] for key in change if key == "MissingBlocks"}
    beans = [STATE | change, NAMESYSTEM | missing]
    with server({"/jmx": (200, {"beans": beans}), "/webhdfs": NO_FILE}) as port:
        url = f"hdfs://127.0.0.1:{port}/lake"
        code, rows = health(
            *("--server", f"http://127.0.0.1:{closed_port}"),
            *("--preset", "device", "--part", "lake", "--set", f"lake.url={url}"),
        )
    row = part(rows, "lake")
    assert (row["state"], row.get("why"), row["where"]) == (state, why, url)
    assert row["size_bytes"] == 1000 and row["under_replicated_blocks"] == 3
    assert code == {"up": 0, "degraded": 7, "down": 4}[state]


@pytest.mark.parametrize("percent, state", [(0, "up"), (5, "up"), (6, "degraded"), (100, "degraded")])
def test_how_full_a_disk_may_be(percent, state):
    page = 'tidemark_disk_free_bytes{place="lake"} 5000000000\n'
    page += 'tidemark_disk_size_bytes{place="lake"} 100000000000\n'
    with server({"/ready": (200, {"status": "ready"}), "/metrics": (200, page)}) as port:
        asked = ["--part", "lake", "--disk-free", percent]
        _, rows = health("--server", f"http://127.0.0.1:{port}", *asked)
    row = part(rows, "lake")
    assert (row["state"], row["free_bytes"]) == (state, 5000000000), row
    assert row.get("why") == (None if state == "up" else "the disk is nearly full")


def test_brokers_that_are_not_there(closed_port):
    code, rows = health(
        *("--preset", "device", "--part", "log", "--part", "publish", "--timeout", "1"),
        *("--server", f"http://127.0.0.1:{closed_port}"),
        *("--set", f"log.kafka.brokers=127.0.0.1:{closed_port}"),
        *("--set", f"publish.kafka.brokers=127.0.0.1:{closed_port}"),
    )
    assert code == 4
    for name in ("log", "publish"):
        assert part(rows, name)["state"] == "down"
        assert part(rows, name)["where"] == f"Kafka 127.0.0.1:{closed_port}"
        assert part(rows, name)["why"].startswith("no broker answers")


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        (["--format", "xml"], 2, "--format 'xml' is neither table nor ndjson"),
        (["--disk-free", "101"], 2, "--disk-free 101 is not a number in 0..100"),
        (["--timeout", "0"], 2, "--timeout 0 is not a number in 1..60"),
        (["--part", "lag"], 2, "there is no part 'lag'; did you mean 'log'?"),
        (["--part", "xyzzyxyzzy"], 2, "there is no part 'xyzzyxyzzy'"),
        (["--set", "data=x"], 2, "-c FILE or --preset NAME"),
        (["-c", "missing.yaml"], 5, "missing.yaml"),
        (["--preset", "devise"], 3, "did you mean 'device'?"),
        (["x"], 2, "unexpected operand 'x'"),
    ],
)
def test_usage(arguments, code, message):
    done = tidemark("health", *arguments)
    assert done.returncode == code and message in done.stderr.decode(), done.stderr


def test_a_part_nobody_tells_of(closed_port):
    code, rows = health("--server", f"http://127.0.0.1:{closed_port}", "--part", "batch")
    assert code == 4 and part(rows, "batch")["why"].startswith("nobody tells of it")
