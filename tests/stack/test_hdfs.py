"""The lake on a real HDFS: what every store must do, a service whose lake is there, and what happens
when a DataNode dies or the NameNode restarts."""

import json
import os
import pathlib
import subprocess

import pytest
from harness import program, run_ok
from hdfs import SPARK_URL, WEB, dead_datanode, lake_url, namenode_restart, read_lake
from service import device_event

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SUITE = ROOT / "build/release/tests/stack/store_suite"
DEAD = "127.0.0.1:1"  # nobody listens


def start(make_service, path, *settings, namenodes=WEB):
    return make_service(
        preset="device",
        settings=[
            f"lake.url={lake_url(path, namenodes)}",
            "process.checkpoint=300ms",
            "log.embedded.partitions=2",
            *settings,
        ],
    ).start()


def test_every_store_does_this(hdfs, tmp_path):
    assert SUITE.exists(), f"{SUITE} is not built"
    done = subprocess.run(
        [SUITE],
        env=os.environ
        | {
            "TIDEMARK_STORE_URL": lake_url("/suite"),
            "TIDEMARK_STORE_SCRATCH": str(tmp_path),
            "CMOCKA_MESSAGE_OUTPUT": "STDOUT",
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not [path for path in hdfs.walk("/suite") if ".tmp-" in path]


def test_a_service_with_its_lake_on_hdfs(hdfs, make_service, tmp_path):
    # The first NameNode of the two is down: the other is asked.
    service = start(make_service, "/lake one", namenodes=f"{DEAD},{WEB}")
    events = [device_event(i, device=i % 7) for i in range(500)]
    for first in range(0, 500, 100):
        assert service.post_events(events[first : first + 100]).status == 200
        service.barrier()
    assert service.post_events(b'{"event_id": 5}\n').json["rejected"] == 1
    assert "live and lake are equal" in service.verify()
    table, rows = read_lake(hdfs, "/lake one", tmp_path / "events", "events")
    assert rows.aggregate("count(*), count(DISTINCT event_id)").fetchone() == (500, 500)
    assert table.version() >= 4

    # A second process on the same lake: batch writes, the service serves it, backtest reads.
    words = ["--preset", "device", "--data", service.place, "--set"]
    words += [f"lake.url={lake_url('/lake one')}"]
    done = run_ok("batch", *words, "--format", "json")
    assert json.loads(done.stdout)["run"] == 1
    by_batch = run_ok("backtest", *words, "--metric", "daily_events").stdout
    assert by_batch

    # So do people: DuckDB reads copies of the files, whose dates are those of the folders.
    asked = "SELECT event_date AS d, COUNT(*) AS n FROM events GROUP BY 1 ORDER BY 1"
    dates = rows.aggregate("CAST(event_date AS VARCHAR), count(*)").order("1").fetchall()
    found = map(json.loads, run_ok("sql", *words, asked).stdout.splitlines())
    assert [(row["d"], row["n"]) for row in found] == dates
    done = run_ok("sql", *words, "SELECT SUM(value) AS n FROM daily_events")
    assert json.loads(done.stdout) == {"n": 500}
    assert f"'{SPARK_URL}/lake one/events'" in run_ok("hive", "ddl", *words).stdout.decode()

    # The lake's own commands, while the service runs.
    run_ok("compact", *words)
    run_ok("lake", "check", *words)
    assert "live and lake are equal" in service.verify()
    assert not [path for path in hdfs.walk("/lake one") if ".tmp-" in path]

    # Stopped and started: it goes on where it was, and no event counts twice.
    assert service.stop() == 0
    service.start()
    assert service.post_events(events[:100]).status == 200
    assert "live and lake are equal" in service.verify()
    ledger = service.ledger()
    assert (ledger["processed"], ledger["duplicate"]) == (500, 100)


def test_replay_writes_a_lake_there(hdfs, tmp_path):
    source = tmp_path / "events.ndjson"
    source.write_text("".join(json.dumps(device_event(i)) + "\n" for i in range(50)))
    words = ["replay", "--preset", "device", "--lake", lake_url("/replayed")]
    words += ["--set", f"data={tmp_path / 'data'}", source]
    run_ok(*words)
    _, rows = read_lake(hdfs, "/replayed", tmp_path / "events", "events")
    assert rows.aggregate("count(*)").fetchone() == (50,)
    done = subprocess.run([program(), *map(str, words)], capture_output=True, text=True)
    assert done.returncode != 0 and "holds a lake already" in done.stderr


def test_redirects_go_where_they_may(hdfs, make_service):
    """fault_H8: the DataNodes are not on the list, and nothing is written to them."""
    service = make_service(
        preset="device",
        settings=[f"lake.url={lake_url('/refused')}", "lake.hdfs.hosts=datanode.example.org"],
    ).launch()
    assert service.exited() != 0
    assert "lake.hdfs.hosts does not name" in service.log_tail()
    assert not [path for path in hdfs.walk("/refused")]


@pytest.mark.parametrize("scenario", [dead_datanode, namenode_restart], ids=lambda s: s.__name__)
def test_servers_that_fail_under_load(hdfs, make_service, tmp_path, scenario):
    """fault_H1, fault_H3: the lake waits, the log holds, everything catches up, nothing is lost or
    counted twice."""
    service = start(make_service, f"/{scenario.__name__}")
    figures = scenario(hdfs, service, f"/{scenario.__name__}", tmp_path / "copy")
    print(scenario.__name__, json.dumps(figures))
    assert figures["events"] > 0 and figures["refused"] == 0, figures
    assert "live and lake are equal" in figures["verify"]
    assert service.stop() == 0


def test_spark_reads_the_same_lake(hdfs, spark, make_service):
    service = start(make_service, "/for-spark")
    assert service.post_events([device_event(i) for i in range(40)]).status == 200
    service.barrier()
    pattern = f"{SPARK_URL}/for-spark/events/*/*.parquet"
    rows = spark.session.read.parquet(pattern).selectExpr("count(*)", "count(distinct event_id)")
    assert tuple(rows.collect()[0]) == (40, 40)
