"""The Spark side of `tidemark batch` and `tidemark verify`: spark-submit runs it with a job file.

The job (src/batch/spark_job.h) says which files are the lake and what to ask of them. Each answer
becomes a file of JSON lines, a row each and at the end how many there are; it gets its name when it
is whole, so what has its name need not be asked again. What goes on is told on stdout, in lines
that begin with "@tidemark "; all else there is for the log.
"""

import datetime
import decimal
import fcntl
import json
import os
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

from pyspark.sql import SparkSession

EPOCH = datetime.date(1970, 1, 1)
DAY_US = 86_400_000_000
TICK_S = 1
AT_ONCE = 2  # units: while one is planned, the other computes
PARTITION_BYTES = 16 << 20
ERROR_LINES = 4
# What decides numbers is not left to anybody's configuration.
SETTINGS = {
    "spark.sql.ansi.doubleQuotedIdentifiers": "false",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "false",
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.session.timeZone": "UTC",
}


def tell(**event):
    sys.stdout.write("@tidemark " + json.dumps(event) + "\n")
    sys.stdout.flush()


# Beside the work


def is_free(lock):
    """Whether the program that wants the answers has gone: it holds the lock while it lives."""
    try:
        fcntl.lockf(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def tell_tasks(tracker):
    stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
    stages = [stage for stage in stages if stage is not None]
    if stages:
        done = sum(stage.numCompletedTasks for stage in stages)
        tell(tasks=[done, sum(stage.numTasks for stage in stages)])


def watch(lock, tracker):
    while not is_free(lock):
        tell_tasks(tracker)
        time.sleep(TICK_S)
    os._exit(1)


# Tables


def escape(path):
    """Spark takes a path for a pattern."""
    return "".join("\\" + c if c in "\\*?[]{}" else c for c in path)


def is_read(date, bounds):
    """Whether a file of that date may have events of [from, to) microseconds."""
    if date is None:
        return True
    start = (datetime.date.fromisoformat(date) - EPOCH).days * DAY_US
    begin, end = bounds
    return (end is None or start < end) and (begin is None or start + DAY_US > begin)


def set_partitions(session, size):
    """Two hundred shuffle partitions are too many for a small lake; who sets a number has it."""
    name = "spark.sql.shuffle.partitions"
    if not session.sparkContext.getConf().contains(name):
        usual = int(session.conf.get(name))
        session.conf.set(name, str(min(usual, 2 + size // PARTITION_BYTES)))


def table(session, description, bounds):
    """The rows of the snapshot that have event times within the bounds."""
    root = escape(description["root"])
    files = [file for file in description["files"] if is_read(file[1], bounds)]
    if not files:
        return session.createDataFrame([], description["schema"])
    set_partitions(session, sum(size for _, _, size in files))
    paths = [f"{root}/{escape(path)}" for path, _, _ in files]
    rows = session.read.schema(description["schema"]).parquet(*paths).where(description["where"])
    begin, end = bounds
    if begin is not None:
        rows = rows.where(f"event_time >= timestamp_micros({begin})")
    if end is not None:
        rows = rows.where(f"event_time < timestamp_micros({end})")
    return rows


class Sessions(threading.local):
    """A session for each set of bounds has its own `events`; a thread keeps only its newest."""

    def __init__(self, spark, job):
        self.spark, self.job = spark, job
        self.key, self.session = None, None

    def of(self, unit):
        name, bounds = unit["table"], unit["events"]
        if self.key != (name, bounds):
            self.session = self.spark.newSession()
            for key, value in SETTINGS.items():
                self.session.conf.set(key, value)
            rows = table(self.session, self.job["tables"][name], bounds)
            rows.createOrReplaceTempView(name)
            if name == "lake_events":
                self.session.sql(self.job["events"]).createOrReplaceTempView("events")
            self.key = (name, bounds)
        return self.session


# Answers


def plain(value):
    """As DuckDB's library hands it out: decimals in millionths, truth as 0 and 1."""
    if isinstance(value, decimal.Decimal):
        return int(value.scaleb(6))
    return int(value) if isinstance(value, bool) else value


def write(rows, path):
    count = 0
    with open(path + ".part", "w", encoding="utf-8", newline="\n") as file:
        for row in rows.toLocalIterator(prefetchPartitions=True):
            values = [plain(value) for value in row]
            file.write(json.dumps(values, ensure_ascii=False, separators=(",", ":")) + "\n")
            count += 1
        file.write(f'{{"rows":{count}}}\n')
        file.flush()
        os.fsync(file.fileno())
    os.rename(path + ".part", path)
    return count


def answer(session, unit, folder):
    rows = session.sql(unit["sql"])
    begin, end = unit["starts"]
    if begin is not None:
        rows = rows.where(f"_start >= {begin}")
    if end is not None:
        rows = rows.where(f"_start < {end}")
    return write(rows, os.path.join(folder, unit["result"]))


# Failures


def first_lines(text):
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith(("at ", "JVM stacktrace"))]
    return " ".join(lines[:ERROR_LINES])


def root_cause(error):
    """What the innermost exception of Java says, or nothing."""
    java = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    java = getattr(java, "java_exception", java)
    text = ""
    while java is not None:
        text, java = java.toString(), java.getCause()
    return text


def explain(error):
    text = first_lines(str(error)) or type(error).__name__
    try:
        cause = first_lines(root_cause(error))
    except Exception:  # the Java side may be gone
        cause = ""
    return text if not cause or cause in text else f"{text}; caused by {cause}"


def run(job):
    lock = open(job["lock"], "rb")
    spark = SparkSession.builder.appName(job["application"]).getOrCreate()
    spark.sparkContext.setLogLevel("WARN")
    tracker = spark.sparkContext.statusTracker()
    threading.Thread(target=watch, args=(lock, tracker), daemon=True).start()
    tell(engine=f"spark/{spark.version}")
    sessions = Sessions(spark, job)

    def work(unit):
        tell(begins=unit["name"])
        count = answer(sessions.of(unit), unit, job["results"])
        tell(ends=unit["name"], rows=count)

    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        for _ in pool.map(work, job["units"]):
            pass  # the first failure is raised here
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
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
        os._exit(1)  # whatever else still computes


if __name__ == "__main__":
    main(sys.argv[1])
