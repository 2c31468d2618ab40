"""Customers are forgotten: their lines and rows go from files and tables, and the former versions of tables go too.

The derived goes first and the source last, so that a call that is cut finds the rest when it is made again: labels are
known by the transactions in silver, lines of bronze by silver and quarantine.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from fraud_detection.card_numbers import read_keys
from fraud_detection.config import DataSettings
from fraud_detection.data.cleaning import LINE, check_lines, transactions_cleaning
from fraud_detection.data.gold import refresh_gold
from fraud_detection.data.ingest import LABELS_FEED, TRANSACTIONS_FEED, Feed, check_folder, keep_card_marks, list_files
from fraud_detection.data.published import FEEDS, refuse_streams_behind, refuse_unpublished
from fraud_detection.data.redaction import redact_file
from fraud_detection.data.rules import UNREADABLE
from fraud_detection.errors import ConfigurationError, DataError
from fraud_detection.schemas import (
    BRONZE_LABELS,
    BRONZE_TRANSACTIONS,
    GOLD_DAYS,
    LANDING_FILES,
    QUARANTINE,
    SILVER_LABELS,
    SILVER_TRANSACTIONS,
)
from fraud_detection.tables import Tables

SOURCES = (BRONZE_TRANSACTIONS, BRONZE_LABELS, SILVER_TRANSACTIONS, SILVER_LABELS, QUARANTINE)
PERSONAL = {"customer_id", "transaction_id", "raw"}
"""Columns of the tables whose former versions are removed."""
FOUND = "source_file STRING, line_number BIGINT"


class Line(NamedTuple):
    """A line of a file, and the transaction that it tells of, as far as it can be read."""

    transaction: str
    file: str
    number: int


@dataclass(frozen=True)
class Erasure:
    """Whom to forget, and where.

    Attributes:
        customers: as the tables name them.
        landing: folder of the files that arrived.
        names: of the tables that are there.
    """

    spark: SparkSession
    tables: Tables
    settings: DataSettings
    customers: tuple[str, ...]
    landing: str
    names: tuple[str, ...]

    def read(self, table: str) -> DataFrame:
        """The rows of a table."""
        return self.tables.read(self.spark, table)


def erase(
    spark: SparkSession,
    tables: Tables,
    settings: DataSettings,
    customers: Sequence[str],
    landing: str,
    checkpoints: str,
    names: Sequence[str],
) -> Iterator[tuple[str, int]]:
    """Forget customers, with no job running; a call that is cut is made again.

    Args:
        customers: their ids, or numbers of cards.
        landing: folder of the files that arrived; files behind an address with a scheme are not touched.
        checkpoints: folder where streams keep their progress.
        names: of the tables that are there.

    Yields:
        Each landing file and table that names customers or transactions, and how many lines or rows went.

    Raises:
        ConfigurationError: no customer is named, one is a card number and there is no key, or the keys are not those of
            the tables.
        DataError: tables are missing, files or lines wait to be taken in or published, a stream has not read them, or a
            landing file is not as bronze has it.
    """
    told = tuple(read_keys().tokenise(customer) for customer in customers)
    if not told or not all(customer.strip() for customer in told):
        raise ConfigurationError(
            "found no customer, or an empty one; expected ids as they stand in silver_transactions"
        )
    missing = sorted({table.name for table in SOURCES} - {*names})
    if missing:
        raise DataError(
            f"found no {', '.join(missing)} in {tables.catalog}.{tables.schema}; expected all tables of data_prep: "
            "name another --catalog or --schema, or run data_prep first"
        )
    task = Erasure(spark, tables, settings, told, landing, tuple(names))
    for name in (BRONZE_TRANSACTIONS.name, BRONZE_LABELS.name):
        keep_card_marks(spark, tables, name, tables.properties(spark, name))
    _refuse_files_that_wait(task)
    refuse_unpublished(spark, tables, names, "run data_prep, or the stream, stop it")
    refuse_streams_behind(spark, tables, names, checkpoints)
    yield from _erase_everywhere(task)
    for name in (name for name in names if PERSONAL & {*tables.read(spark, name).columns}):
        tables.forget(spark, name, keep_log=name in {BRONZE_TRANSACTIONS.name, BRONZE_LABELS.name})


def _refuse_files_that_wait(task: Erasure) -> None:
    """What has arrived and was never seen would bring the customers back; a folder that is not there is another one."""
    known = {row.source_file for row in task.read(LANDING_FILES.name).select("source_file").collect()}  # a row a file
    for feed, _ in FEEDS:
        dataset = feed.dataset
        if dataset in task.settings.kafka.topics:
            continue
        check_folder(f"{task.landing}/{dataset}")
        waiting = sorted({f"{dataset}/{name}" for name in list_files(f"{task.landing}/{dataset}")} - known)
        if waiting:
            raise DataError(
                f"{waiting[0]} and {len(waiting) - 1} more files were never taken in; expected none, for they may hold "
                "the customers: run data_prep, or the stream, stop it, then run this again"
            )


def _erase_everywhere(task: Erasure) -> Iterator[tuple[str, int]]:
    own = _own_transactions(task)
    refused = _refused_transactions(task, [line.transaction for line in own])
    ids = sorted({line.transaction for line in (*own, *_of_nobody_else(task, refused)) if line.transaction})
    yield from _erase_derived(task, ids)
    yield from _erase_lines(task, LABELS_FEED, SILVER_LABELS.name, _label_lines(task, ids))
    lines = [*own, *refused, *_orphans(task, ids)]
    yield from _erase_lines(task, TRANSACTIONS_FEED, SILVER_TRANSACTIONS.name, lines)
    if GOLD_DAYS.name in task.names:
        refresh_gold(task.spark, task.tables)


def _own_transactions(task: Erasure) -> list[Line]:
    return _lines(task.read(SILVER_TRANSACTIONS.name).where(F.col("customer_id").isin(*task.customers)))


def _refused_transactions(task: Erasure, own: Sequence[str]) -> list[Line]:
    """Lines in quarantine that tell of the customers: by what was read of them, or where nothing was, by their words.

    Another version of one of their transactions is theirs too, whoever it names.
    """
    cleaning = transactions_cleaning(task.settings)
    quarantined = _quarantined(task, TRANSACTIONS_FEED).select(*LINE)
    lines = task.read(BRONZE_TRANSACTIONS.name).join(F.broadcast(quarantined), list(LINE), how="left_semi")
    headers = [row.header for row in lines.select("header").distinct().collect()]  # as many as kinds of files
    if not headers:
        return []
    tells = F.col("customer_id").isin(*task.customers) | F.col("transaction_id").isin(*own)
    unread = F.array_contains("reasons", UNREADABLE) | F.col("customer_id").isNull()
    told = tells | (unread & _has_word(task, *task.customers, *own))
    return _lines(check_lines(lines, cleaning, headers).where(told))


def _of_nobody_else(task: Erasure, refused: Sequence[Line]) -> list[Line]:
    """Without those that a correction made another customer's."""
    ids = [line.transaction for line in refused if line.transaction]
    is_others = F.col("transaction_id").isin(*ids) & ~F.col("customer_id").isin(*task.customers)
    others = {line.transaction for line in _lines(task.read(SILVER_TRANSACTIONS.name).where(is_others))}
    return [line for line in refused if line.transaction not in others]


def _orphans(task: Erasure, ids: Sequence[str]) -> list[Line]:
    """Their lines in quarantine whose line in bronze a call has taken out that was cut then."""
    lines = task.read(BRONZE_TRANSACTIONS.name).select(*LINE)
    theirs = _quarantined(task, TRANSACTIONS_FEED).where(_has_word(task, *task.customers, *ids))
    return _lines(theirs.join(lines, list(LINE), how="left_anti"))


def _label_lines(task: Erasure, ids: Sequence[str]) -> list[Line]:
    """Lines of labels in silver and in quarantine that are about the transactions."""
    is_own = F.col("transaction_id").isin(*ids)
    unread = F.array_contains("reasons", UNREADABLE) | F.col("transaction_id").isNull()
    quarantined = _quarantined(task, LABELS_FEED).where(is_own | (unread & _has_word(task, *ids)))
    return [*_lines(task.read(SILVER_LABELS.name).where(is_own)), *_lines(quarantined)]


def _quarantined(task: Erasure, feed: Feed) -> DataFrame:
    return task.read(QUARANTINE.name).where(F.col("dataset") == feed.dataset)


def _has_word(task: Erasure, *words: str) -> Column:
    """Whether one of these words stands in a line as it arrived."""
    mapping = task.settings.mapping
    delimiters = "".join(re.escape(one.delimiter) for one in (mapping.transactions, mapping.labels))
    between = rf"[\s\"',;|{{}}\[\]:\\{delimiters}]+"
    return F.exists(F.split("raw", between), lambda word: word.isin(*words))


def _lines(rows: DataFrame) -> list[Line]:
    """Lines of some customers, kept here: the tables that they were found in are about to lose them."""
    return [Line(*row) for row in rows.select("transaction_id", *LINE).collect()]


def _erase_derived(task: Erasure, ids: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Rows of all tables that were made from silver and name a customer or a transaction."""
    sources = {table.name for table in SOURCES}
    for name in (name for name in task.names if name not in sources):
        rows = task.read(name)
        if "transaction_id" not in rows.columns:
            continue
        is_own, key = F.col("transaction_id").isin(*ids), ["transaction_id"]
        if "customer_id" in rows.columns:  # a row may be of a time when the transaction was somebody else's
            is_own, key = is_own | F.col("customer_id").isin(*task.customers), [*key, "customer_id"]
        own = rows.where(is_own).select(*key).distinct().collect()  # of some customers
        yield name, _remove(task, name, key, [tuple(row) for row in own])


def _erase_lines(task: Erasure, feed: Feed, silver: str, lines: Sequence[Line]) -> Iterator[tuple[str, int]]:
    """Lines of one dataset: files first, then bronze, and last what they were found by."""
    keys = sorted({(line.file, line.number) for line in lines})
    in_quarantine = [(feed.dataset, *key) for key in keys]
    yield from _erase_files(task, feed, keys)
    yield feed.bronze.name, _remove(task, feed.bronze.name, LINE, keys)
    yield QUARANTINE.name, _remove(task, QUARANTINE.name, ("dataset", *LINE), in_quarantine)
    yield silver, _remove(task, silver, LINE, keys)


def _remove(task: Erasure, name: str, key: Sequence[str], values: Sequence[tuple[Any, ...]]) -> int:
    """Nothing is written where there is nothing: features would have to be made anew for it."""
    if not values:
        return 0
    table = task.read(name)
    keys = task.spark.createDataFrame(values, table.select(*key).schema)
    count = table.join(F.broadcast(keys), list(key), how="left_semi").count()
    if count:
        task.tables.remove(name, keys, key)
    return count


def _erase_files(task: Erasure, feed: Feed, lines: Sequence[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    """Take the lines out of landing files that are still there, and note their new sizes, so that they stay known."""
    if not lines:
        return
    own = F.broadcast(task.spark.createDataFrame(lines, FOUND))
    bronze = task.read(feed.bronze.name)
    theirs = bronze.join(own, list(LINE), how="left_semi").select("source_file", "raw").collect()  # of some customers
    unwanted: dict[str, list[str]] = {}
    for row in theirs:
        unwanted.setdefault(row.source_file, []).append(row.raw)
    counted = bronze.where(F.col("source_file").isin(*unwanted)).groupBy("source_file").count().collect()  # some files
    lines_of = {row.source_file: row["count"] for row in counted}
    kind = getattr(task.settings.mapping, feed.dataset).format or feed.format
    there = {f"{feed.dataset}/{name}" for name in list_files(f"{task.landing}/{feed.dataset}")}
    for name in sorted({*unwanted} & there):
        path = (Path(task.landing) / name).resolve()
        lost = unwanted[name]
        found, total = redact_file(path, name, kind, task.settings.max_file_bytes, read_keys(), {*lost})
        if (found, total) not in {(len(lost), lines_of[name]), (0, lines_of[name] - len(lost))}:
            raise DataError(
                f"{name} has {total} lines, {found} of them as bronze has them; expected {lines_of[name]} and "
                f"{len(lost)}: it is not the file that was taken in; take the lines out by hand, then run this again"
            )
        _note_size(task, feed, name, path)
        yield name, found
    for name in sorted({*unwanted} - there):
        yield f"{name}, which is not there", 0


def _note_size(task: Erasure, feed: Feed, name: str, path: Path) -> None:
    noted = task.read(LANDING_FILES.name).where((F.col("dataset") == feed.dataset) & (F.col("source_file") == name))
    sized = noted.withColumn("bytes", F.lit(path.stat().st_size).cast("bigint"))
    task.tables.merge(LANDING_FILES, sized.localCheckpoint())
