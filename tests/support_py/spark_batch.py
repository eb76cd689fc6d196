"""`tidemark batch` on Spark: how to call it, what it wrote, and what the death of a worker does.

kill_a_worker is a scenario whose figures go into the report on reliability.
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
from collections import Counter

import deltalake
import duckdb
from harness import TESTS, program, run_ok, tidemark
from spark_java import DRIVER_OPTIONS, OPTIONS

CLUSTER = TESTS / "stack/servers/spark.sh"
MASTER = "spark://127.0.0.1:7077"
SERVED_S = 60
RUN_S = 600  # Spark starts slowly on a busy machine
PROGRESS = re.compile(r"^\[(\d+)/(\d+)\] ", re.M)
PROPERTIES = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.extraJavaOptions": DRIVER_OPTIONS,
    "spark.driver.host": "127.0.0.1",
}
CLUSTER_PROPERTIES = {
    "spark.executor.cores": "1",
    "spark.executor.extraJavaOptions": OPTIONS,
    "spark.executor.memory": "600m",
}
ENVIRONMENT = {"SPARK_LOCAL_IP": "127.0.0.1"}
COLUMNS = (
    "metric, definition, generation, epoch_us(window_start), epoch_us(window_end), dimensions, "
    "value, result, state, epochs, offsets"
)


def settings(data, master="local[2]", **properties):
    """Options of batch and verify; data: where it works, None: elsewhere said."""
    folder = pathlib.Path(sys.executable).parent
    values = {} if data is None else {"data": data}
    values |= {
        "batch.spark.submit": folder / "spark-submit",
        "batch.spark.python": sys.executable,
        "batch.spark.master": master,
    }
    for name, value in {**PROPERTIES, **properties}.items():
        values[f"batch.spark.properties.{name}"] = value
    return [word for pair in values.items() for word in ("--set", "{}={}".format(*pair))]


def run_batch(*words):
    """Runs it; its summary, and what it said meanwhile."""
    done = run_ok(
        "batch", "--format", "json", *words, environment=ENVIRONMENT, timeout=RUN_S
    )
    return json.loads(done.stdout), done.stderr.decode()


def batch(preset, lake, *options):
    return run_batch("--preset", preset, "--lake", lake, *options)


def batch_on_spark(preset, lake, data, *options):
    return batch(preset, lake, "--engine", "spark", *settings(data), *options)


def launch(preset, lake, folder, *options):
    """The same in the background, with its output in files of folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "out", "wb") as out, open(folder / "err", "wb") as err:
        return subprocess.Popen(
            [program(), "batch", "--preset", preset, "--lake", lake, "--engine", "spark"]
            + ["--format", "json", *map(str, options)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env={**os.environ, **ENVIRONMENT},
        )


def wait_for_pieces(process, folder, count):
    """Until so many pieces are finished; how many there are."""
    deadline = time.monotonic() + RUN_S
    while time.monotonic() < deadline and process.poll() is None:
        found = PROGRESS.findall((folder / "err").read_text())
        if found and int(found[-1][0]) >= count:
            return int(found[-1][1])
        time.sleep(0.05)  # until the line is there
    raise AssertionError((folder / "err").read_text())


# What a run wrote


def live_files(lake, table):
    uris = deltalake.DeltaTable(str(pathlib.Path(lake) / table)).file_uris()
    return [uri.removeprefix("file://") for uri in uris]


def rows_of_run(lake, run):
    """All rows of a run, coverage too, in one order."""
    files = live_files(lake, "metrics")
    return duckdb.sql(
        f"SELECT {COLUMNS} FROM read_parquet({files!r}) WHERE run = {run} ORDER BY ALL"
    ).fetchall()


def write_cells(lake, run, path, names):
    """A run's cells as the oracle writes them; of those metrics."""
    files = live_files(lake, "metrics")
    time_text = "strftime({} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ')"
    start, end = time_text.format("window_start"), time_text.format("window_end")
    rows = duckdb.sql(
        f"SELECT metric, {start}, {end}, dimensions, result FROM read_parquet({files!r}) "
        f"WHERE run = {run} AND generation = 'batch'"
    ).fetchall()
    with open(path, "w", encoding="utf-8", newline="\n") as out:
        for metric, begin, stop, dimensions, result in rows:
            if metric in names:
                cell = {"metric": metric, **json.loads(result)}
                if "cohort" not in cell:
                    cell |= {"start": begin, "end": stop, "group": json.loads(dimensions)}
                out.write(json.dumps(cell, ensure_ascii=False) + "\n")


def runs_of(lake):
    """Numbers of the runs in the table."""
    if not (pathlib.Path(lake) / "metrics/_delta_log").exists():
        return set()
    files = live_files(lake, "metrics")
    rows = duckdb.sql(f"SELECT DISTINCT run FROM read_parquet({files!r})").fetchall()
    return {run for (run,) in rows}


def wait_until_served(service, metric, run):
    """Until the service, which looks once a second, serves cells of that run."""
    deadline = time.monotonic() + SERVED_S
    while time.monotonic() < deadline:
        reply = service.get(f"/api/v1/metrics/{metric}?format=ndjson")
        cells = [json.loads(line) for line in reply.body.decode().splitlines() if line]
        if any(c["generation"] == "batch" and c["revision"] == run for c in cells):
            return
        time.sleep(0.1)  # until it has looked
    raise AssertionError(f"run {run} of {metric} is not served")


# A cluster


class Cluster:
    """A master and two workers; stops with the `with`."""

    def __init__(self, folder, workers=2):
        self.folder, self.workers = pathlib.Path(folder), workers

    def call(self, *words):
        environment = {**os.environ, "STACK": str(self.folder), "PYTHON": sys.executable}
        done = subprocess.run(
            ["bash", CLUSTER, *map(str, words)], env=environment, capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=RUN_S,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.split()

    def __enter__(self):
        try:
            self.call("up", self.workers)
        except BaseException:
            self.call("down")
            raise
        return self

    def __exit__(self, *error):
        self.call("down")


def kill_a_worker(cluster, preset, lake, folder, *more, after=2):
    """kill -9 of a worker and its executor during a batch, which must not notice in its numbers.

    Figures: seconds from the kill to the end of the batch, executors killed, cells of the batch,
    and how many of them DuckDB has not (wrong), has and it has not (lost), or it has twice. more:
    options of the batch; after: pieces that are finished before."""
    wanted, _ = batch(preset, lake, *more)
    data = folder / "data"
    start = time.monotonic()
    options = settings(data, MASTER, **CLUSTER_PROPERTIES)
    process = launch(preset, lake, folder, *options, *more)
    try:
        pieces = wait_for_pieces(process, folder, after)
        killed = cluster.call("kill9", cluster.workers)
        at = time.monotonic()
        code = process.wait(timeout=RUN_S)
    finally:
        process.kill()
        process.wait()
    said = (folder / "err").read_text()
    assert code == 0, said
    found = json.loads((folder / "out").read_text())
    expected = Counter(rows_of_run(lake, wanted["run"]))
    actual = Counter(rows_of_run(lake, found["run"]))
    return {
        "pieces": pieces,
        "finished_before": after,
        "executors_killed": len(killed),
        "executors_lost": said.count("an executor is lost"),
        "seconds": round(time.monotonic() - start, 1),
        "seconds_after_the_kill": round(time.monotonic() - at, 1),
        "cells": sum(actual.values()),
        "wrong": sum((actual - expected).values()),
        "lost": sum((expected - actual).values()),
        "doubled": sum(n - 1 for n in actual.values()),
        "run": found["run"],
    }


def kill_spark(process):
    """kill -9 of the JVM that spark-submit became, a child of the program."""
    children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert len(children) == 1, children
    os.kill(int(children[0]), signal.SIGKILL)


def verify_on_spark(service, data, *more):
    """The finished process."""
    return tidemark(
        "verify", "--server", service.url, "--engine", "spark", *settings(data), *more,
        environment=ENVIRONMENT, timeout=RUN_S,
    )  # fmt: skip
