"""The 14 reference windows by each engine, from parquet to parquet; the last three are what one writes without us."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from fraud_detection.arrow import small_rows
from fraud_detection.features import single_node
from fraud_detection.features import spark as spark_engine
from fraud_detection.features.contract import KEYS
from fraud_detection.features.engine import count_shards
from fraud_detection.features.feature import FeatureGroup
from fraud_detection.features.groups import customer_spend, terminal_risk, transaction
from fraud_detection.features.registry import GROUPS, REFERENCE_FEATURES
from fraud_detection.features.settings import FeatureSettings

DAYS = (1, 7, 30)
DELAY = 7
NIGHT, SATURDAY, SECONDS_A_DAY = 6, 6, 86_400
WINDOWS = REFERENCE_FEATURES[1:]
REFERENCE_GROUPS = (transaction.GROUP, customer_spend.GROUP, terminal_risk.GROUP)
LABELS = ("transaction_id", "is_fraud", "known_at")
Run = Callable[[Path, Path, Path], None]


def with_single_node(transactions: Path, labels: Path, out: Path, groups: tuple[FeatureGroup, ...]) -> None:
    """This project's engine for one machine."""
    cents = (pl.col("amount") * 100).round().cast(pl.Int64).alias("amount_cents")
    rows = pl.scan_parquet(transactions / "*.parquet").select(*KEYS[:4], cents)
    history = rows.join(pl.scan_parquet(labels / "*.parquet").select(LABELS), on="transaction_id", how="left").collect()
    single_node.compute_features(history, groups=groups).write_parquet(out)


def with_spark(
    spark: SparkSession, transactions: Path, labels: Path, out: Path, groups: tuple[FeatureGroup, ...], cores: int
) -> None:
    """This project's engine for a cluster."""
    rows = spark.read.parquet(str(transactions))
    cents = F.round(F.col("amount") * 100).cast("bigint").alias("amount_cents")
    known = spark.read.parquet(str(labels)).select(*LABELS)
    history = rows.select(*KEYS[:4], cents).join(known, "transaction_id", how="left")
    settings = FeatureSettings(shards=count_shards(rows.count(), cores))
    with small_rows(history.sparkSession):
        spark_engine.compute_features(history, settings, groups).write.mode("overwrite").parquet(str(out))


def with_spark_sql(spark: SparkSession, transactions: Path, labels: Path, out: Path) -> None:
    """RANGE windows of Spark SQL."""
    known = spark.read.parquet(str(labels)).select("transaction_id", "is_fraud")
    rows: DataFrame = spark.read.parquet(str(transactions)).join(known, "transaction_id", how="left")
    second = "unix_seconds(event_time)"
    spans = [*_own_row(), *_customer(second, SECONDS_A_DAY), *_terminal(second, SECONDS_A_DAY)]
    rows.selectExpr(*KEYS[:4], "amount", *spans).write.mode("overwrite").parquet(str(out))


def with_duckdb(transactions: Path, labels: Path, out: Path) -> None:
    """RANGE windows of DuckDB."""
    duckdb.sql("SET TimeZone = 'UTC'")
    night = [text.replace("dayofweek(event_time) IN (1, 7)", "isodow(event_time) >= 6") for text in _own_row()]
    second = "epoch(event_time)::BIGINT"
    spans = ", ".join([*night, *_customer(second, SECONDS_A_DAY), *_terminal(second, SECONDS_A_DAY)])
    duckdb.sql(
        f"COPY (SELECT {', '.join(KEYS[:4])}, amount, {spans} FROM read_parquet('{transactions}/*.parquet') AS t "  # noqa: S608
        f"LEFT JOIN read_parquet('{labels}/*.parquet') AS l USING (transaction_id)) TO '{out}' (FORMAT parquet)"
    )


def with_polars(transactions: Path, labels: Path, out: Path) -> None:
    """Rolling sums of Polars; a delayed window is a longer one less the delay."""
    known = pl.scan_parquet(labels / "*.parquet").select("transaction_id", pl.col("is_fraud").cast(pl.Int64))
    rows = pl.scan_parquet(transactions / "*.parquet").join(known, on="transaction_id", how="left").collect()
    rows = rows.with_columns(pl.col("amount").cast(pl.Float64), one=pl.lit(1, pl.Int64)).sort("event_time")
    time = pl.col("event_time").dt
    own = [
        (time.weekday() >= SATURDAY).cast(pl.Int32).alias("is_weekend"),
        (time.hour() <= NIGHT).cast(pl.Int32).alias("is_night"),
    ]
    rows = rows.with_columns(*own, *_polars_customer(), *_polars_terminal())
    shares = [
        (pl.col(f"terminal_fraud_{d}d") / pl.col(f"terminal_count_{d}d"))
        .fill_nan(0)
        .alias(f"terminal_fraud_share_{d}d")
        for d in DAYS
    ]
    rows.with_columns(shares).select(*KEYS[:4], "amount", *WINDOWS).write_parquet(out)


def _polars_customer() -> list[pl.Expr]:
    return [
        column
        for days in DAYS
        for column in (
            _rolling("one", days).over("customer_id").cast(pl.Int32).alias(f"customer_count_{days}d"),
            pl.col("amount")
            .rolling_mean_by("event_time", window_size=f"{days}d")
            .over("customer_id")
            .alias(f"customer_mean_amount_{days}d"),
        )
    ]


def _polars_terminal() -> list[pl.Expr]:
    return [
        (_rolling(name, days + DELAY) - _rolling(name, DELAY)).over("terminal_id").alias(f"terminal_{told}_{days}d")
        for days in DAYS
        for name, told in (("one", "count"), ("is_fraud", "fraud"))
    ]


def _rolling(name: str, days: int) -> pl.Expr:
    return pl.col(name).rolling_sum_by("event_time", window_size=f"{days}d")


def _own_row() -> list[str]:
    return [
        "CAST(dayofweek(event_time) IN (1, 7) AS INT) AS is_weekend",
        f"CAST(hour(event_time) <= {NIGHT} AS INT) AS is_night",
    ]


def _customer(second: str, unit: int) -> list[str]:
    return [
        f"{what} OVER (PARTITION BY customer_id ORDER BY {second} RANGE BETWEEN {days * unit - 1} PRECEDING AND "
        f"CURRENT ROW) AS customer_{told}_{days}d"
        for days in DAYS
        for what, told in (("COUNT(*)", "count"), ("AVG(amount)", "mean_amount"))
    ]


def _terminal(second: str, unit: int) -> list[str]:
    return [
        f"{what} OVER (PARTITION BY terminal_id ORDER BY {second} RANGE BETWEEN {(days + DELAY) * unit - 1} PRECEDING "
        f"AND {DELAY * unit} PRECEDING) AS terminal_{told}_{days}d"
        for days in DAYS
        for what, told in (("COUNT(*)", "count"), ("AVG(CAST(is_fraud AS INT))", "fraud_share"))
    ]


__all__ = [
    "GROUPS",
    "REFERENCE_GROUPS",
    "with_duckdb",
    "with_polars",
    "with_single_node",
    "with_spark",
    "with_spark_sql",
]
