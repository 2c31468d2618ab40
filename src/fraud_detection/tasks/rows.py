"""Reads the rows that features and models are made from, as they were known at a moment."""

from collections.abc import Sequence
from datetime import datetime

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from fraud_detection.features.frames import as_keys
from fraud_detection.schemas import SILVER_LABELS, SILVER_TRANSACTIONS, TRANSACTION_FEATURES
from fraud_detection.tables import Tables

KEYS = ("transaction_id", "event_time", "customer_id", "terminal_id")


def read_history(spark: SparkSession, tables: Tables, now: datetime) -> DataFrame:
    """All transactions before `now`, with the labels that were known by then; features are computed from it."""
    transactions, labels = tables.read(spark, SILVER_TRANSACTIONS.name), tables.read(spark, SILVER_LABELS.name)
    return join_history(transactions, labels, now)


def join_history(transactions: DataFrame, labels: DataFrame, now: datetime) -> DataFrame:
    """The same from some versions of the tables."""
    before = as_keys(transactions.where(F.col("event_time") < F.lit(now)))
    return before.join(known_labels(labels, now), "transaction_id", how="left")


def known_labels(labels: DataFrame, now: datetime) -> DataFrame:
    """Labels of silver that were known by then."""
    return labels.where(F.col("known_at") <= F.lit(now)).select("transaction_id", "is_fraud", "known_at")


def labelled_features(
    spark: SparkSession, tables: Tables, features: Sequence[str], since: datetime, now: datetime
) -> DataFrame:
    """Features of the transactions from `since` to `now`, with the labels that were known by then.

    Features come in single precision, which is what boosters compute with; the period bounds the size.
    """
    rows = tables.read(spark, TRANSACTION_FEATURES).where(
        (F.col("event_time") >= F.lit(since)) & (F.col("event_time") < F.lit(now))
    )
    selected = rows.select(*KEYS, "amount_cents", *(_single(name) for name in features))
    labels = known_labels(tables.read(spark, SILVER_LABELS.name), now)
    return selected.join(labels, "transaction_id", how="left")


def _single(name: str) -> Column:
    return F.col(name).cast("float").alias(name)
