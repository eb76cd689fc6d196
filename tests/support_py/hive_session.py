"""A Spark session over a Hive metastore as a program: `hive_session.py JOB RESULTS`.

JOB is {"metastore": folder, "jars": [path, ..], "steps": [[engine, sql], ..]};
RESULTS gets a list with, for each step, its rows as lists of JSON values, or {"error": text}.
Engine "spark" is Spark's SQL; "hive" is the engine of Hive 2.3 that Spark carries, whose rows are
one text each with tabs. One JVM for all: Derby lets in one process at a time.
"""

import datetime
import decimal
import json
import os
import sys
import time

from spark_java import DRIVER_OPTIONS


def plain(value):
    if isinstance(value, datetime.datetime):
        text = value.strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".")
        return text + "Z"
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


class Engines:
    def __init__(self, job):
        from pyspark.sql import SparkSession

        place = job["metastore"]
        url = f"jdbc:derby:;databaseName={place}/metastore_db;create=true"
        settings = {
            "spark.driver.bindAddress": "127.0.0.1",
            # Not spark.jars: Hive's engine closes the loader of those when it ends a statement.
            "spark.driver.extraClassPath": os.pathsep.join(job["jars"]),
            "spark.driver.extraJavaOptions": f"{DRIVER_OPTIONS} -Duser.timezone=UTC",
            "spark.driver.host": "127.0.0.1",
            "spark.hadoop.hive.auto.convert.join": "false",
            "spark.hadoop.javax.jdo.option.ConnectionURL": url,
            "spark.hadoop.mapreduce.framework.name": "local",
            "spark.databricks.delta.snapshotPartitions": "1",  # of a log of a few lines, not 50
            "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
            "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.shuffle.partitions": "1",
            "spark.sql.warehouse.dir": f"{place}/warehouse",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
        }
        builder = SparkSession.builder.master("local[2]").config(map=settings)
        self.session = builder.enableHiveSupport().getOrCreate()
        self.session.sparkContext.setLogLevel("OFF")
        java = self.session.sparkContext._jvm.java
        java.lang.System.setProperty("spark.testing", "true")  # or Spark hides Hive's engine
        catalog = self.session._jsparkSession.sharedState().externalCatalog()
        self.client = catalog.unwrapped().client()

    def spark(self, sql):
        return [[plain(value) for value in row] for row in self.session.sql(sql).collect()]

    def hive(self, sql):
        rows = self.client.runSqlHive(sql)
        return [rows.apply(i).split("\t") for i in range(rows.size())]


def main(job_path, results_path):
    os.environ["TZ"] = "UTC"
    time.tzset()  # collected times are local ones
    with open(job_path, encoding="utf-8") as file:
        job = json.load(file)
    engines = Engines(job)
    results = []
    for engine, sql in job["steps"]:
        try:
            results.append(getattr(engines, engine)(sql))
        except Exception as error:
            results.append({"error": f"{type(error).__name__}: {str(error)[:2000]}"})
    with open(results_path, "w", encoding="utf-8") as file:
        json.dump(results, file)
    engines.session.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
