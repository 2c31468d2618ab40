"""Customers are forgotten: their lines and rows go from files and tables, and the former versions of tables go too.

The derived goes first and the source last, so that a call that is cut finds the rest when it is made again: labels are
known by the transactions in silver, lines of bronze by silver and quarantine.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from fraud_detection.card_numbers import read_keys
from fraud_detection.config import DataSettings
from fraud_detection.data.cleaning import LINE, Cleaning, check_lines, labels_cleaning, transactions_cleaning
from fraud_detection.data.gold import refresh_gold
from fraud_detection.data.ingest import Feed, column_types, list_files
from fraud_detection.data.published import refuse_streams_behind, refuse_unpublished
from fraud_detection.data.redaction import redact_file
from fraud_detection.data.rules import UNREADABLE
from fraud_detection.errors import ConfigurationError
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
BETWEEN_WORDS = r'[\s",;|{}\[\]:]+'
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
        ConfigurationError: no customer is named, or one is a card number and there is no key.
        DataError: lines of bronze are not published yet, a stream has not read them, or a landing file cannot be read.
    """
    told = tuple(read_keys().tokenise(customer.strip()) for customer in customers)
    if not told or not all(told):
        raise ConfigurationError(
            "found no customer, or an empty one; expected ids as they stand in silver_transactions"
        )
    task = Erasure(spark, tables, settings, told, landing, tuple(names))
    refuse_unpublished(spark, tables, names, "run data_prep, or the stream, stop it")
    refuse_streams_behind(spark, tables, names, checkpoints)
    if {table.name for table in SOURCES} <= {*names}:
        yield from _erase_everywhere(task)
    for name in (name for name in names if PERSONAL & {*tables.read(spark, name).columns}):
        tables.forget(spark, name, keep_log=name in {BRONZE_TRANSACTIONS.name, BRONZE_LABELS.name})


def _erase_everywhere(task: Erasure) -> Iterator[tuple[str, int]]:
    own = _own_transactions(task)
    refused = _refused_transactions(task, [line.transaction for line in own])
    ids = sorted({line.transaction for line in (*own, *_of_nobody_else(task, refused)) if line.transaction})
    yield from _erase_derived(task, ids)
    yield from _erase_lines(task, labels_cleaning(task.settings), _label_lines(task, ids))
    lines = [*own, *refused, *_orphans(task)]
    yield from _erase_lines(task, transactions_cleaning(task.settings), [(line.file, line.number) for line in lines])
    if GOLD_DAYS.name in task.names:
        refresh_gold(task.spark, task.tables)


def _own_transactions(task: Erasure) -> list[Line]:
    return _lines(task.read(SILVER_TRANSACTIONS.name).where(F.col("customer_id").isin(*task.customers)))


def _refused_transactions(task: Erasure, own: Sequence[str]) -> list[Line]:
    """Lines in quarantine that tell of the customers: by what was read of them, or where nothing was, by their words.

    Another version of one of their transactions is theirs too, whoever it names.
    """
    cleaning = transactions_cleaning(task.settings)
    quarantined = _quarantined(task, cleaning.feed).select(*LINE)
    lines = task.read(cleaning.feed.bronze.name).join(F.broadcast(quarantined), list(LINE), how="left_semi")
    headers = [row.header for row in lines.select("header").distinct().collect()]  # as many as kinds of files
    if not headers:
        return []
    tells = F.col("customer_id").isin(*task.customers) | F.col("transaction_id").isin(*own)
    return _lines(check_lines(lines, cleaning, headers).where(tells | _has_word(*task.customers, *own)))


def _of_nobody_else(task: Erasure, refused: Sequence[Line]) -> list[Line]:
    """Without those that a correction made another customer's."""
    ids = [line.transaction for line in refused if line.transaction]
    is_others = F.col("transaction_id").isin(*ids) & ~F.col("customer_id").isin(*task.customers)
    others = {line.transaction for line in _lines(task.read(SILVER_TRANSACTIONS.name).where(is_others))}
    return [line for line in refused if line.transaction not in others]


def _orphans(task: Erasure) -> list[Line]:
    """Lines in quarantine whose line in bronze a call has taken out that was cut then."""
    feed = transactions_cleaning(task.settings).feed
    lines = task.read(feed.bronze.name).select(*LINE)
    return _lines(_quarantined(task, feed).join(lines, list(LINE), how="left_anti"))


def _label_lines(task: Erasure, ids: Sequence[str]) -> list[tuple[str, int]]:
    """Lines of labels in silver and in quarantine that are about the transactions."""
    is_own = F.col("transaction_id").isin(*ids)
    known = _lines(task.read(SILVER_LABELS.name).where(is_own))
    quarantined = _quarantined(task, labels_cleaning(task.settings).feed)
    return [(line.file, line.number) for line in (*known, *_lines(quarantined.where(is_own | _has_word(*ids))))]


def _quarantined(task: Erasure, feed: Feed) -> DataFrame:
    return task.read(QUARANTINE.name).where(F.col("dataset") == feed.dataset)


def _has_word(*words: str) -> Column:
    """Whether a line that cannot be read has one of these words."""
    is_unreadable = F.array_contains("reasons", UNREADABLE)
    return is_unreadable & F.exists(F.split("raw", BETWEEN_WORDS), lambda word: word.isin(*words))


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
        is_own = F.col("transaction_id").isin(*ids)
        if "customer_id" in rows.columns:
            is_own |= F.col("customer_id").isin(*task.customers)
        own = {row.transaction_id for row in rows.where(is_own).select("transaction_id").collect()}  # theirs alone
        yield name, _remove(task, name, ("transaction_id",), [(one,) for one in own])


def _erase_lines(task: Erasure, cleaning: Cleaning, lines: Sequence[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    """Lines of one dataset: files first, then bronze, and last what they were found by."""
    lines, dataset = sorted({*lines}), cleaning.feed.dataset
    yield from _erase_files(task, cleaning.feed, lines)
    yield cleaning.feed.bronze.name, _remove(task, cleaning.feed.bronze.name, LINE, lines)
    yield QUARANTINE.name, _remove(task, QUARANTINE.name, ("dataset", *LINE), [(dataset, *line) for line in lines])
    yield cleaning.silver.name, _remove(task, cleaning.silver.name, LINE, lines)


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
    bronze = task.read(feed.bronze.name).join(own, list(LINE), how="left_semi")
    unwanted: dict[str, set[str]] = {}
    for row in bronze.select("source_file", "raw").collect():  # lines of some customers
        unwanted.setdefault(row.source_file, set()).add(row.raw)
    kind = getattr(task.settings.mapping, feed.dataset).format or feed.format
    there = list_files(f"{task.landing}/{feed.dataset}")
    for name in sorted(unwanted):
        path = Path(task.landing) / name
        if name.removeprefix(f"{feed.dataset}/") not in there:
            continue
        count = redact_file(path, name, kind, task.settings.max_file_bytes, read_keys(), unwanted[name])
        _note_size(task, feed, name, path)
        yield name, count


def _note_size(task: Erasure, feed: Feed, name: str, path: Path) -> None:
    noted = task.read(LANDING_FILES.name).where((F.col("dataset") == feed.dataset) & (F.col("source_file") == name))
    rows = [(*row[:3], path.stat().st_size, row[4]) for row in noted.select(*LANDING_FILES.columns).collect()]  # one
    task.tables.merge(LANDING_FILES, task.spark.createDataFrame(rows, column_types(LANDING_FILES.columns)))
