"""The description is true: what it declares is what the service does.

Schemathesis makes questions of it, good and bad ones, and looks at every answer. What it does not
look at stands here: the lines of NDJSON, HEAD and OPTIONS, and that the reader draws all of it.
The live feed has no end that a tool could wait for: test_live.py reads it.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from device_week import move_to_last_week
from harness import ROOT
from service import Service

HERE = Path(__file__).resolve().parent
ASSETS = ROOT / "src/serve/assets"
PROBLEM = "application/problem+json"
EXAMPLES = 120  # per operation
SCHEMATHESIS_S = 900  # it takes about 60
SEED = 17
ENDLESS = "/api/v1/live"
CHANGING = ("/metrics", "/metrics/realtime", "/api/v1/status")  # from one answer to the next
NAMES = ["daily_active_devices", "performance", "sessions", "stickiness", "weekly_retention"]


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("openapi")
    move_to_last_week(folder / "events.ndjson")
    started = Service(folder / "service", preset="device").start()
    assert started.post_events((folder / "events.ndjson").read_bytes()).status == 200
    started.settle()
    yield started
    started.clean_up()


@pytest.fixture(scope="module")
def document(service):
    return service.get_json("/openapi.json")


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def parameters(document, kinds=("query",)):
    for path, method, operation in operations(document):
        for parameter in operation.get("parameters", []):
            if parameter["in"] in kinds:
                yield path, method, parameter


def address(path):
    return path.replace("{name}", NAMES[0])


def check_against(document, schema, value):
    """Validates with the document's schemas; formats too."""
    validator = jsonschema.Draft202012Validator(
        schema | {"components": document["components"]},
        format_checker=jsonschema.FormatChecker(),
    )
    errors = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]
    assert not errors, (value, errors[:3])


# The document


def test_document(document):
    assert document["openapi"] == "3.1.0"
    text = json.dumps(document)
    for reference in set(re.findall(r'"\$ref": "#/components/(\w+/\w+)"', text)):
        kind, name = reference.split("/")
        assert name in document["components"][kind], reference
    schemas = set(document["components"]["schemas"])
    used = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert schemas == used, "schemas that nothing refers to"
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    told = {tag["name"] for tag in document["tags"]}
    for path, _, operation in operations(document):
        declared = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
        assert declared == set(re.findall(r"{(\w+)}", path))
        assert operation["summary"] and set(operation["tags"]) <= told
        assert {"400", "414", "431"} <= set(operation["responses"])


def test_every_route_is_told(document):
    """Paths as they stand in the sources, so that a route without contract is found."""
    paths = set()
    for source in ("serve/api.c", "collect/http.c"):
        text = (ROOT / "src" / source).read_text(encoding="utf-8")
        paths |= set(re.findall(r'(?:GET\(|\.path = |\{)"(/[^"]*)"', text))
    assert paths == set(document["paths"])


# Every declared word is checked


def test_unknown_parameters(service, document):
    for path, method, operation in operations(document):
        if operation["tags"] == ["collect"]:
            continue  # a query is no reason to refuse events
        reply = service.ask(method, address(path) + "?zebra=1")
        assert (reply.status, reply.headers["Content-Type"]) == (400, PROBLEM), (path, reply)
        assert reply.json["detail"] == "unknown parameter 'zebra'"


def test_suggestions_and_repetitions(service, document):
    found = list(parameters(document))
    assert len(found) > 50
    for path, method, parameter in found:
        name = parameter["name"]
        if len(name) > 3:
            reply = service.ask(method, f"{address(path)}?{name}x=1")
            assert (reply.status, reply.json["detail"]) == (
                400,
                f"unknown parameter '{name}x'; did you mean '{name}'?",
            )
        good = {"integer": "5"}.get(parameter["schema"]["type"], parameter["schema"].get("default"))
        good = good or ("2026-03-02" if "date" in json.dumps(parameter["schema"]) else "x")
        reply = service.ask(method, f"{address(path)}?{name}={good}&{name}={good}")
        assert (reply.status, reply.json["detail"]) == (400, f"parameter '{name}' stands twice")


def test_wrong_types(service, document):
    checked = 0
    for path, method, parameter in parameters(document):
        schema = parameter["schema"]
        if schema["type"] == "integer":
            bad = ["x", "", "1.5", str(schema["maximum"] + 1), str(schema["minimum"] - 1)]
        elif "enum" in schema or "format" in schema or "anyOf" in schema:
            bad = ["", "soon", "2026-13-01"]
        else:
            continue
        for value in bad:
            reply = service.ask(method, f"{address(path)}?{parameter['name']}={value}")
            assert (reply.status, reply.headers["Content-Type"]) == (400, PROBLEM)
            assert reply.json["detail"].startswith(f"{parameter['name']} '{value}' is n")
            checked += 1
    assert checked > 100


# Methods


def get_and_head(service, target):
    """Of one state: what is complete may change by the clock in between."""
    for _ in range(20):
        before, head, after = (service.ask(m, target) for m in ("GET", "HEAD", "GET"))
        if before.body == after.body:
            return before, head
    raise AssertionError(f"{target} is never the same twice")


def test_methods(service, document):
    for path in document["paths"]:
        told = {method.upper() for method in document["paths"][path]}
        allowed = told | {"OPTIONS"} | ({"HEAD"} if "GET" in told else set())
        reply = service.ask("OPTIONS", address(path))
        assert (reply.status, reply.body) == (204, b"")
        assert "Content-Length" not in reply.headers
        assert set(reply.headers["Allow"].split(", ")) == allowed
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "TRACE", "HEAD"):
            if method not in allowed:
                reply = service.ask(method, address(path))
                assert reply.status == 405 and reply.headers["Content-Type"] == PROBLEM
                assert set(reply.headers["Allow"].split(", ")) == allowed
        if "GET" in told and path not in (ENDLESS, *CHANGING):
            get, head = get_and_head(service, address(path))
            assert (head.status, head.body) == (get.status, b"")
            for name in ("Content-Type", "Content-Length", "Content-Security-Policy"):
                assert head.headers[name] == get.headers[name]


# Bodies


def test_bodies(service, document):
    """Each GET and each format; the lines of NDJSON have a schema too, which tools do not know."""
    for name in NAMES:
        for path, methods in document["paths"].items():
            if path == ENDLESS:
                continue
            if "get" in methods and (name == NAMES[0] or "{name}" in path):
                reply = service.get(path.replace("{name}", name))
                media = methods["get"]["responses"]["200"]["content"][reply.headers["Content-Type"]]
                is_json = "json" in reply.headers["Content-Type"]
                value = reply.json if is_json else reply.body.decode()
                check_against(document, media["schema"], value)
    questions = [("GET", f"/api/v1/metrics/{name}?format=ndjson") for name in NAMES]
    for method, target in [*questions, ("POST", "/api/v1/barrier")]:
        path = re.sub(r"metrics/\w+\?.*", "metrics/{name}", target)
        reply = service.ask(method, target)
        assert reply.headers["Content-Type"] == "application/x-ndjson"
        operation = document["paths"][path][method.lower()]
        schema = operation["responses"]["200"]["content"]["application/x-ndjson"]["x-line-schema"]
        lines = reply.body.decode().splitlines()
        assert lines
        for line in lines:
            check_against(document, schema, json.loads(line))


def test_schemathesis(service, tmp_path):
    command = [sys.executable, "-m", "schemathesis.cli"]
    command += ["--config-file", HERE / "openapi/schemathesis.toml"]
    command += ["run", f"{service.url}/openapi.json", "--max-examples", EXAMPLES, "--seed", SEED]
    command += ["--exclude-path", ENDLESS]  # it would wait for the end of each stream
    command += ["--generation-deterministic", "--no-color", "--suppress-health-check", "all"]
    done = subprocess.run(
        list(map(str, command)),
        cwd=tmp_path,
        env=os.environ | {"SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE / "openapi")},
        capture_output=True,
        text=True,
        timeout=SCHEMATHESIS_S,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    generated = int(re.search(r"(\d+) generated", done.stdout)[1])
    assert generated > 1000, done.stdout[-2000:]
    assert service.is_alive() and service.get("/health").status == 200


# The reader


def test_the_reader_asks_no_other_host(service):
    page = service.get("/docs")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = dict(
        rule.strip().split(" ", 1) for rule in page.headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert not re.search(rb"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", page.body)
    links = re.findall(rb'(?:src|href)="([^"]+)"', page.body)
    for link in {link.decode() for link in links} - {"data:,"}:
        assert service.get("/" + link).status == 200, link
    for name in ("reader.html", "reader_script.js", "reader_style.css"):
        text = (ASSETS / name).read_text(encoding="utf-8")
        assert "://" not in text and "url(" not in text and "@import" not in text
        assert "innerHTML" not in text and "eval(" not in text


def test_the_reader_draws_everything(service, document, tmp_path):
    """Its script, run on a document of our own that only remembers what is put into it."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed (Debian: nodejs)")
    (tmp_path / "openapi.json").write_text(json.dumps(document), encoding="utf-8")
    done = subprocess.run(
        [node, HERE / "openapi/draw.js", ASSETS / "reader_script.js", tmp_path / "openapi.json"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    drawn = json.loads(done.stdout)
    for path, _, operation in operations(document):
        assert path in drawn["text"] and operation["summary"] in drawn["text"]
        assert operation["operationId"] in drawn["ids"]
    for _, _, parameter in parameters(document, ("query", "path", "header")):
        assert parameter["name"] in drawn["text"]
        assert all(part in drawn["text"] for part in parameter["description"].split("`"))
    for name in document["components"]["schemas"]:
        assert f"schema-{name}" in drawn["ids"] and name in drawn["text"]
    gets = [path for path, method, _ in operations(document) if method == "GET"]
    assert drawn["forms"] == len(gets)
    assert drawn["asked"] == [
        "openapi.json",
        "api/v1/metrics/a%20b?from=2026-03-02&filter=region+%3D%3D+%22x%22",
    ]
    assert service.get("/docs/reader.js").body == (ASSETS / "reader_script.js").read_bytes()
