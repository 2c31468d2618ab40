"""Customers are forgotten: their lines and rows go from files and tables, and the former versions of tables go too.

The derived goes first and the source last, so that a call that is cut finds the rest when it is made again: labels are
known by the transactions in silver, lines of bronze by silver and quarantine.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from fraud_detection.card_numbers import read_keys
from fraud_detection.config import DataSettings
from fraud_detection.data.cleaning import LINE, Cleaning, check_lines, labels_cleaning, transactions_cleaning
from fraud_detection.data.gold import refresh_gold
from fraud_detection.data.ingest import Feed, column_types, list_files
from fraud_detection.data.published import refuse_unpublished
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
BETWEEN_WORDS = r'[\s",;|{}\[\]:]+'
ID = "transaction_id STRING"
FOUND = "source_file STRING, line_number BIGINT"


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
    names: Sequence[str],
) -> Iterator[tuple[str, int]]:
    """Forget customers, with no job running; a call that is cut is made again.

    Args:
        customers: their ids, or numbers of cards.
        landing: folder of the files that arrived; files behind an address with a scheme are not touched.
        names: of the tables that are there.

    Yields:
        Each landing file and table, and how many lines or rows were taken out of it.

    Raises:
        ConfigurationError: no customer is named, or one is a card number and there is no key.
        DataError: lines of bronze are not published yet, or a landing file cannot be read.
    """
    told = tuple(read_keys().tokenise(customer.strip()) for customer in customers)
    if not told or not all(told):
        raise ConfigurationError(
            "found no customer, or an empty one; expected ids as they stand in silver_transactions"
        )
    task = Erasure(spark, tables, settings, told, landing, tuple(names))
    refuse_unpublished(spark, tables, names, "run data_prep, or the stream, stop it")
    if {table.name for table in SOURCES} <= {*names}:
        yield from _erase_everywhere(task)
    for name in names:
        tables.forget(spark, name, keep_log=name in {BRONZE_TRANSACTIONS.name, BRONZE_LABELS.name})


def _erase_everywhere(task: Erasure) -> Iterator[tuple[str, int]]:
    own, refused = _own_transactions(task), _refused_transactions(task)
    ids = _few(task, own.select("transaction_id").unionByName(refused.select("transaction_id")).distinct().dropna(), ID)
    yield from _erase_derived(task, ids)
    labels = labels_cleaning(task.settings)
    yield from _erase_lines(task, labels, _few(task, _label_lines(task, ids), FOUND))
    lines = own.select(*LINE).unionByName(refused.select(*LINE)).distinct()
    yield from _erase_lines(task, transactions_cleaning(task.settings), _few(task, lines, FOUND))
    if GOLD_DAYS.name in task.names:
        refresh_gold(task.spark, task.tables)


def _own_transactions(task: Erasure) -> DataFrame:
    is_own = F.col("customer_id").isin(*task.customers)
    return task.read(SILVER_TRANSACTIONS.name).where(is_own).select("transaction_id", *LINE)


def _refused_transactions(task: Erasure) -> DataFrame:
    """Lines in quarantine that tell of the customers: by what was read of them, or where nothing was, by their words.

    Another version of one of their transactions is theirs too, whoever it names.
    """
    cleaning = transactions_cleaning(task.settings)
    lines = task.read(cleaning.feed.bronze.name).join(
        F.broadcast(_quarantined(task, cleaning)), list(LINE), "left_semi"
    )
    headers = [row.header for row in lines.select("header").distinct().collect()]  # as many as kinds of files
    if not headers:
        return task.spark.createDataFrame([], f"{ID}, {FOUND}")
    checked = check_lines(lines, cleaning, headers)
    own = _own_transactions(task).select("transaction_id").distinct()
    is_unreadable = F.array_contains("reasons", UNREADABLE)
    of_customer = checked.where(F.col("customer_id").isin(*task.customers) | (is_unreadable & _names_customer(task)))
    of_transaction = checked.join(own, "transaction_id", how="left_semi")
    cut = _with_word(checked.where(is_unreadable), own)
    kept = ("transaction_id", *LINE)
    return of_customer.select(*kept).unionByName(of_transaction.select(*kept)).unionByName(cut.select(*kept)).distinct()


def _label_lines(task: Erasure, ids: DataFrame) -> DataFrame:
    """Lines of labels in silver and in quarantine that are about the transactions."""
    quarantined = task.read(QUARANTINE.name).where(F.col("dataset") == labels_cleaning(task.settings).feed.dataset)
    few = F.broadcast(ids)
    parts = (
        task.read(SILVER_LABELS.name).join(few, "transaction_id", how="left_semi"),
        quarantined.join(few, "transaction_id", how="left_semi"),
        _with_word(quarantined.where(F.array_contains("reasons", UNREADABLE)), ids),
    )
    first, second, third = (part.select(*LINE) for part in parts)
    return first.unionByName(second).unionByName(third).distinct()


def _quarantined(task: Erasure, cleaning: Cleaning) -> DataFrame:
    return task.read(QUARANTINE.name).where(F.col("dataset") == cleaning.feed.dataset).select(*LINE)


def _names_customer(task: Erasure) -> Column:
    words = F.split("raw", BETWEEN_WORDS)
    return F.arrays_overlap(words, F.array(*(F.lit(customer) for customer in task.customers)))


def _with_word(lines: DataFrame, ids: DataFrame) -> DataFrame:
    """Lines one of whose words is among ids."""
    words = lines.select(*LINE, F.explode(F.split("raw", BETWEEN_WORDS)).alias("word"))
    found = words.join(ids.withColumnRenamed("transaction_id", "word"), "word", how="left_semi").select(*LINE)
    return lines.join(found.distinct(), list(LINE), how="left_semi")


def _few(task: Erasure, rows: DataFrame, columns: str) -> DataFrame:
    """Rows of some customers, kept here: the tables that they were found in are about to lose them."""
    return task.spark.createDataFrame(rows.collect(), columns)


def _erase_derived(task: Erasure, ids: DataFrame) -> Iterator[tuple[str, int]]:
    """Rows of all tables that were made from silver and name a customer or a transaction."""
    sources = {table.name for table in SOURCES}
    for name in (name for name in task.names if name not in sources):
        rows = task.read(name)
        if "transaction_id" not in rows.columns:
            continue
        is_own = F.col("customer_id").isin(*task.customers) if "customer_id" in rows.columns else F.lit(False)
        keys = rows.where(is_own).select("transaction_id").unionByName(ids).distinct()
        yield name, _remove(task, name, _few(task, keys, ID))


def _erase_lines(task: Erasure, cleaning: Cleaning, lines: DataFrame) -> Iterator[tuple[str, int]]:
    """Lines of one dataset: files first, then bronze, and last what they were found by."""
    yield from _erase_files(task, cleaning.feed, lines)
    for name in (cleaning.feed.bronze.name, QUARANTINE.name, cleaning.silver.name):
        own = lines.withColumn("dataset", F.lit(cleaning.feed.dataset)) if name == QUARANTINE.name else lines
        yield name, _remove(task, name, own)


def _remove(task: Erasure, name: str, keys: DataFrame) -> int:
    """Nothing is written where there is nothing: features would have to be made anew for it."""
    count = task.read(name).join(F.broadcast(keys), keys.columns, how="left_semi").count()
    if count:
        task.tables.remove(name, keys, keys.columns)
    return count


def _erase_files(task: Erasure, feed: Feed, lines: DataFrame) -> Iterator[tuple[str, int]]:
    """Take the lines out of landing files that are still there, and note their new sizes, so that they stay known."""
    bronze = task.read(feed.bronze.name).join(F.broadcast(lines), list(LINE), how="left_semi")
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
