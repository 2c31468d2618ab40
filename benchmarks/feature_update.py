"""What a day costs: features brought up to date after a day's rows, against making them anew, on the same tables.

    python benchmarks/feature_update.py --copies 2
    python benchmarks/feature_update.py --copies 16 --engine spark --json

Silver holds a simulated world up to its last day. The table is built, the day arrives, the table is brought up to date;
then it is built again, which is the reference. The commit of the update is shown apart.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import polars as pl
from pyspark.sql import SparkSession

from fraud_detection.data.generator import World, generate_transactions
from fraud_detection.features.frames import to_spark
from fraud_detection.local_spark import build_local_session
from fraud_detection.schemas import SILVER_LABELS, SILVER_TRANSACTIONS, TRANSACTION_FEATURES
from fraud_detection.tables import Tables
from fraud_detection.tasks import feature_build
from fraud_detection.tasks.arguments import Arguments
from fraud_detection.tasks.context import Context, Settings
from meter import Cost, measured

DAY = timedelta(days=1)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    options = _parse(argv)
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        found = measure(Path(folder), options)
    if options.json:
        print(json.dumps(found))


def measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """CPU-seconds and seconds of a rebuild, a day's update, and of the update's commit."""
    tables = Tables("spark_catalog", "fraud", folder / "warehouse")
    spark = build_local_session(folder / "warehouse", cores=str(options.cores))
    tables.create_schema(spark)
    world = World(days=options.days)
    starts = datetime.combine(world.start, datetime.min.time(), UTC)
    last = starts + (world.days - 1) * DAY
    rows = as_silver(generate_transactions(world))
    _append(spark, tables, rows, options.copies, starts, last)
    _build(folder, tables, spark, last, options.engine)  # warm, and the state that the day finds
    _append(spark, tables, rows, options.copies, last, last + DAY)
    commit = Cost()
    with patch.object(feature_build, "write_update", _measure_into(commit, feature_build.write_update)):
        day, update = _build(folder, tables, spark, last + DAY, options.engine)
    spark.sql(f"DELETE FROM {tables.name(TRANSACTION_FEATURES)} WHERE event_date >= DATE'{last:%Y-%m-%d}'")  # noqa: S608
    rebuilt, rebuild = _build(folder, tables, spark, last + DAY, options.engine)
    spark.stop()
    found = {
        "rows": rebuilt.rows,
        "rows_written": day.written,
        "builds": [day.told["build"], rebuilt.told["build"]],
        "engines": [day.told["engine"], rebuilt.told["engine"]],
        "update_cpu_seconds": update.cpu_seconds,
        "commit_cpu_seconds": commit.cpu_seconds,
        "rebuild_cpu_seconds": rebuild.cpu_seconds,
        "update_wall_seconds": update.wall_seconds,
        "commit_wall_seconds": commit.wall_seconds,
        "rebuild_wall_seconds": rebuild.wall_seconds,
        "update_over_rebuild": (update.cpu_seconds - commit.cpu_seconds) / rebuild.cpu_seconds,
    }
    for name, value in found.items():
        print(f"{name:24} {value:.3f}" if isinstance(value, float) else f"{name:24} {value}")
    return found


def _build(
    folder: Path, tables: Tables, spark: SparkSession, now: datetime, engine: str
) -> tuple[feature_build.Done, Cost]:
    arguments = Arguments(as_of=f"{now:%Y-%m-%d}", engine=engine)
    context = Context("feature_build", arguments, Settings(), tables, folder)
    vars(context)["spark"] = spark
    with measured() as cost:
        done = feature_build.build(context)
    return done, cost


def _measure_into(cost: Cost, function: Any) -> Any:
    def run(*arguments: Any) -> None:
        with measured() as found:
            function(*arguments)
        vars(cost).update(vars(found))

    return run


def as_silver(world: pl.DataFrame) -> pl.DataFrame:
    """The columns of both tables of silver."""
    amount = (pl.col("amount_cents").cast(pl.Decimal(14, 2)) / 100).cast(pl.Decimal(12, 2)).alias("amount")
    arrival = {"source_file": pl.lit("f"), "file_modified_at": pl.col("event_time"), "line_number": pl.lit(1)}
    return world.with_columns(
        amount,
        event_date=pl.col("event_time").dt.date(),
        known_at=pl.col("event_time").dt.offset_by("7d"),
        updated_at=pl.col("event_time"),
        **arrival,
    )


def _append(
    spark: SparkSession, tables: Tables, world: pl.DataFrame, copies: int, since: datetime, until: datetime
) -> None:
    """Transactions of a time, and the labels that became known in it, for N times the entities."""
    keys = ("transaction_id", "customer_id", "terminal_id")
    for table, time in ((SILVER_TRANSACTIONS, "event_time"), (SILVER_LABELS, "known_at")):
        tables.ensure(spark, table)
        rows = world.filter((pl.col(time) >= since) & (pl.col(time) < until))
        for copy in range(copies):
            marked = rows.with_columns(pl.concat_str(key, pl.lit(f"-{copy}")).alias(key) for key in keys)
            frame = to_spark(spark, marked.select(table.column_names))
            frame.write.insertInto(tables.name(table.name))


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copies", type=int, default=1, help="N times the entities, about 9,800 rows a day each")
    parser.add_argument("--days", type=int, default=World().days, help="of history; an update looks 90 days back")
    parser.add_argument("--engine", choices=("auto", "single_node", "spark"), default="auto")
    parser.add_argument("--cores", default="*", help="that Spark has")
    parser.add_argument("--scratch", help="folder for the tables")
    parser.add_argument("--json", action="store_true", help="make the last line one JSON object")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
