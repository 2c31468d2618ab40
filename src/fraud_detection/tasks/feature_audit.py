"""Reads what an audit of the published features compares: a sample of rows, and the silver that they follow from."""

from datetime import UTC, datetime

import polars as pl
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from fraud_detection.errors import DataError
from fraud_detection.features.contract import HISTORY, KEYS
from fraud_detection.features.frames import as_keys, to_polars, to_spark
from fraud_detection.features.origin import read_origin
from fraud_detection.features.registry import ALL_FEATURES
from fraud_detection.schemas import SILVER_LABELS, SILVER_TRANSACTIONS, TRANSACTION_FEATURES
from fraud_detection.table_changes import find_note
from fraud_detection.tasks.context import Context
from fraud_detection.tasks.feature_update import Silver, read_silver

AHEAD = datetime(9999, 1, 1, tzinfo=UTC)


def read_audited(context: Context, rows: int, before: datetime | None, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A sample of the published rows, and their history from the versions of silver that the table was made from.

    The history holds all rows of the sample's cards and terminals, and those of the cards seen at these terminals, for
    a terminal's features read theirs.

    Raises:
        DataError: there is no table of features, or it has no rows before that time.
    """
    if not context.tables.exists(context.spark, TRANSACTION_FEATURES):
        raise DataError(f"there is no table {TRANSACTION_FEATURES}; expected one: run feature_build first")
    table = context.tables.read(context.spark, TRANSACTION_FEATURES)
    published = to_polars(_draw(table.where(F.col("event_time") < F.lit(before or AHEAD)), rows, seed))
    if published.is_empty():
        raise DataError(f"the table {TRANSACTION_FEATURES} has no rows before {before}; expected some to audit")
    return published, _read_history(context, published)


def _draw(table: DataFrame, rows: int, seed: int) -> DataFrame:
    """By a hash of the transaction and the seed, which needs no count and no order of files."""
    return table.select(*KEYS, *ALL_FEATURES).orderBy(F.xxhash64("transaction_id", F.lit(seed))).limit(rows)


def _read_history(context: Context, published: pl.DataFrame) -> pl.DataFrame:
    silver = _silver_of_the_table(context)
    transactions = as_keys(silver.transactions)
    at_terminals = transactions.join(_only(context, published, "terminal_id"), "terminal_id", how="left_semi")
    cards = at_terminals.select("customer_id").union(_only(context, published, "customer_id")).distinct()
    of_cards = transactions.join(cards, "customer_id", how="left_semi")
    rows = at_terminals.unionByName(of_cards).distinct()
    labels = silver.labels.select("transaction_id", "is_fraud", "known_at")
    return to_polars(rows.join(labels, "transaction_id", how="left").select(*HISTORY))


def _silver_of_the_table(context: Context) -> Silver:
    """The versions that the table says it was made from; the newest, where it does not say."""
    spark, tables = context.spark, context.tables
    origin = read_origin(find_note(spark, tables, TRANSACTION_FEATURES).text)
    for table in (SILVER_TRANSACTIONS, SILVER_LABELS):
        tables.read(spark, table.name)  # makes a local table known
    if origin:
        return read_silver(context, origin)
    return Silver(tables.read(spark, SILVER_TRANSACTIONS.name), tables.read(spark, SILVER_LABELS.name))


def _only(context: Context, published: pl.DataFrame, entity: str) -> DataFrame:
    return F.broadcast(to_spark(context.spark, published.select(entity).unique()))
