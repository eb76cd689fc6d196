"""The program's SQL on Spark against the oracle: the same texts that run on DuckDB, unchanged.

Random cases of cases.py with a few of their metrics each, all of the other kinds, both presets, a
lake that the program wrote, and the globs of derived columns. A failure prints its seed.
"""

import pytest
from harness import DATA, replay_hint, seed_of_run, shared
from sql_cases import check_globs, check_lake, check_preset, random_failures, sunbird_events

CASES = 20
METRICS = 10  # of each case; a query takes a quarter of a second
MORE_CASES = 2
TEST = "tests/stack/test_spark_sql.py"


def report(seed, failures):
    if failures:
        pytest.fail(f"{replay_hint(seed, TEST)}\n" + "\n".join(failures[:5]), pytrace=False)


def test_cases_equal_the_oracle(spark, tmp_path):
    seed = seed_of_run()
    spark.compile(False)
    report(seed, random_failures(spark, seed, CASES, tmp_path, sample=METRICS))


def test_more_kinds_equal_the_oracle(spark, tmp_path):
    seed = seed_of_run()
    spark.compile(False)
    report(seed, random_failures(spark, seed, MORE_CASES, tmp_path, more=True))


def test_device_data_equal_the_oracle(spark, tmp_path):
    spark.compile(True)
    check_preset(spark, "device", DATA / "device-3000.ndjson", tmp_path)


def test_real_sunbird_data_equal_the_oracle(spark, tmp_path):
    spark.compile(True)
    check_preset(spark, "sunbird", shared("data/sunbird-valid-500.ndjson"), tmp_path)


def test_a_lake_equals_the_oracle(spark, tmp_path):
    def read_table(table):
        spark.session.read.parquet(str(table)).createOrReplaceTempView("lake_events")

    spark.compile(True)
    check_lake(spark, "sunbird", sunbird_events(tmp_path), tmp_path, read_table)


def test_globs_match_as_they_do_in_python(spark, tmp_path):
    check_globs(spark, tmp_path)
