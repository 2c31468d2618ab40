"""Reads the rows that features and models are made from, as they were known at a moment."""

from collections.abc import Sequence
from datetime import datetime

import polars as pl
import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from fraud_detection.schemas import SILVER_LABELS, SILVER_TRANSACTIONS, TRANSACTION_FEATURES
from fraud_detection.tables import Tables

KEYS = ("transaction_id", "event_time", "customer_id", "terminal_id")


def read_history(spark: SparkSession, tables: Tables, now: datetime) -> DataFrame:
    """All transactions before `now`, with the labels that were known by then; features are computed from it."""
    amount_cents = (F.col("amount") * 100).cast("bigint").alias("amount_cents")
    transactions = tables.read(spark, SILVER_TRANSACTIONS.name).where(F.col("event_time") < F.lit(now))
    return _with_labels(transactions.select(*KEYS, amount_cents), spark, tables, now)


def read_labelled_features(
    spark: SparkSession, tables: Tables, features: Sequence[str], since: datetime, now: datetime
) -> pl.DataFrame:
    """Features of the transactions from `since` to `now`, with the labels that were known by then.

    Features come in single precision, which is what boosters compute with; the period bounds the size.
    """
    rows = tables.read(spark, TRANSACTION_FEATURES).where(
        (F.col("event_time") >= F.lit(since)) & (F.col("event_time") < F.lit(now))
    )
    selected = rows.select(*KEYS, "amount_cents", *(_single(name) for name in features))
    return to_polars(_with_labels(selected, spark, tables, now))


def to_polars(rows: DataFrame) -> pl.DataFrame:
    """Bring rows to this process by Arrow; the caller says what bounds their number."""
    frame = pl.from_arrow(rows.toArrow())
    return frame if isinstance(frame, pl.DataFrame) else frame.to_frame()


def to_spark(spark: SparkSession, rows: pl.DataFrame) -> DataFrame:
    """Hand rows of this process to Spark by Arrow, with the plain strings that it reads."""
    return spark.createDataFrame(_with_plain_strings(rows.to_arrow()))


def _with_plain_strings(table: pa.Table) -> pa.Table:
    fields = [
        pa.field(field.name, pa.string()) if pa.types.is_large_string(field.type) else field for field in table.schema
    ]
    return table.cast(pa.schema(fields))


def _single(name: str) -> Column:
    return F.col(name).cast("float").alias(name)


def _with_labels(rows: DataFrame, spark: SparkSession, tables: Tables, now: datetime) -> DataFrame:
    labels = tables.read(spark, SILVER_LABELS.name).where(F.col("known_at") <= F.lit(now))
    return rows.join(labels.select("transaction_id", "is_fraud", "known_at"), "transaction_id", how="left")
