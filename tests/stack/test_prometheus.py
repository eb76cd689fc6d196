"""Goal: everything that is asked of Prometheus has an answer. Dashboards and rules are as the table of
metrics makes them, the rules do what they say, and no expression of a dashboard or a rule is an
error or empty on a Prometheus that scrapes running services.
Method: promtool on the files; a service with each preset whose events reach weeks back and go on
to come while a real Prometheus scrapes them every second. Of an alert each side of its comparison
is asked, since it is to be false. What no panel of a preset can show is shown by the other.
"""

import contextlib
import datetime
import json
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest
import yaml
from harness import ROOT, program, run_ok
from service import Service

DEPLOY = pathlib.Path(ROOT) / "deploy"
RULES = ("recording.yml", "alerts.yml")
READY_S = 60
ANSWER_S = 180  # until every expression has an answer
HISTORY_DAYS = (15, 8, 2, 1)  # ago; cohorts of retention, and the whole day before
HISTORY_EVENTS = 1500
RECENT_EVENTS = 3000
RECENT_S = 150  # of event time, around the closing clock
PER_S = 100  # events that generate makes for a second of event time


def tool(name):
    path = shutil.which(name) or pathlib.Path(ROOT) / ".deps/bin" / name
    if not pathlib.Path(path).exists():
        pytest.skip(f"{name} is not installed: tools/setup --for-test")
    return str(path)


def check(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# The files


def test_dashboards_are_what_the_table_makes():
    check(str(pathlib.Path(ROOT) / "tools/dashboards"), "--check")


def test_rules_do_what_they_say():
    check(tool("promtool"), "check", "config", str(DEPLOY / "prometheus/prometheus.yml"))
    check(tool("promtool"), "test", "rules", str(DEPLOY / "prometheus/tests/alerts.yml"))


def test_every_alert_is_tested():
    tests = (DEPLOY / "prometheus/tests/alerts.yml").read_text()
    for name, _ in rules():
        assert name in tests, name


def test_provisioning_can_be_read():
    for path in (DEPLOY / "grafana/provisioning").rglob("*.yml"):
        assert yaml.safe_load(path.read_text())["apiVersion"] == 1
    uids = [document["uid"] for document in dashboards().values()]
    assert len(set(uids)) == len(uids) == 4


def dashboards():
    paths = sorted((DEPLOY / "grafana/dashboards").glob("*.json"))
    return {path.stem: json.loads(path.read_text()) for path in paths}


def panel_expressions():
    """(where, expression) as Grafana sends it to Prometheus."""
    for name, document in dashboards().items():
        for panel in document["panels"]:
            for target in panel.get("targets", ()):
                text = target["expr"].replace("$__rate_interval", "1m").replace("$job", ".+")
                assert "$" not in text, text
                yield f"{name}: {panel['title']}", text


def rules():
    for file in RULES:
        for group in yaml.safe_load((DEPLOY / "prometheus" / file).read_text())["groups"]:
            for rule in group["rules"]:
                yield rule.get("record") or rule["alert"], rule["expr"]


def sides(expression):
    """What an alert compares: `a > 1 and b > 2` gives a and b."""
    for part in re.split(r"\n\s*and\n", expression.strip()):
        match = re.fullmatch(r"(.*?)\s*(?:==|!=|>=|<=|>|<)\s*[\d.]+", part.strip(), re.DOTALL)
        assert match, f"no comparison with a number: {part}"
        yield match[1]


def rule_expressions():
    for name, expression in rules():
        if name.startswith("Tidemark"):
            yield from ((name, side) for side in sides(expression))
        else:
            yield name, expression
            yield name, name  # what was recorded is there


# Running services


def generated(preset, count, start, seed):
    start = start.strftime("%Y-%m-%dT%H:%M:%SZ")
    words = ["--preset", preset, "--count", count, "--start", start, "--seed", seed]
    return run_ok("generate", *map(str, words)).stdout


def send_past(service, preset):
    """Days in the past, and the minutes at which windows close while events go on to come."""
    now = datetime.datetime.now(datetime.timezone.utc)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for seed, days in enumerate(HISTORY_DAYS, 1):
        start = midnight - datetime.timedelta(days=days) + datetime.timedelta(hours=12)
        service.post_events(generated(preset, HISTORY_EVENTS, start, seed))
    # An hour ago for windows of an hour; then up to now, a little before what waits for stragglers.
    behind_s = 900 if preset == "sunbird" else 10
    for seed, before_s in ((11, 3600), (12, behind_s + RECENT_S)):
        start = now - datetime.timedelta(seconds=before_s)
        lines = generated(preset, RECENT_S * PER_S, start, seed).splitlines(keepends=True)
        service.post_events(b"".join(lines[:: RECENT_S * PER_S // RECENT_EVENTS]))


@contextlib.contextmanager
def traffic(service, preset):
    """Events as they happen, and questions to the API."""
    command = [program(), "generate", "--preset", preset, "--rate", "100"]
    generator = subprocess.Popen(
        [*command, "--to", service.url], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    is_over = threading.Event()

    def ask():
        with contextlib.closing(service.client()) as client:
            while not is_over.is_set():
                for path in ("/api/v1/metrics", "/api/v1/ledger", "/no/such/path"):
                    client.ask("GET", path)
                is_over.wait(0.2)

    asker = threading.Thread(target=ask, daemon=True)
    asker.start()
    try:
        yield
    finally:
        is_over.set()
        asker.join()
        generator.kill()
        generator.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Prometheus:
    def __init__(self, folder, targets):
        self.folder, self.port = folder, free_port()
        configuration = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
        assert configuration["rule_files"] == list(RULES)
        configuration["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        configuration["rule_files"] = [str(DEPLOY / "prometheus" / file) for file in RULES]
        configuration["scrape_configs"] = [
            {"job_name": name, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
            for name, port in targets.items()
        ]
        (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))

    def __enter__(self):
        with open(self.folder / "log.txt", "wb") as log:
            self.process = subprocess.Popen(
                [
                    tool("prometheus"),
                    f"--config.file={self.folder}/prometheus.yml",
                    f"--storage.tsdb.path={self.folder}/data",
                    f"--web.listen-address=127.0.0.1:{self.port}",
                ],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + READY_S
        while not self.is_ready():
            assert self.process.poll() is None, (self.folder / "log.txt").read_text()[-3000:]
            assert time.monotonic() < deadline, "Prometheus is not ready"
            time.sleep(0.05)  # until it is
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def is_ready(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5) as reply:
                return reply.status == 200
        except OSError:
            return False

    def ask(self, path, **parameters):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?" + urllib.parse.urlencode(parameters)
        try:
            with urllib.request.urlopen(url, timeout=30) as reply:
                return json.load(reply)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read()[:1000]}") from error

    def numbers(self, expression):
        """The values of an expression now; an error of the expression is the test's."""
        return [sample["value"][1] for sample in self.ask("query", query=expression)["result"]]


def of_topics(kafka):
    """Settings with which every part that may be absent is there."""
    log, foreign = kafka.topic(), kafka.topic()
    cells, journeys = kafka.topic(partitions=3), kafka.topic(partitions=3)
    return [
        f"log.kafka.brokers={kafka.brokers}",
        f"log.kafka.topics={log}",
        f"collect.kafka.brokers={kafka.brokers}",
        f"collect.kafka.topics={foreign}",
        f"publish.kafka.brokers={kafka.brokers}",
        f"publish.kafka.topic={cells}",
        f"publish.kafka.journeys={journeys}",
        "publish.kafka.interval=1s",
        "batch.daily.at=02:30",
    ]


@pytest.fixture(scope="module")
def watched(kafka, tmp_path_factory):
    """A Prometheus, and the services that it scrapes: by name, as its jobs."""
    folder = tmp_path_factory.mktemp("watched")
    services = {}
    with contextlib.ExitStack() as stack:
        for name, preset, more in (
            ("tidemark", "device", []),
            ("tidemark-sunbird", "sunbird", []),
            ("tidemark-kafka", "device", of_topics(kafka)),
        ):
            settings = ["process.checkpoint=1s", *more]
            service = Service(folder / name, preset=preset, settings=settings)
            stack.callback(service.clean_up)
            services[name] = service.start()
            send_past(service, preset)
        (folder / "prometheus").mkdir()
        targets = {name: service.port for name, service in services.items()}
        prometheus = stack.enter_context(Prometheus(folder / "prometheus", targets))
        for service in services.values():
            stack.enter_context(traffic(service, service.preset))
        services["tidemark"].barrier()
        run_ok("batch", "--preset", "device", "--data", str(services["tidemark"].place))
        yield prometheus, services


def empty_ones(prometheus, expressions):
    """Those without a number; NaN, of no traffic, is none."""
    return [
        (where, text)
        for where, text in expressions
        if all(number == "NaN" for number in prometheus.numbers(text))
    ]


def test_no_expression_is_empty(watched):
    prometheus, _ = watched
    missing = [*panel_expressions(), *rule_expressions()]
    assert len(missing) > 100
    deadline = time.monotonic() + ANSWER_S
    while missing and time.monotonic() < deadline:
        missing = empty_ones(prometheus, missing)
        time.sleep(0.5)  # the next scrapes and evaluations
    assert not missing, "\n".join(f"{where}: {text}" for where, text in missing)


def test_prometheus_has_no_complaint(watched):
    """Scrapes succeed, no sample is dropped as a duplicate, no rule fails."""
    prometheus, services = watched
    deadline = time.monotonic() + ANSWER_S
    while True:  # one scrape of a busy machine may take longer than its second
        targets = prometheus.ask("targets")["activeTargets"]
        assert {t["labels"]["job"] for t in targets} == set(services)
        errors = [t["lastError"] for t in targets if t["lastError"]]
        if not errors:
            break
        assert time.monotonic() < deadline, errors
        time.sleep(0.5)  # until the next scrape
    groups = prometheus.ask("rules")["groups"]
    broken = [r["name"] for g in groups for r in g["rules"] if r["health"] == "err"]
    assert not broken
    log = (prometheus.folder / "log.txt").read_text()
    assert "level=error" not in log and "level=warn" not in log, log[-3000:]


def test_metrics_please_promtool_and_stay_small(watched):
    _, services = watched
    for service in services.values():
        reply = service.get("/metrics")
        done = subprocess.run(
            [tool("promtool"), "check", "metrics"], input=reply.body, capture_output=True
        )
        assert (done.returncode, done.stdout + done.stderr) == (0, b"")
        assert len(reply.body) < 1 << 20


def test_values_are_those_of_the_api(watched):
    """The newest whole day of a metric: the same number at both doors, once no late event came in
    the seconds for which the values at the one are kept."""
    _, services = watched
    service = services["tidemark"]
    sample = re.compile(
        r'tidemark_metric_value\{metric="regional_trends",window="complete",of="value",'
        r'region="([^"]*)"\} (\S+)\n'
    )
    deadline = time.monotonic() + ANSWER_S
    while True:
        today = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT00:00:00Z")
        told = dict(sample.findall(service.get("/metrics").body.decode()))
        cells = service.get_json("/api/v1/metrics/regional_trends")["cells"]
        wanted = {c["group"]["region"]: str(c["value"]) for c in cells if c["end"] == today}
        if told == wanted and len(told) >= 5:
            return
        assert time.monotonic() < deadline, (told, wanted)
        time.sleep(0.2)  # the kept values grow old


def test_random_paths_add_no_series(watched):
    _, services = watched
    service = services["tidemark"]

    def series():
        lines = service.get("/metrics").body.decode().splitlines()
        return {line.rsplit(" ", 1)[0] for line in lines if "tidemark_http_" in line}

    service.get("/one")
    before = series()
    with contextlib.closing(service.client()) as client:
        for i in range(300):
            client.ask("GET", f"/random/{i}")
    assert series() == before
