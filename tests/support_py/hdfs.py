"""A real HDFS on this machine (tests/stack/servers/hdfs.sh), and what its tests do to it.

`dead_datanode` and `namenode_restart` are the two scenarios that are also measured: each runs a
service under load, does its harm, and returns figures in a dict; they raise if an event is lost or
doubled.
"""

import contextlib
import json
import pathlib
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import duckdb
from service import device_event

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "tests/stack/servers/hdfs.sh"
STACK = ROOT / ".deps/stack"
WEB = "127.0.0.1:9870"
NODE_PORTS = (9964, 10064)
SPARK_URL = "hdfs://127.0.0.1:9000"  # what Spark and Hive call its root
UP_S = 120
QUIET_S = 120  # the longest time that a fault may hold the lake up
LIVE_NODES = "/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState"


class Hdfs:
    """One NameNode and two DataNodes, replication 2."""

    def script(self, *words):
        done = subprocess.run(
            ["bash", str(SCRIPT), *words],
            env={"STACK": str(STACK), "PATH": "/usr/local/bin:/usr/bin:/bin"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # the servers inherit it: a pipe would stay open
            stderr=subprocess.DEVNULL,
            timeout=UP_S,
        )
        assert done.returncode == 0, (words, done.returncode)

    def up(self):
        self.script("up", "2", "2")
        return self

    def down(self):
        self.script("down")

    def kill(self, name):
        """kill -9 of nn, dn1 or dn2."""
        self.script("kill9", name)

    def start(self, name):
        self.script("start", name)

    def stop(self, name):
        """As an operator stops it: SIGTERM."""
        pid = int((STACK / f"hdfs/{name}.pid").read_text())
        subprocess.run(["kill", str(pid)], check=True)
        deadline = time.monotonic() + UP_S
        while pathlib.Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
            time.sleep(0.05)  # until it is gone

    def live_nodes(self):
        """None: the NameNode does not answer."""
        try:
            with urllib.request.urlopen(f"http://{WEB}{LIVE_NODES}", timeout=5) as reply:
                return json.load(reply)["beans"][0]["NumLiveDataNodes"]
        except (OSError, LookupError, ValueError):
            return None

    def wait(self):
        """Until both DataNodes have registered and answer, and safe mode is over. The NameNode
        counts a dead one as living for a while: that alone says nothing."""
        deadline = time.monotonic() + UP_S
        while not (self.live_nodes() == 2 and self.nodes_answer() and self.can_write()):
            assert time.monotonic() < deadline, f"DataNodes: {self.live_nodes()}"
            time.sleep(0.1)

    def nodes_answer(self):
        try:
            for port in NODE_PORTS:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return True
        except OSError:
            return False

    def can_write(self):
        try:
            self.ask("/probe", "MKDIRS", method="PUT")
            return True
        except OSError:
            return False

    # WebHDFS, by another client than the one under test

    def ask(self, path, operation, method="GET", **parameters):
        query = urllib.parse.urlencode({"op": operation, "user.name": "tidemark"} | parameters)
        url = f"http://{WEB}/webhdfs/v1{urllib.parse.quote(path)}?{query}"
        try:
            request = urllib.request.Request(url, method=method)
            with urllib.request.urlopen(request, timeout=30) as reply:
                return reply.read()
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def list(self, path):
        reply = self.ask(path, "LISTSTATUS")
        return json.loads(reply)["FileStatuses"]["FileStatus"] if reply else []

    def walk(self, path):
        """The paths of all files below."""
        for status in self.list(path):
            below = f"{path}/{status['pathSuffix']}"
            if status["type"] == "DIRECTORY":
                yield from self.walk(below)
            else:
                yield below

    def pull(self, path, folder):
        """Copies all files below path."""
        for file in self.walk(path):
            place = pathlib.Path(folder) / file.removeprefix(path + "/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(self.ask(file, "OPEN"))
        return pathlib.Path(folder)


def lake_url(path, namenodes=WEB):
    return f"hdfs://{namenodes}{path}"


def read_lake(hdfs, path, folder, name):
    """A table's files as its Delta log names them, read by delta-rs and DuckDB from a copy."""
    import deltalake

    place = hdfs.pull(f"{path}/{name}", folder)
    table = deltalake.DeltaTable(str(place))
    files = [uri.removeprefix("file://") for uri in table.file_uris()]
    return table, duckdb.sql(f"SELECT * FROM read_parquet({files!r}, hive_partitioning = true)")


class Load(threading.Thread):
    """Events of the device preset until stopped. Knows what was acknowledged, and how late."""

    def __init__(self, service, per_s=200, body=20):
        super().__init__(daemon=True)
        self.service, self.body, self.pause_s = service, body, body / per_s
        self.acknowledged, self.refused, self.slowest_s = 0, 0, 0.0
        self.stopping, self.failure = threading.Event(), None

    def run(self):
        try:
            with contextlib.closing(self.service.client()) as client:
                while not self.stopping.is_set():
                    self.send(client)
                    self.stopping.wait(self.pause_s)
        except BaseException as error:  # noqa: BLE001 - told by finish
            self.failure = error

    def send(self, client):
        first = self.acknowledged
        events = [device_event(first + i, device=(first + i) % 50) for i in range(self.body)]
        start = time.monotonic()
        reply = client.post_events(events)
        if reply.status == 503:
            self.refused += 1  # sent again: the same ids
            return
        assert reply.status == 200 and reply.json["accepted"] == self.body, reply
        self.slowest_s = max(self.slowest_s, time.monotonic() - start)
        self.acknowledged += self.body

    def finish(self):
        self.stopping.set()
        self.join(60)
        assert self.failure is None and not self.is_alive(), self.failure
        return self


def commit_when_possible(service):
    """Seconds until everything acknowledged so far is in the lake."""
    start = time.monotonic()
    while time.monotonic() - start < QUIET_S:
        service.settle()
        if service.ask("POST", "/api/v1/barrier").status == 200:
            return time.monotonic() - start
        time.sleep(0.05)  # until the lake can be written again
    raise AssertionError(f"the lake was not written for {QUIET_S} s\n{service.log_tail()}")


def check_events(hdfs, path, folder, load):
    """(lost, doubled) of what was acknowledged, by another reader than ours."""
    _, rows = read_lake(hdfs, path, folder, "events")
    ids = [row[0] for row in duckdb.sql("SELECT event_id FROM rows").fetchall()]
    wanted = {f"e{i}" for i in range(load.acknowledged)}
    return len(wanted - set(ids)), len(ids) - len(set(ids))


def under_load(hdfs, service, path, folder, harm, heal=lambda: None):
    """Runs harm() in the middle of a load, and heal() before the count; the figures of it."""
    load = Load(service)
    load.start()
    before_s = [commit_when_possible(service) for _ in range(3)]
    start = time.monotonic()
    harm()
    harm_s = time.monotonic() - start
    recovered_s = harm_s + commit_when_possible(service)
    after_s = [commit_when_possible(service) for _ in range(3)]
    load.finish()
    commit_when_possible(service)
    verified = service.verify()
    heal()
    lost, doubled = check_events(hdfs, path, folder, load)
    figures = {
        "events": load.acknowledged,
        "lost": lost,
        "doubled": doubled,
        "refused": load.refused,
        "slowest_acknowledgement_s": round(load.slowest_s, 3),
        "commit_before_s": round(max(before_s), 3),
        "recovered_s": round(recovered_s, 3),
        "commit_after_s": round(max(after_s), 3),
        "verify": verified.strip().splitlines()[-1],
    }
    assert (lost, doubled) == (0, 0), figures
    return figures


def dead_datanode(hdfs, service, path, folder):
    """kill -9 of one DataNode of two, under load; for the count it is started again."""

    def heal():
        hdfs.start("dn1")
        hdfs.wait()

    return under_load(hdfs, service, path, folder, lambda: hdfs.kill("dn1"), heal)


def namenode_restart(hdfs, service, path, folder):
    """The NameNode is stopped and started, under load. recovered_s counts from the stop."""

    def harm():
        hdfs.stop("nn")
        status = service.ask("POST", "/api/v1/barrier").status
        assert status == 503, status  # the lake waits, and says so
        hdfs.start("nn")

    return under_load(hdfs, service, path, folder, harm)
