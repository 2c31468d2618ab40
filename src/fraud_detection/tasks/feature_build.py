"""Task feature_build: silver to transaction_features, by the engine that suits the size, as little as is needed."""

import logging
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import perf_counter

import mlflow
import psutil
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fraud_detection.arrow import small_rows
from fraud_detection.features import single_node, spark
from fraud_detection.features.definition import fingerprint
from fraud_detection.features.engine import EngineChoice, choose_engine, count_shards
from fraud_detection.features.frames import to_polars, to_spark
from fraud_detection.features.origin import BuildChoice, Origin, TableVersion, choose_build, refuse_many
from fraud_detection.features.spark_history import measure_lateness
from fraud_detection.schemas import (
    SILVER_LABELS,
    SILVER_TRANSACTIONS,
    TRANSACTION_FEATURES,
)
from fraud_detection.table_changes import find_note, follow_changes, noting
from fraud_detection.tables import find_gone
from fraud_detection.tasks.context import Context, task_context
from fraud_detection.tasks.feature_update import (
    Update,
    compute_update,
    first_day_read,
    published_table,
    read_silver,
    write_update,
)
from fraud_detection.tasks.rows import join_history
from fraud_detection.tasks.values import set_task_values

DRIVER_MEMORY = "spark.driver.memory"
UNITS = ("b", "k", "m", "g", "t")
SIZE = re.compile(rf"(\d+)([{''.join(UNITS)}])b?")

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Bring the features up to date, or make them anew where that cannot be, in one commit."""
    with task_context("feature_build", argv) as context:
        started = perf_counter()
        done = build(context)
        mlflow.log_params(done.told | done.wanted.versions)
        mlflow.log_metrics({"rows": done.rows, "rows_written": done.written, "seconds": perf_counter() - started})
        set_task_values({"rows": done.rows, "rows_written": done.written, **done.told})


@dataclass(frozen=True)
class Done:
    """What was made from what and how: words for the record, rows of the table, rows written."""

    wanted: Origin
    told: dict[str, str]
    rows: int
    written: int


def build(context: Context) -> Done:
    """Choose, compute, publish."""
    wanted = find_wanted(context)
    choice = choose(context, wanted)
    log.info("%s: %s", choice.name, choice.reason)
    with small_rows(context.spark):
        engine, written = update(context, choice.since, wanted) if choice.since else rebuild(context, wanted)
    told = {"build": choice.name, "build_reason": choice.reason, "engine": engine.name, "engine_reason": engine.reason}
    return Done(wanted, told, context.tables.read(context.spark, TRANSACTION_FEATURES).count(), written)


def find_wanted(context: Context) -> Origin:
    """What the features shall be made from: silver as it stands now."""
    transactions, labels = (_find_version(context, name) for name in (SILVER_TRANSACTIONS.name, SILVER_LABELS.name))
    return Origin(context.arguments.now, fingerprint(context.settings.features), transactions, labels)


def _find_version(context: Context, table: str) -> TableVersion:
    context.tables.read(context.spark, table)
    follow_changes(context.spark, context.tables, table)
    identity = context.tables.identity(context.spark, table)
    return TableVersion(identity, context.tables.version(context.spark, table))


def choose(context: Context, wanted: Origin) -> BuildChoice:
    """Update or rebuild, by what the table of features says of itself."""
    if not context.tables.exists(context.spark, TRANSACTION_FEATURES):
        return BuildChoice(None, "there is no table of features yet")
    table = published_table(attributes_of(context))
    if tuple(context.tables.read(context.spark, table.name).columns) != table.column_names:
        return BuildChoice(None, "the table has other columns")
    note = find_note(context.spark, context.tables, TRANSACTION_FEATURES)
    choice = choose_build(note.text, wanted, datetime.now(UTC) - note.written_at)
    if choice.since is None:
        return choice
    try:
        changed = Update(context, choice.since, wanted).count_changes()
    except Exception as refused:  # Py4J's or PySpark's
        if not find_gone(refused):
            raise
        return BuildChoice(None, "what changed since it was made cannot be read any more")
    return refuse_many(choice, changed, context.tables.read(context.spark, TRANSACTION_FEATURES).count())


def update(context: Context, since: Origin, wanted: Origin) -> tuple[EngineChoice, int]:
    """Compute and publish what changed; the engine that did it, and the rows written."""
    task = Update(context, since, wanted)
    task = replace(task, wanted=replace(wanted, lateness=task.measure_lateness()))
    changes = task.read_changes()
    since_day = F.col("event_date") >= F.lit(first_day_read(task, changes))
    engine, rows = choose_by_size(context, TRANSACTION_FEATURES, since_day)
    settings = replace(context.settings.features, shards=count_shards(rows, os.cpu_count() or 1))
    written = compute_update(task, changes, engine.name, settings)
    write_update(task, changes, written)
    return engine, written.height


def rebuild(context: Context, wanted: Origin) -> tuple[EngineChoice, int]:
    """Compute and publish all rows; the engine that did it, and the rows written."""
    silver = read_silver(context, wanted)
    engine, size = choose_by_size(context, SILVER_TRANSACTIONS.name)
    features = compute(context, join_history(silver.transactions, silver.labels, wanted.as_of), engine, size)
    table = published_table(attributes_of(context))
    rows = add_attributes(context, features.withColumn("event_date", F.to_date("event_time")), silver.transactions)
    lay_out(context, rows)
    late = measure_lateness(silver.transactions, silver.labels)
    with noting(context.spark, replace(wanted, lateness=late).to_text()):
        context.tables.replace(context.spark, table, rows)
    return engine, context.tables.read(context.spark, table.name).count()


def attributes_of(context: Context) -> tuple[str, ...]:
    """The names of the attributes of the user's own that silver carries."""
    return tuple(context.settings.data.mapping.transactions.attributes)


def add_attributes(context: Context, rows: DataFrame, transactions: DataFrame) -> DataFrame:
    """Join the attributes, if there are any."""
    names = attributes_of(context)
    if not names:
        return rows
    return rows.join(transactions.select("transaction_id", *names), "transaction_id", how="left")


def lay_out(context: Context, rows: DataFrame) -> None:
    """Give the table its columns before anything is noted: a note is for rows."""
    table, tables = published_table(attributes_of(context)), context.tables
    if not tables.exists(context.spark, table.name):
        tables.ensure(context.spark, table)
    elif tuple(tables.read(context.spark, table.name).columns) != table.column_names:
        tables.replace(context.spark, table, rows.limit(0))


def choose_by_size(context: Context, table: str, condition: Column | None = None) -> tuple[EngineChoice, int]:
    """Size the input, or the part of it that is read, by its own statistics, and this machine by what it has."""
    frame = context.tables.read(context.spark, table)
    rows = total = frame.count()
    if condition is not None:
        rows = frame.where(condition).count()
    size = int(context.tables.detail(context.spark, table).sizeInBytes)
    memory = psutil.virtual_memory().available
    share = rows / max(total, 1)
    # An update writes few of the rows that it reads; a table made anew hands all of them over.
    heap = driver_heap(context.spark.conf.get(DRIVER_MEMORY, "")) if condition is None else None
    cores = os.cpu_count() or 1
    return choose_engine(rows, int(size * share), cores, memory, context.arguments.engine, heap), rows


def driver_heap(said: str | None) -> int | None:
    """Bytes of a size as Spark writes it, such as 4g; None where it is not said."""
    found = SIZE.fullmatch((said or "").strip().lower())
    return int(found[1]) * 1024 ** UNITS.index(found[2]) if found else None


def compute(context: Context, history: DataFrame, engine: EngineChoice, rows: int) -> DataFrame:
    """The same definitions on either engine."""
    settings = context.settings.features
    if engine.name == "spark":
        return spark.compute_features(history, replace(settings, shards=count_shards(rows, os.cpu_count() or 1)))
    return to_spark(context.spark, single_node.compute_features(to_polars(history), settings))


if __name__ == "__main__":
    main()
