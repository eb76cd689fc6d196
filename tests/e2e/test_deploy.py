"""Goal: what stands in deploy/ can be started as it is written, as far as that can be told without
Docker and systemd: nothing is named that is not there, no image floats, no port is open to the
world, the configurations are good, and the unit keeps what it promises.
Method: the files read as YAML and as a unit, checked against each other, against the program's own
tables, and by `tidemark validate` and `systemd-analyze`."""

import json
import os
import pathlib
import re
import shutil
import subprocess

import jsonschema
import pytest
import yaml
from harness import ROOT, program, run_ok, tidemark

DEPLOY = pathlib.Path(ROOT) / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
EXAMPLES = sorted((DEPLOY / "examples").glob("*.yaml"))
EXPOSURE_MAX = 1.5

# The part of the Compose specification that we use: a word that is not in it is a slip.
SERVICE_SCHEMA = {
    "type": "object",
    "required": ["image"],
    "additionalProperties": False,
    "properties": {
        "image": {"type": "string"},
        "build": {
            "type": "object",
            "additionalProperties": False,
            "required": ["context", "dockerfile", "target"],
            "properties": {word: {"type": "string"} for word in ("context", "dockerfile", "target")},
        },
        "user": {"type": "string"},
        "hostname": {"type": "string"},
        "command": {"type": "array", "items": {"type": "string"}},
        "restart": {"enum": ["no", "unless-stopped"]},
        "profiles": {"type": "array", "items": {"type": "string"}},
        "networks": {"type": "object"},
        "environment": {
            "type": "object",
            "additionalProperties": {"type": ["string", "number"]},
        },
        "ports": {"type": "array", "items": {"pattern": r"^127\.0\.0\.1:\d+:\d+$"}},
        "volumes": {"type": "array", "items": {"pattern": r"^[^:]+:/[^:]+(:ro)?$"}},
        "tmpfs": {"type": "array", "items": {"pattern": "^/"}},
        "read_only": {"type": "boolean"},
        "cap_drop": {"type": "array"},
        "security_opt": {"type": "array"},
        "stop_grace_period": {"pattern": r"^\d+s$"},
        "depends_on": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "required": ["condition"],
                "additionalProperties": False,
                "properties": {
                    "condition": {"enum": ["service_healthy", "service_completed_successfully"]},
                    "required": {"type": "boolean"},
                },
            },
        },
        "healthcheck": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "disable": {"const": True},
                "test": {"type": "array", "minItems": 2, "items": {"type": "string"}},
                "retries": {"type": "integer"},
                **{
                    word: {"pattern": r"^\d+s$"}
                    for word in ("interval", "timeout", "start_period")
                },
            },
        },
    },
}


def dot_env():
    lines = (DEPLOY / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def substituted(text):
    """As Compose does it: ${NAME:-default} and ${NAME:?message}, from .env."""

    def replace(match):
        name, kind, rest = match.groups()
        value = dot_env().get(name) or (rest if kind == ":-" else None)
        assert value, f"{name} is not in deploy/.env"
        return value

    return re.sub(r"\$\{(\w+)(?:(:-|:\?)([^}]*))?\}", replace, str(text))


def ours():
    return [name for name, service in SERVICES.items() if service["image"].startswith("tidemark:")]


# compose.yaml


def test_every_part_of_the_stack_is_there():
    wanted = "kafka kafka1 kafka2 kafka3 kafka-init namenode datanode1 datanode2 spark-master"
    wanted += " spark-worker hive-metastore tidemark prometheus grafana"
    assert set(SERVICES) == set(wanted.split())
    assert set(COMPOSE) - {key for key in COMPOSE if key.startswith("x-")} == {
        *("name", "services", "volumes"),
    }


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_written_right(name):
    service = SERVICES[name]
    jsonschema.validate(service, SERVICE_SCHEMA)
    image, _, tag = service["image"].rpartition(":")
    assert image and re.match(r"v?\d+\.\d+", tag), f"{service['image']} is not pinned"
    if "build" in service:
        context = DEPLOY / service["build"]["context"]
        assert (context / service["build"]["dockerfile"]).samefile(DEPLOY / "Dockerfile")
        assert f" AS {service['build']['target']}\n" in (DEPLOY / "Dockerfile").read_text()
    # Every service that goes on running says whether it is well; ours by its image.
    has_check = "test" in service.get("healthcheck", {}) or name == "tidemark"
    assert has_check != (service["restart"] == "no"), name


def test_ports_are_unique():
    ports = [port.split(":")[1] for s in SERVICES.values() for port in s.get("ports", [])]
    assert ports and len(set(ports)) == len(ports)


def test_everything_that_is_mounted_is_there():
    used = set()
    for name, service in SERVICES.items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (DEPLOY / source).exists(), f"{name} mounts {source}"
                assert volume.endswith(":ro"), f"{name} may write {source}"
            else:
                assert source not in used, f"two services write {source}"
                used.add(source)
    assert used == set(COMPOSE["volumes"])


def test_services_wait_for_what_is_there_and_tells():
    def depth(name, above=()):
        assert name not in above, f"a circle: {above}"
        for other, how in SERVICES[name].get("depends_on", {}).items():
            assert other in SERVICES
            ends = SERVICES[other]["restart"] == "no"
            assert ends == (how["condition"] == "service_completed_successfully"), (name, other)
            # What one profile starts may be missing in another.
            assert how.get("required", True) != ("profiles" in SERVICES[other]), (name, other)
            depth(other, (*above, name))

    for name in SERVICES:
        depth(name)


def test_addresses_name_services_of_the_file():
    names = set(SERVICES) | {service.get("hostname") for service in SERVICES.values()}
    names |= {"localhost", "0.0.0.0", "127.0.0.1"}
    address = re.compile(r"(?:^|[/@=,;\s])([a-z][\w.-]*|[\d.]+):\d{4,5}\b")
    for name, service in SERVICES.items():
        words = [*map(str, service["environment"].values())] if "environment" in service else []
        words += service.get("command", [])
        for word in map(substituted, words):
            for host in address.findall(word):
                assert host in names, f"{name}: {word}"
    targets = yaml.safe_load((DEPLOY / "compose/prometheus.yml").read_text())["scrape_configs"]
    assert targets[0]["static_configs"][0]["targets"] == ["tidemark:8080"]


def test_prometheus_is_the_same_but_for_the_target():
    there = yaml.safe_load((DEPLOY / "compose/prometheus.yml").read_text())
    here = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
    here["scrape_configs"][0]["static_configs"][0]["targets"] = ["tidemark:8080"]
    assert there == here
    mounted = [volume.split(":")[1] for volume in SERVICES["prometheus"]["volumes"]]
    for rule in there["rule_files"]:
        assert f"/etc/prometheus/{rule}" in mounted


def test_brokers_can_lose_one():
    members = ("kafka1", "kafka2", "kafka3")
    environments = [SERVICES[name]["environment"] for name in members]
    assert [e["KAFKA_NODE_ID"] for e in environments] == [1, 2, 3]
    for name, environment in zip(members, environments):
        assert environment["KAFKA_ADVERTISED_LISTENERS"] == f"PLAINTEXT://{name}:9092"
        voters = environment["KAFKA_CONTROLLER_QUORUM_VOTERS"].split(",")
        assert f"{environment['KAFKA_NODE_ID']}@{name}:9093" in voters and len(voters) == 3
    assert dot_env()["COMPOSE_PROFILES"] == "cluster" and dot_env()["KAFKA_REPLICATION"] == "2"


def known_variables():
    """The environment variable of each key of the configuration."""
    text = run_ok("help", "configuration").stdout.decode()
    keys = re.findall(r"^\| `([\w.]+)` \|", text, re.M)
    assert len(keys) > 20
    return {"TIDEMARK_" + key.replace(".", "__").upper(): key for key in keys}


def test_our_variables_are_keys():
    known = known_variables()
    for name in ours():
        for variable in SERVICES[name]["environment"]:
            assert variable in known, variable
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    for variable in re.findall(r"\b(TIDEMARK_\w+)=", dockerfile):
        assert variable in known, variable


@pytest.mark.parametrize("name", ours())
def test_the_configuration_inside_is_good(name):
    service = SERVICES[name]
    environment = {key: substituted(text) for key, text in service["environment"].items()}
    mounts = dict(volume.split(":")[:2][::-1] for volume in service["volumes"])
    file = DEPLOY / mounts["/etc/tidemark/tidemark.yaml"]
    done = tidemark("validate", file, environment=environment)
    assert done.returncode == 0, done.stderr.decode()
    words = [substituted(word) for word in service.get("command", [])]
    if words:  # else the image's own
        assert words[:3] == ["kafka", "init", "/etc/tidemark/tidemark.yaml"]


# The image


def dockerfile():
    """Instructions, with continued lines joined."""
    text = re.sub(r"\\\n", " ", (DEPLOY / "Dockerfile").read_text())
    return [line.split(None, 1) for line in text.splitlines() if line and line[0] not in "# "]


def test_the_image_is_pinned_and_without_privilege():
    stages = {}
    for word, rest in dockerfile():
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            stages[name or "default"] = {"base": base, "user": None}
            current = stages[name or "default"]
            assert base in stages or re.fullmatch(r"debian:\d+\.\d+-slim", base), base
        elif word == "USER":
            current["user"] = rest
    assert stages["service"]["user"] == stages["spark"]["user"] == "10001:10001"
    assert stages["default"] == {"base": "service", "user": None}


def test_what_the_image_copies_is_there():
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().split()
    for word, rest in dockerfile():
        if word == "COPY" and not rest.startswith("--from"):
            source = rest.split()[0]
            assert (pathlib.Path(ROOT) / source).exists() and source not in ignored


def run_tool(*command):
    if shutil.which(command[0]) is None:
        pytest.skip(f"no {command[0]} here")
    return subprocess.run(command, capture_output=True, text=True).stdout


def test_the_image_has_the_libraries_of_the_program():
    text = run_tool("readelf", "-d", program())
    machine = run_tool("dpkg", "--print-architecture").strip()
    packages = set()
    for library in re.findall(r"NEEDED.*\[(.+)\]", text):
        found = [line.split(":") for line in run_tool("dpkg", "-S", f"*/{library}").splitlines()]
        packages |= {words[0] for words in found if words[1] == machine}
    packages -= {"libc6", "libgcc-s1"}
    runs = [rest for word, rest in dockerfile() if word == "RUN" and "libcurl4" in rest]
    assert packages and packages <= set(runs[0].split()), packages


def test_the_image_asks_after_the_service():
    check = next(rest for word, rest in dockerfile() if word == "HEALTHCHECK")
    command = json.loads(check.split("CMD", 1)[1])
    assert command[0] == "tidemark"
    done = tidemark(*command[1:], "--server", "http://127.0.0.1:1")
    assert done.returncode == 4 and b"service" in done.stdout, done.stderr


def test_spark_is_the_one_that_is_tested():
    wanted = (pathlib.Path(ROOT) / "tests/requirements-stack.txt").read_text()
    version = re.search(r"pyspark==([\d.]+)", wanted)[1]
    assert f"pyspark=={version}\n" in (DEPLOY / "Dockerfile").read_text()
    assert SERVICES["spark-master"]["image"] == f"apache/spark:{version}-python3"
    assert SERVICES["spark-worker"]["image"] == SERVICES["spark-master"]["image"]


# The examples


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_good(path):
    environment = {name: value for name, value in os.environ.items() if "TIDEMARK_" not in name}
    done = subprocess.run(
        [program(), "validate", str(path)], capture_output=True, text=True, env=environment
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    document = yaml.safe_load(path.read_text())
    assert document["preset"] == path.stem
    assert document["log"]["kafka"]["partitions"] == 6
    assert document["publish"]["kafka"]["topic"] == "processed_metrics"


def test_the_device_platform_has_its_topics():
    kafka = yaml.safe_load((DEPLOY / "examples/device.yaml").read_text())["log"]["kafka"]
    assert kafka["topics"] == ["app_events", "crashes", "performance"]
    assert set(kafka["route"].values()) <= set(kafka["topics"])


# The unit


def unit():
    """Section -> key -> values in order."""
    sections, current = {}, None
    for line in (DEPLOY / "tidemark.service").read_text().splitlines():
        if line.startswith("["):
            current = sections.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            current.setdefault(key, []).append(value)
    return sections


def test_the_unit_runs_what_there_is():
    service = unit()["Service"]
    _, command, file = service["ExecStart"][0].split()
    assert command == "run" and file == "/etc/tidemark/tidemark.yaml"
    assert service["ExecStartPre"][0].split()[1:] == ["validate", file]
    codes = run_ok("help", "cli").stdout.decode()
    assert "2 usage, 3 configuration" in codes
    assert service["RestartPreventExitStatus"] == ["2 3"]
    # What it writes is in its state directory.
    for path in EXAMPLES:
        assert yaml.safe_load(path.read_text())["data"].startswith("/var/lib/tidemark/")
    assert service["StateDirectory"] == ["tidemark"]


def test_the_unit_is_hardened():
    service = unit()["Service"]
    for key, value in {
        "DynamicUser": "yes",
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "PrivateTmp": "yes",
        "PrivateDevices": "yes",
        "NoNewPrivileges": "yes",
        "CapabilityBoundingSet": "",
        "RestrictAddressFamilies": "AF_INET AF_INET6",
        "MemoryDenyWriteExecute": "yes",
        "SystemCallArchitectures": "native",
    }.items():
        assert service[key] == [value], key
    assert service["SystemCallFilter"] == ["@system-service", "~@privileged @resources"]


def test_the_unit_is_little_exposed():
    path = str(DEPLOY / "tidemark.service")
    text = run_tool("systemd-analyze", "security", "--offline=yes", "--no-pager", path)
    found = re.search(r"Overall exposure level for tidemark.service: ([\d.]+)", text)
    assert found and float(found[1]) <= EXPOSURE_MAX, text
