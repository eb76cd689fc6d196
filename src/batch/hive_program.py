"""The Spark side of `tidemark hive ddl --apply`: spark-submit runs it with a job file.

The job is {"application": name, "place": folder, "statements": [sql, ..]}. The metastore is the one
that Spark is configured for (hive-site.xml, hive.metastore.uris, javax.jdo.option.ConnectionURL);
without any, a Derby database in the folder. What goes on is told on stdout, in lines that begin
with "@tidemark "; all else there is for the log.
"""

import json
import sys
import traceback

from pyspark import SparkConf, SparkContext
from pyspark.sql import SparkSession

ERROR_LINES = 4
URL = "spark.hadoop.javax.jdo.option.ConnectionURL"
WAREHOUSE = "spark.sql.warehouse.dir"
EXTENSIONS = "spark.sql.extensions"
CATALOG = "spark.sql.catalog.spark_catalog"
DELTA_EXTENSION = "io.delta.sql.DeltaSparkSessionExtension"
DELTA_CATALOG = "org.apache.spark.sql.delta.catalog.DeltaCatalog"


def tell(**event):
    sys.stdout.write("@tidemark " + json.dumps(event) + "\n")
    sys.stdout.flush()


def has_metastore(conf):
    if conf.contains(URL) or conf.contains("spark.hadoop.hive.metastore.uris"):
        return True
    thread = SparkContext._jvm.java.lang.Thread.currentThread()
    return thread.getContextClassLoader().getResource("hive-site.xml") is not None


def settings(place):
    """What this needs beside what Spark is configured for."""
    SparkContext._ensure_initialized()
    conf = SparkConf()
    wanted = {}
    if not has_metastore(conf):
        wanted[URL] = f"jdbc:derby:;databaseName={place}/metastore_db;create=true"
        wanted[WAREHOUSE] = f"{place}/warehouse"
        wanted["spark.hadoop.datanucleus.schema.autoCreateAll"] = "true"
        wanted["spark.hadoop.hive.metastore.schema.verification"] = "false"
    extensions = conf.get(EXTENSIONS, "")
    if DELTA_EXTENSION not in extensions:
        wanted[EXTENSIONS] = f"{extensions},{DELTA_EXTENSION}" if extensions else DELTA_EXTENSION
    if not conf.contains(CATALOG):
        wanted[CATALOG] = DELTA_CATALOG
    return wanted


def explain(error):
    text = str(error)
    if DELTA_CATALOG in text or "DATA_SOURCE_NOT_FOUND" in text:
        return "Spark has no Delta: name its jars in batch.spark.properties, spark.jars"
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("at ")]
    return " ".join(lines[:ERROR_LINES]) or type(error).__name__


def run(job):
    builder = SparkSession.builder.appName(job["application"]).enableHiveSupport()
    spark = builder.config(map=settings(job["place"])).getOrCreate()
    spark.sparkContext.setLogLevel("WARN")
    tell(engine=f"spark/{spark.version}")
    for sql in job["statements"]:
        tell(begins=sql.split("\n", 1)[0])
        spark.sql(sql)
    tell(finished=True)
    spark.stop()


def main(path):
    with open(path, encoding="utf-8") as file:
        job = json.load(file)
    try:
        run(job)
    except Exception as error:
        traceback.print_exc()
        tell(error=explain(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
