"""Bronze to silver and quarantine: each line ends in exactly one of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from fraud_detection.config import DataSettings
from fraud_detection.data.ingest import LABELS_FEED, TRANSACTIONS_FEED, Feed
from fraud_detection.data.parsing import parse_csv, parse_json
from fraud_detection.data.rules import Rule, label_columns, label_rules, reasons, transaction_columns, transaction_rules
from fraud_detection.schemas import QUARANTINE, SILVER_LABELS, SILVER_TRANSACTIONS, TableSchema

LINE = ("source_file", "line_number")
ARRIVAL_ORDER = ("file_modified_at", *LINE)
IS_GOOD = "size(reasons) = 0"
IS_BAD = "size(reasons) > 0"
SUPERSEDED = "superseded"
"""Reason of a valid line whose transaction arrived again later: a duplicate, or corrected since."""


@dataclass(frozen=True)
class Cleaning:
    """How one feed becomes silver."""

    feed: Feed
    silver: TableSchema
    fields: tuple[str, ...]
    rules: Callable[[DataSettings], list[Rule]]
    typed: Callable[[], dict[str, Column]]


TRANSACTIONS = Cleaning(
    TRANSACTIONS_FEED,
    SILVER_TRANSACTIONS,
    ("transaction_id", "event_time", "customer_id", "terminal_id", "amount"),
    transaction_rules,
    transaction_columns,
)
LABELS = Cleaning(
    LABELS_FEED,
    SILVER_LABELS,
    ("transaction_id", "is_fraud", "known_at"),
    label_rules,
    label_columns,
)


@dataclass(frozen=True)
class Cleaned:
    """What a batch of bronze lines changes: rows to merge into silver, lines to add to quarantine."""

    silver: DataFrame
    quarantine: DataFrame


def check_lines(
    bronze: DataFrame, cleaning: Cleaning, headers: Sequence[str | None], settings: DataSettings
) -> DataFrame:
    """Parse and judge every line: the silver columns and `reasons`, empty for a good line; `raw` of the bad ones.

    Args:
        headers: the distinct headers in `bronze`; None stands for JSON lines, which need none.
    """
    parts = [
        parse_csv(bronze.where(F.col("header") == header), cleaning.fields, header)
        if header is not None
        else parse_json(bronze.where("header IS NULL"), cleaning.fields)
        for header in headers
    ]
    judged = (
        reduce(DataFrame.unionByName, parts)
        .withColumns(cleaning.typed())
        .withColumn("reasons", reasons(cleaning.rules(settings)))
        .withColumn("raw", F.when(F.expr(IS_BAD), F.col("raw")))
        .withColumn("updated_at", F.lit(datetime.now(UTC)))
    )
    return judged.select(*cleaning.silver.column_names, "raw", "reasons")


def find_superseded(checked: DataFrame, silver: DataFrame, cleaning: Cleaning) -> DataFrame:
    """The good lines, of the batch or in silver already, whose transaction has a version that arrived later.

    Last in order of file_modified_at, source_file, line_number wins. Processing the same batch again finds the same,
    whatever of it had been written before. Few transactions arrive twice, so only those are compared.
    """
    columns = cleaning.silver.column_names
    good = checked.where(IS_GOOD).select(*columns)
    known = silver.select(*columns).join(good.select("transaction_id"), "transaction_id", how="left_semi")
    repeated = good.groupBy("transaction_id").count().where("count > 1").select("transaction_id")
    suspects = repeated.unionByName(known.select("transaction_id")).distinct()
    versions = good.join(F.broadcast(suspects), "transaction_id", how="left_semi").unionByName(known.select(*columns))
    latest_first = Window.partitionBy("transaction_id").orderBy(*(F.desc(name) for name in ARRIVAL_ORDER))
    ranked = versions.withColumn("rank", F.dense_rank().over(latest_first))
    return ranked.where("rank > 1").select(*columns).dropDuplicates(list(LINE))


def separate(checked: DataFrame, superseded: DataFrame, bronze: DataFrame, cleaning: Cleaning) -> Cleaned:
    """Split checked lines by their fate; `superseded` is small, or Spark would shuffle every row for it."""
    few = F.broadcast(superseded)
    winners = checked.where(IS_GOOD).join(few.select(*LINE), list(LINE), how="left_anti")
    raw = bronze.select(*LINE, "raw").join(few.select(*LINE), list(LINE), how="inner")
    with_raw = superseded.join(raw, list(LINE), how="left").select(
        *cleaning.silver.column_names,
        F.coalesce("raw", F.to_json(F.struct(*cleaning.silver.column_names))).alias("raw"),
        F.array(F.lit(SUPERSEDED)).alias("reasons"),
    )
    rejected = checked.where(IS_BAD).unionByName(with_raw)
    return Cleaned(
        winners.select(*cleaning.silver.column_names),
        rejected.withColumn("dataset", F.lit(cleaning.feed.dataset)).select(*QUARANTINE.column_names),
    )
