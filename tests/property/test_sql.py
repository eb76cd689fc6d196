"""The program's SQL on DuckDB against the oracle, on random inputs: other ones in every run.

`tidemark explain --sql` gives the texts of all of cases.py's metrics, of every kind; DuckDB runs them
over the events that the oracle decoded. Equal means equal: quantiles too, as batch has no sketches.
"""

import os

import pytest
from harness import DATA, replay_hint, seed_of_run, shared
from sql_cases import check_globs, check_preset, random_failures, sunbird_events
from sql_texts import DuckDB

COUNT = int(os.environ.get("TIDE_CASES", 30))
TEST = "tests/property/test_sql.py"


@pytest.fixture(scope="module")
def engine():
    return DuckDB()


def test_cases_equal_the_oracle(engine, tmp_path):
    seed = seed_of_run()
    failures = random_failures(engine, seed, COUNT, tmp_path)
    if failures:
        pytest.fail(f"{replay_hint(seed, TEST)}\n" + "\n".join(failures[:5]), pytrace=False)


def test_more_kinds_equal_the_oracle(engine, tmp_path):
    seed = seed_of_run()
    failures = random_failures(engine, seed, COUNT // 3 + 1, tmp_path, more=True)
    if failures:
        pytest.fail(f"{replay_hint(seed, TEST)}\n" + "\n".join(failures[:5]), pytrace=False)


def test_device_data_equal_the_oracle(engine, tmp_path):
    check_preset(engine, "device", DATA / "device-3000.ndjson", tmp_path)


def test_sunbird_data_equal_the_oracle(engine, tmp_path):
    check_preset(engine, "sunbird", sunbird_events(tmp_path), tmp_path)


def test_real_sunbird_data_equal_the_oracle(engine, tmp_path):
    check_preset(engine, "sunbird", shared("data/sunbird-valid-500.ndjson"), tmp_path)


def test_globs_match_as_they_do_in_python(engine, tmp_path):
    check_globs(engine, tmp_path)
