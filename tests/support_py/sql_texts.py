"""The SQL that `tidemark explain --sql` prints, run over the oracle's events on an engine.

The events are those that the oracle decodes; the engines of tests/oracle/sql_forms.py hold them. The
columns that the program derives are derived by its own expression, not by the oracle.
"""

import json
import pathlib
import re
import sys
from collections import defaultdict
from datetime import datetime, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import yaml
from harness import TESTS, run_ok
from spark_java import DRIVER_OPTIONS

sys.path.insert(0, str(TESTS / "oracle"))

import oracle as oracle_module  # noqa: E402
import sql_forms  # noqa: E402

US = 1_000_000
HEAD = re.compile(r"^-- (\w+)\n", re.MULTILINE)


# Texts


def iso(us):
    return oracle_module.iso(us)


def texts_of(definitions, span, engine, table, names=()):
    """Metric to its text, and "events" to that of the view; definitions: options, as a list; names:
    only those metrics."""
    bounds = ["--from", iso(span[0]), "--to", iso(span[1] + 1)]
    view = ["--events", engine, "--table", table]
    done = run_ok("explain", *names, *definitions, "--sql", *bounds, *view)
    parts = HEAD.split(done.stdout.decode())
    assert parts[0] == ""
    return {name: text.rstrip().removesuffix(";") for name, text in zip(parts[1::2], parts[2::2])}


def derived_columns(view):
    """Name to expression, from the text of the view."""
    return {
        name: text
        for text, name in re.findall(r"^(CASE WHEN .* END) AS (\w+),$", view, re.MULTILINE)
    }


# Rows to cells


def exact(text):
    return None if text is None else sql_forms.plain(Decimal(text))


def double(text):
    return None if text is None else float(Decimal(text))


def seconds(row, count):
    return double(row["_sum"]) / count / US if count else None


def fields(spec, row):
    """The oracle's fields of a cell."""
    if "ratio" in spec:
        above, below = exact(row["_numerator"]), exact(row["_denominator"])
        value = float(above) / float(below) if above is not None and below else None
        return {"value": value, "numerator": above, "denominator": below}
    if "of" in spec:
        ranks = enumerate(spec["quantiles"])
        quantiles = {str(q): exact(row[f"_quantile{i}"]) for i, q in ranks}
        return {"count": row["_count"], "quantiles": quantiles}
    if "sessions" in spec:
        return {
            "sessions": row["_sessions"],
            "events": row["_events"],
            "bounced": row["_bounced"],
            "mean_duration": seconds(row, row["_sessions"]),
            "median_duration": row["_median"] / US,
        }
    if "funnel" in spec:
        return funnel_fields(spec, row)
    if "mean" in spec:
        total, count = row["_sum"], row["_count"]
        value = double(total) / count if count else None
        return {"value": value, "count": count, "sum": exact(total or "0")}
    if "sum" in spec:
        assert (row["_count"] == 0) == (row["_sum"] is None)
        return {"value": exact(row["_sum"])}
    if "min" in spec or "max" in spec:
        return {"value": exact(row["_value"])}
    assert isinstance(row["_value"], int)
    return {"value": row["_value"]}


def funnel_fields(spec, row):
    names = [name for step in spec["funnel"]["steps"] for name in step]
    count = len(names)
    reached = [row[f"_reached{k}"] for k in range(1, count + 1)]
    lost = [a - b for a, b in zip(reached, reached[1:])] + [0]
    steps = [
        {"name": name, "reached": r, "entities": row[f"_entities{k}"], "abandoned": abandoned}
        for k, (name, r, abandoned) in enumerate(zip(names, reached, lost), 1)
    ]
    return {
        "entered": reached[0],
        "completed": reached[-1],
        "unmatched": row["_unmatched"],
        "steps": steps,
        "mean_time": seconds(row, reached[-1]),
        "median_time": row["_median"] / US if reached[-1] else None,
    }


def retention_cell(name, spec, row):
    zone = ZoneInfo(spec.get("timezone", "UTC"))
    retained = [row[f"_retained{k}"] for k in range(spec["retention"]["periods"] + 1)]
    start = datetime.fromtimestamp(row["_start"] // US, timezone.utc).astimezone(zone)
    return {"metric": name, "cohort": str(start.date()), "size": retained[0], "retained": retained}


def cut(spec, cells):
    """The top groups of a mean, which SQL does not cut."""
    windows = defaultdict(list)
    for cell in cells:
        windows[cell["start"], cell["end"]].append(cell)
    key = lambda c: (  # noqa: E731
        c["value"] is None,
        -(c["value"] or 0),
        oracle_module.ascending(c["group"].values()),
    )
    return [c for w in windows.values() for c in sorted(w, key=key)[: spec["top"]]]


def cells_of_rows(name, metrics, rows):
    spec = metrics[name]
    if "retention" in spec:
        return [retention_cell(name, spec, row) for row in rows]
    by = metrics[spec["ratio"][0]].get("by", []) if "ratio" in spec else spec.get("by", [])
    cells = [
        {
            "metric": name,
            "start": iso(row["_start"]),
            "end": iso(row["_end"]),
            "group": {c: sql_forms.plain(row[c]) for c in by},
            **fields(spec, row),
        }
        for row in rows
    ]
    return cut(spec, cells) if "mean" in spec and "top" in spec else cells


# Engines


def with_uid(events):
    """The oracle's events with the identity as the lake has it: unique, in no order that matters."""
    for i, event in enumerate(events):
        yield {**event, "uid": str(i * 7919 % 1000003)}


def view_text(schema, derived, table):
    kept = [name for name in sql_forms.columns(schema) if name not in derived and name != "uid"]
    made = [f"{text} AS {name}" for name, text in derived.items()]
    uids = ["CAST(uid AS BIGINT) AS uid_high", "CAST(0 AS BIGINT) AS uid_low"]
    return f"SELECT {', '.join(kept + made + uids)} FROM {table} AS _t"


class DuckDB(sql_forms.DuckDB):
    name = "duckdb"

    def prepare(self, schema, events, derived):
        self.connection.execute("DROP VIEW IF EXISTS events; DROP TABLE IF EXISTS decoded")
        self.load(schema, list(with_uid(events)))
        self.connection.execute("ALTER TABLE events RENAME TO decoded")
        self.connection.execute(f"CREATE VIEW events AS {view_text(schema, derived, 'decoded')}")


class Spark(sql_forms.Spark):
    name = "spark"
    # One small machine, many small queries: no shuffle is worth two partitions, no plan a second
    # look, no code the better compiler.
    SETTINGS = {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": DRIVER_OPTIONS,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "2g",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.shuffle.partitions": "1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }

    def __init__(self, folder):
        from pyspark.sql import SparkSession

        settings = {**self.SETTINGS, "spark.sql.warehouse.dir": str(folder)}
        builder = SparkSession.builder.master("local[2]").appName("tidemark")
        self.session = builder.config(map=settings).getOrCreate()
        self.session.sparkContext.setLogLevel("OFF")

    def compile(self, is_compiled):
        """Whether queries become Java code: worth it for data, not for a few rows."""
        mode = "FALLBACK" if is_compiled else "NO_CODEGEN"
        self.session.conf.set("spark.sql.codegen.wholeStage", str(is_compiled).lower())
        self.session.conf.set("spark.sql.codegen.factoryMode", mode)

    def prepare(self, schema, events, derived):
        self.load(schema, list(with_uid(events)))
        self.session.table("events").createOrReplaceTempView("decoded")
        self.session.sql(view_text(schema, derived, "decoded")).createOrReplaceTempView("events")


# A case


def write_cells(engine, metrics, texts, out):
    for name, text in texts.items():
        for cell in cells_of_rows(name, metrics, engine.query(text)):
            print(oracle_module.dumps(cell), file=out)


def write_ledger(ledger, out):
    rejected = {k.split()[1]: n for k, n in sorted(ledger.items()) if k.startswith("rejected")}
    counts = {key: ledger[key] for key in ("records", "verdicts", "processed", "duplicate")}
    print(json.dumps({"ledger": {**counts, "rejected": rejected}}), file=out)


def read_events(config, folder, events_file):
    decoder = oracle_module.Decoder(config["schema"], str(folder))
    events, ledger = oracle_module.read(decoder, [str(events_file)])
    times = [event["event_time"] for event in events] or [0]
    return events, ledger, (min(times), max(times))


def run_case(engine, definitions_file, events_file, output, options, names=()):
    """Writes what the program's SQL says of a file, as the oracle would; of the named metrics."""
    path = pathlib.Path(definitions_file)
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    events, ledger, span = read_events(config, path.parent, events_file)
    texts = texts_of(options, span, engine.name, "decoded", names)
    engine.prepare(config["schema"], events, derived_columns(texts.pop("events")))
    assert list(texts) == list(names or config["metrics"])
    with open(output, "w", encoding="utf-8", newline="\n") as out:
        write_cells(engine, config["metrics"], texts, out)
        write_ledger(ledger, out)


def run_lake(engine, definitions_file, events_file, output, options):
    """The same where the engine has the lake's table of these events as lake_events."""
    path = pathlib.Path(definitions_file)
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    _, ledger, span = read_events(config, path.parent, events_file)
    texts = texts_of(options, span, engine.name, "lake_events")
    engine.query(texts.pop("events"))
    with open(output, "w", encoding="utf-8", newline="\n") as out:
        write_cells(engine, config["metrics"], texts, out)
        write_ledger(ledger, out)
