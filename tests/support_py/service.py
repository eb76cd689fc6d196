"""A running `tidemark run`: started, asked, killed and started again on the same directories.

Port 0 and a directory of its own for each. Waiting is for something that can be seen (a line of the
log, the end of the process, an answer), never for time to pass.
"""

import contextlib
import http.client
import json
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

import deltalake
import duckdb
from harness import program, run_ok, tidemark

START_S = 120
STOP_S = 120
REPLY_S = 120
LISTENING = re.compile(rb"listening on http://127\.0\.0\.1:(\d+)")

NDJSON = "application/x-ndjson"
JSON = "application/json"


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {dict(self.headers)} {self.body[:2000]!r}"


class Client:
    """One connection, kept; one thread."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=REPLY_S)

    def ask(self, method, path, body=None, headers=None):
        try:
            self.connection.request(method, path, body, headers or {})
            answer = self.connection.getresponse()
            is_endless = answer.headers.get_content_type() == "text/event-stream"
            assert method == "HEAD" or not is_endless, f"{path} has no end: read it by live.py"
            return Reply(answer.status, answer.headers, answer.read())
        except BaseException:
            self.connection.close()
            raise

    def post_events(self, lines, headers=None):
        """lines: bytes of NDJSON, or a list of events."""
        if not isinstance(lines, bytes):
            lines = "".join(json.dumps(e, ensure_ascii=False) + "\n" for e in lines).encode()
        return self.ask("POST", "/v1/events", lines, {"Content-Type": NDJSON} | (headers or {}))

    def post_envelope(self, envelope, path="/v1/telemetry"):
        body = envelope if isinstance(envelope, bytes) else json.dumps(envelope).encode()
        return self.ask("POST", path, body, {"Content-Type": JSON})

    def close(self):
        self.connection.close()


class Service:
    def __init__(self, folder, *, preset=None, file=None, settings=(), arguments=(), metrics=()):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.place = self.folder / "place"  # --data: log and lake below it
        self.log = self.folder / "log.txt"
        self.preset, self.file = preset, file
        self.settings, self.arguments, self.metrics = list(settings), list(arguments), list(metrics)
        self.process, self.port = None, None
        self.starts = 0

    # Life

    def command(self):
        words = [program(), "run"]
        words += [str(self.file)] if self.file else []
        words += ["--preset", self.preset] if self.preset else []
        words += ["--data", str(self.place), "--listen", "127.0.0.1:0"]
        for setting in self.settings:
            words += ["--set", setting]
        for name in self.metrics:
            words += ["--metric", name]
        return words + list(map(str, self.arguments))

    def launch(self):
        """Starts the process and does not wait for anything."""
        assert self.process is None
        self.starts += 1
        with open(self.log, "ab") as log:
            self.log_start = log.tell()
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        return self

    def wait_until_listening(self):
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            found = LISTENING.search(self.log_of_this_start())
            if found:
                self.port = int(found[1])
                return self
            if self.process.poll() is not None:
                raise AssertionError(f"exit {self.process.returncode} at start:\n{self.log_tail()}")
            time.sleep(0.005)  # until the line is there
        raise AssertionError(f"not listening after {START_S} s:\n{self.log_tail()}")

    def start(self):
        return self.launch().wait_until_listening()

    def exited(self, timeout=STOP_S):
        """Waits for the end; the exit code."""
        code = self.process.wait(timeout=timeout)
        self.process = None
        return code

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.exited()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        return self.exited()

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def clean_up(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def log_of_this_start(self):
        data = self.log.read_bytes() if self.log.exists() else b""
        return data[self.log_start :]

    def log_tail(self, size=6000):
        data = self.log.read_bytes() if self.log.exists() else b""
        return data[-size:].decode(errors="replace")

    # Questions

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def client(self):
        return Client(self.port)

    def ask(self, method, path, body=None, headers=None):
        with contextlib.closing(self.client()) as client:
            return client.ask(method, path, body, headers)

    def get(self, path):
        return self.ask("GET", path)

    def get_json(self, path):
        reply = self.get(path)
        assert reply.status == 200, (path, reply)
        return reply.json

    def post_events(self, lines, headers=None):
        with contextlib.closing(self.client()) as client:
            return client.post_events(lines, headers)

    def raw(self, data, timeout=REPLY_S):
        """What comes back on a bare socket until the service closes it."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as connection:
            connection.sendall(data)
            received = b""
            with contextlib.suppress(TimeoutError, ConnectionResetError):
                while chunk := connection.recv(65536):
                    received += chunk
            return received

    def settle(self):
        """Waits until every record of the log has been counted: a barrier is about those."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            reply = self.get("/ready")
            if (
                reply.status == 200
                and reply.json["caught_up"]
                and reply.json["records_behind"] == 0
            ):
                return
            time.sleep(0.005)  # until it has read on
        raise AssertionError(f"not caught up after {START_S} s: {reply}\n{self.log_tail()}")

    def barrier(self):
        """Everything acknowledged before has been counted and is in the lake."""
        self.settle()
        reply = self.ask("POST", "/api/v1/barrier")
        assert reply.status == 200, reply
        return reply

    def query_all(self, output):
        self.barrier()
        done = run_ok("query", "--all", "--format", "ndjson", "--server", self.url)
        pathlib.Path(output).write_bytes(done.stdout)
        return output

    def cells(self, metric, **parameters):
        """The cells of a metric now: {(start, group values): value}."""
        from urllib.parse import urlencode

        reply = self.get(
            f"/api/v1/metrics/{metric}?" + urlencode({"format": "ndjson"} | parameters)
        )
        assert reply.status == 200, reply
        rows = [json.loads(line) for line in reply.body.decode().split("\n") if line]
        return {(row["start"], *row["group"].values()): row["value"] for row in rows}

    def cells_after_barrier(self, metric, **parameters):
        self.barrier()
        return self.cells(metric, **parameters)

    def ledger(self):
        """The sum over partitions, after a barrier."""
        self.barrier()
        done = run_ok("query", "--ledger", "--server", self.url)
        document = json.loads(done.stdout)
        return document.get("ledger", document.get("total", document))

    def verify(self):
        """Its output."""
        self.settle()
        done = tidemark("verify", "--server", self.url)
        assert done.returncode == 0, (
            f"verify: exit {done.returncode}\n{done.stdout.decode(errors='replace')[-4000:]}"
            f"\n{done.stderr.decode(errors='replace')[-2000:]}\n{self.log_tail()}"
        )
        return done.stdout.decode()

    # The lake, read as others read it

    def table(self, name):
        """A Delta table by deltalake; None if it was never written."""
        path = self.place / "lake" / name
        if not (path / "_delta_log").exists():
            return None
        return deltalake.DeltaTable(str(path))

    def lake_rows(self, name, columns="*"):
        """Rows of the table's current files, read by DuckDB."""
        table = self.table(name)
        uris = table.file_uris() if table else []
        if not uris:
            return []
        files = ", ".join(
            "'" + uri.removeprefix("file://").replace("'", "''") + "'" for uri in uris
        )
        query = f"SELECT {columns} FROM read_parquet([{files}], hive_partitioning = true)"
        return duckdb.sql(query).fetchall()

    def lake_counts(self):
        """Rows of events and rejected as (deltalake, DuckDB) see them; they must agree."""
        counts = {}
        for name in ("events", "rejected"):
            table = self.table(name)
            by_deltalake = table.to_pyarrow_table(columns=["_epoch"]).num_rows if table else 0
            by_duckdb = self.lake_rows(name, "count(*)")
            by_duckdb = by_duckdb[0][0] if by_duckdb else 0
            assert by_deltalake == by_duckdb, (name, by_deltalake, by_duckdb)
            counts[name] = by_deltalake
        return counts

    def check_lake_against_ledger(self):
        """Both tables hold what the ledger says, and no event twice."""
        ledger = self.ledger()
        counts = self.lake_counts()
        assert counts["events"] == ledger["processed"], (counts, ledger)
        assert counts["rejected"] == sum(ledger["rejected"].values()), (counts, ledger)
        uids = self.lake_rows("events", "uid_high, uid_low")
        assert len(set(uids)) == len(uids), "a uid stands twice in the lake"
        places = self.lake_rows("rejected", 'source, partition, "offset", "index"')
        assert len(set(places)) == len(places), "a rejected record stands twice in the lake"
        assert ledger["verdicts"] == (
            ledger["processed"] + ledger["duplicate"] + sum(ledger["rejected"].values())
        ), ledger
        return ledger


def in_threads(count, work):
    """Runs work(i) in threads; the first exception is raised here."""
    errors = []

    def run(i):
        try:
            work(i)
        except BaseException as error:  # noqa: BLE001 - told to the test
            errors.append(error)

    threads = [threading.Thread(target=run, args=(i,), daemon=True) for i in range(count)]
    for thread in threads:
        thread.start()
    return threads, errors


def now_iso(ahead_s=0.0):
    t = time.time() + ahead_s
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(t)) + f".{int(t % 1 * 1e6):06d}Z"


def device_event(number, device=0, kind="app_open", **payload):
    """An event of the device preset with its own id."""
    return {
        "event_id": f"e{number}",
        "event_type": kind,
        "timestamp": now_iso(),
        "device_id": f"device-{device}",
        "device_type": "phone",
        "os": "Android 14",
        "app_version": "2.3.0",
        "region": "eu-west",
        "payload": payload or {"session_id": f"s{device}", "launch_time_ms": 12.5},
    }
