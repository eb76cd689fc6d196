"""Events of both presets by another program's producer into Kafka, the lake on HDFS, the numbers out
again over Kafka: every cell the oracle's, live and lake equal on DuckDB and on Spark, the tables read
by delta-rs."""

import json

import pytest
from harness import PRESETS, differences, ledger_of, oracle
from hdfs import SPARK_URL, lake_url, read_lake
from kafka import generated, key_of, keyed, log_settings
from spark_batch import verify_on_spark


@pytest.mark.parametrize("preset", ["device", "sunbird"])
def test_kafka_in_hdfs_behind(kafka, hdfs, spark_installed, make_service, tmp_path, preset):
    log, cells, journeys = kafka.topic(), kafka.topic(partitions=3), kafka.topic(partitions=3)
    lines = generated(preset, 3000, 33)
    kafka.produce(log, list(keyed(preset, lines)), partitioner="murmur2_random")
    path = f"/whole-{preset}"
    service = make_service(
        preset=preset,
        settings=[
            *log_settings(kafka, log),
            f"lake.url={lake_url(path)}",
            f"lake.hdfs.spark_url={SPARK_URL}",
            f"publish.kafka.brokers={kafka.brokers}",
            f"publish.kafka.topic={cells}",
            f"publish.kafka.journeys={journeys}",
            "publish.kafka.interval=500ms",
        ],
    ).start()
    events = tmp_path / "events.ndjson"
    events.write_bytes(b"".join(lines))
    oracle(PRESETS / f"{preset}.yaml", events, tmp_path / "expected")
    service.query_all(tmp_path / "got")
    found = differences(tmp_path / "expected", tmp_path / "got", "--no-ledger")
    assert not found, found
    expected, ledger = ledger_of(tmp_path / "expected"), service.ledger()
    for key in ("processed", "duplicate", "rejected"):
        assert ledger[key] == expected[key], (key, ledger, expected)

    assert "live and lake are equal" in service.verify()
    if preset == "device":  # test_spark_batch.py has the other one, on a local lake
        more = ["--set", f"lake.hdfs.spark_url={SPARK_URL}"]
        done = verify_on_spark(service, tmp_path / "spark", *more)
        assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()[-4000:]

    for table, count in (
        ("events", ledger["processed"]),
        ("rejected", sum(ledger["rejected"].values())),
        ("raw", ledger["verdicts"]),
    ):
        _, rows = read_lake(hdfs, path, tmp_path / table, table)
        assert rows.aggregate("count(*)").fetchone() == (count,), table

    assert service.stop() == 0
    published = kafka.latest(cells)  # by a consumer that is not ours
    with open(tmp_path / "got", encoding="utf-8") as got:
        shown = {key_of(json.loads(line)) for line in got if not line.startswith('{"ledger"')}
    assert {key_of(cell) for cell in published.values()} == shown
    lines_of_kcat = kafka.kcat(cells).splitlines()
    assert len(lines_of_kcat) >= len(published)
