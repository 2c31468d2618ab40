"""Bronze to silver and quarantine: each line ends in exactly one of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from fraud_detection.config import LABEL_FIELDS, TRANSACTION_FIELDS, DataSettings
from fraud_detection.data.ingest import LABELS_FEED, TRANSACTIONS_FEED, Feed
from fraud_detection.data.parsing import parse_csv, parse_json
from fraud_detection.data.rules import (
    EVENT,
    Rule,
    label_columns,
    label_rules,
    reasons,
    transaction_columns,
    transaction_rules,
    warnings,
)
from fraud_detection.schemas import QUARANTINE, SILVER_LABELS, SILVER_TRANSACTIONS, TableSchema, with_attributes

LINE = ("source_file", "line_number")
ARRIVAL_ORDER = ("file_modified_at", *LINE)
IS_GOOD = "size(reasons) = 0"
IS_BAD = "size(reasons) > 0"
SUPERSEDED = "superseded"
"""Reason of a valid line whose transaction arrived again later: a duplicate, or corrected since."""


@dataclass(frozen=True)
class Cleaning:
    """How one feed becomes silver.

    Attributes:
        sources: field → its name in the files.
        needs_event_time: whether a label's own time is its transaction's and the delay.
    """

    feed: Feed
    silver: TableSchema
    sources: Mapping[str, str]
    typed: Mapping[str, Column]
    rules: Sequence[Rule]
    needs_event_time: bool = False
    delimiter: str = ","


def transactions_cleaning(settings: DataSettings) -> Cleaning:
    """Transactions, with the attributes that the mapping names."""
    mapping = settings.mapping.transactions
    return Cleaning(
        feed=TRANSACTIONS_FEED,
        silver=with_attributes(SILVER_TRANSACTIONS, tuple(mapping.attributes)),
        sources=mapping.sources(TRANSACTION_FIELDS),
        typed=transaction_columns(mapping),
        rules=transaction_rules(settings),
        delimiter=mapping.delimiter,
    )


def labels_cleaning(settings: DataSettings) -> Cleaning:
    """Labels, with a time of their own or without."""
    mapping = settings.mapping.labels
    return Cleaning(
        feed=LABELS_FEED,
        silver=SILVER_LABELS,
        sources=mapping.sources(LABEL_FIELDS),
        typed=label_columns(settings),
        rules=label_rules(settings),
        needs_event_time=mapping.source("known_at") is None,
        delimiter=mapping.delimiter,
    )


@dataclass(frozen=True)
class Cleaned:
    """What a batch of bronze lines changes: rows to merge into silver, lines to add to quarantine."""

    silver: DataFrame
    quarantine: DataFrame


def check_lines(
    bronze: DataFrame, cleaning: Cleaning, headers: Sequence[str | None], event_times: DataFrame | None = None
) -> DataFrame:
    """Parse and judge every line: the silver columns, `reasons` and `warnings`; `raw` of the lines with a reason.

    Args:
        headers: the distinct headers in `bronze`; None stands for JSON lines, which need none.
        event_times: transaction_id, event_time; only for labels that have no time of their own.
    """
    parts = [
        parse_csv(bronze.where(F.col("header") == header), cleaning.sources, header, cleaning.delimiter)
        if header is not None
        else parse_json(bronze.where("header IS NULL"), cleaning.sources)
        for header in headers
    ]
    parsed = reduce(DataFrame.unionByName, parts)
    judged = (
        (parsed if event_times is None else _with_event_time(parsed, event_times))
        .withColumns(dict(cleaning.typed))
        .withColumn("reasons", reasons(cleaning.rules))
        .withColumn("warnings", warnings(cleaning.rules))
        .withColumn("raw", F.when(F.expr(IS_BAD), F.col("raw")))
        .withColumn("updated_at", F.lit(datetime.now(UTC)))  # the driver's clock: current_timestamp is costly in merges
    )
    return judged.select(*cleaning.silver.column_names, "raw", "reasons", "warnings")


def _with_event_time(labels: DataFrame, event_times: DataFrame) -> DataFrame:
    times = event_times.select(F.col("transaction_id").alias("known_id"), F.col("event_time").alias(EVENT))
    return labels.join(times, F.trim("transaction_id") == F.col("known_id"), how="left").drop("known_id")


def find_superseded(checked: DataFrame, silver: DataFrame, cleaning: Cleaning) -> DataFrame:
    """The good lines, of the batch or in silver already, whose transaction has a version that arrived later.

    Last in order of file_modified_at, source_file, line_number wins. Processing the same batch again finds the same,
    whatever of it had been written before. Few transactions arrive twice, so only those are compared; they are found by
    a hash, for numbers are shuffled at half the price of texts, and two transactions under one hash do no harm.
    """
    columns = cleaning.silver.column_names
    good = checked.where(IS_GOOD).select(*columns)
    known = silver.select(*columns).join(good.select("transaction_id"), "transaction_id", how="left_semi")
    hashed = F.xxhash64("transaction_id").alias("hash")
    repeated = good.select(hashed).groupBy("hash").count().where("count > 1").select("hash")
    suspects = F.broadcast(repeated.unionByName(known.select(hashed)).distinct())
    again = good.join(suspects, hashed == suspects["hash"], how="left_semi")
    versions = again.unionByName(known)
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
    rejected = checked.where(IS_BAD).drop("warnings").unionByName(with_raw)
    return Cleaned(
        winners.select(*cleaning.silver.column_names),
        rejected.withColumn("dataset", F.lit(cleaning.feed.dataset)).select(*QUARANTINE.column_names),
    )
