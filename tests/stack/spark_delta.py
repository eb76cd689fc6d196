"""A process of its own, for a Spark session with Delta beside one without: spark_delta.py LAKE. Of each
table of the lake what Spark reads through its log, then what it makes of it itself (OPTIMIZE, a
checkpoint), as one line of JSON."""

import json
import pathlib
import sys

from pyspark.sql import SparkSession

TESTS = pathlib.Path(__file__).resolve().parent.parent
JARS = TESTS.parent / ".deps/stack/spark/jars"
sys.path.insert(0, str(TESTS / "support_py"))

from spark_java import DRIVER_OPTIONS  # noqa: E402

SETTINGS = {
    "spark.databricks.delta.snapshotPartitions": "1",  # of a log of a few lines, not 50
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.extraJavaOptions": DRIVER_OPTIONS,
    "spark.driver.host": "127.0.0.1",
    "spark.driver.memory": "2g",
    "spark.jars": ",".join(str(jar) for jar in sorted(JARS.glob("*.jar"))),
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


def main():
    lake = pathlib.Path(sys.argv[1]).resolve()
    session = SparkSession.builder.master("local[2]").config(map=SETTINGS).getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    found = {}
    for name in sys.argv[2:]:
        path = f"delta.`{lake}/{name}`"
        rows = session.sql(f"SELECT count(*), count(DISTINCT _epoch) FROM {path}").collect()[0]
        history = session.sql(f"DESCRIBE HISTORY {path}").collect()
        session.sql(f"OPTIMIZE {path}")
        after = session.sql(f"SELECT count(*) FROM {path}").collect()[0]
        found[name] = {
            "rows": rows[0],
            "epochs": rows[1],
            "operations": [row["operation"] for row in history],
            "rows_after": after[0],
        }
    print(json.dumps(found))
    session.stop()


if __name__ == "__main__":
    main()
