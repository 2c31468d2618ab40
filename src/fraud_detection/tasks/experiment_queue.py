"""The queue of experiments: what a run takes, and what becomes of it. Nothing is lost when anything is killed.

A row is taken by a run for some hours. What that run says of it afterwards, or nothing once the hours are over, decides
whether it is done, waits again, or has failed too often: so an experiment is done once or again, never lost.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from fraud_detection.schemas import EXPERIMENT_RESULTS, EXPERIMENTS
from fraud_detection.tables import Tables

LEASE_HOURS = 12
"""Longer than the job may take, shorter than the time to the next night."""
MOST_TRIES = 3
NO_WORD = "its run ended without a word of it"


def ensure_queue(spark: SparkSession, tables: Tables) -> None:
    """Create the tables of the queue where they are not."""
    for table in (EXPERIMENTS, EXPERIMENT_RESULTS):
        tables.ensure(spark, table)


def add_experiments(
    spark: SparkSession, tables: Tables, settings: Mapping[str, str], priority: int, now: datetime
) -> None:
    """Put experiments at the end of the queue, by id and settings as JSON; one whose id is there is left as it is."""
    ensure_queue(spark, tables)
    rows = [(name, text, priority, now, "waiting", 0, None, None, None, None, None) for name, text in settings.items()]
    tables.add_missing(EXPERIMENTS, spark.createDataFrame(rows, _ddl()))


def settle(spark: SparkSession, tables: Tables, now: datetime, run: str = "") -> dict[str, int]:
    """Decide on what was taken: by this run, or, without one, by runs whose hours are over.

    Returns:
        How many rows are now in each state that the decision gave.
    """
    queue, results = (tables.read(spark, table.name) for table in (EXPERIMENTS, EXPERIMENT_RESULTS))
    ours = F.col("taken_by") == run if run else F.col("taken_at") < F.lit(now - timedelta(hours=LEASE_HOURS))
    decided = decide(queue.where((F.col("state") == "taken") & ours), results, now)
    counts = decided.groupBy("state").count().collect()  # at most four rows
    tables.merge(EXPERIMENTS, decided)
    return {row.state: row["count"] for row in counts}


def decide(taken: DataFrame, results: DataFrame, now: datetime) -> DataFrame:
    """Rows that were taken, by the best result that there is of each: done, waiting again, or failed."""
    best = Window.partitionBy("experiment_id").orderBy(F.col("succeeded").desc(), F.col("finished_at").desc())
    told = results.withColumn("rank", F.row_number().over(best)).where("rank = 1")
    told = told.select(
        "experiment_id", "succeeded", *(F.col(name).alias(f"told_{name}") for name in ("run_id", "note"))
    )
    is_done, is_over = F.coalesce("succeeded", F.lit(False)), F.col("tries") >= MOST_TRIES
    state = F.when(is_done, "done").when(is_over, "failed").otherwise("waiting")
    return (
        taken.join(told, "experiment_id", how="left")
        .withColumns({"state": state, "run_id": F.col("told_run_id"), "finished_at": _when(state, now)})
        .withColumn("note", F.when(~is_done, F.coalesce("told_note", F.lit(NO_WORD))))
        .select(*EXPERIMENTS.column_names)
    )


def take(spark: SparkSession, tables: Tables, run: str, chosen: Sequence[str], now: datetime) -> list[str]:
    """Take chosen experiments that still wait; those that the run then has, in the order of the queue."""
    queue = tables.read(spark, EXPERIMENTS.name)
    free = queue.where(F.col("experiment_id").isin(*chosen) & (F.col("state") == "waiting"))
    mine = {"state": F.lit("taken"), "tries": F.col("tries") + 1, "taken_by": F.lit(run), "taken_at": F.lit(now)}
    if chosen:
        tables.merge(EXPERIMENTS, free.withColumns(mine))
    return taken_by(spark, tables, run)


def taken_by(spark: SparkSession, tables: Tables, run: str) -> list[str]:
    """The experiments that a run has, in the order of the queue."""
    return _ids(tables.read(spark, EXPERIMENTS.name).where((F.col("state") == "taken") & (F.col("taken_by") == run)))


def waiting(spark: SparkSession, tables: Tables, most: int) -> list[str]:
    """The first experiments that wait."""
    return _ids(tables.read(spark, EXPERIMENTS.name).where("state = 'waiting'"), most)


def _ids(rows: DataFrame, most: int = 10_000) -> list[str]:
    ordered = rows.orderBy(F.col("priority").desc(), "added_at", "experiment_id").limit(most)
    return [row.experiment_id for row in ordered.select("experiment_id").collect()]  # bounded by the limit


def _when(state: Column, now: datetime) -> Column:
    return F.when(state != "waiting", F.lit(now))


def _ddl() -> str:
    return ", ".join(f"{name} {kind.split()[0]}" for name, kind in EXPERIMENTS.columns.items())
