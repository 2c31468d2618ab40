"""Fills the store, and keeps it up: from the tables at once, from a stream batch by batch."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl
from deltalake import DeltaTable

from fraud_detection.card_numbers import read_keys
from fraud_detection.errors import DataError
from fraud_detection.features.contract import KEYS, LABELS
from fraud_detection.features.definition import fingerprint
from fraud_detection.features.origin import read_origin
from fraud_detection.schemas import HOUSEKEEPING, SILVER_LABELS, TRANSACTION_FEATURES
from fraud_detection.scoring.online.history import STORED, labels_of_frame, rows_of_frame
from fraud_detection.scoring.online.launch import load_settings, open_store
from fraud_detection.scoring.online.requests import EPOCH, MICROSECOND
from fraud_detection.scoring.online.store import Store

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from fraud_detection.tables import Tables

AT_ONCE: Final = 50_000
PUBLISHED_AT_ONCE: Final = 1_000
COLUMNS: Final = (*KEYS, *STORED)


async def fill(store: Store, transactions: Iterable[pl.DataFrame], since: datetime) -> int:
    """Fill a store, or fill it again: each transaction counts once, older ones than `since` are dropped.

    Args:
        store: where to.
        transactions: columns COLUMNS, and is_fraud and known_at, in parts; best ordered by event_time.
        since: the first moment that is kept.

    Returns:
        How many transactions it holds then.

    Raises:
        StoreError: the store does not answer.
    """
    await store.begin()
    for part in transactions:
        for slice_ in part.iter_slices(AT_ONCE):
            await store.add(rows_of_frame(slice_))
    await store.prune((since - EPOCH) // MICROSECOND)
    await store.finish()
    return await store.count()


def read_delta(folder: Path, since: datetime) -> pl.DataFrame:
    """Transactions with features and labels of the tables in a folder, from a time on, ordered by it.

    Raises:
        DataError: a table is not there.
    """
    features = _scan(folder / TRANSACTION_FEATURES).filter(pl.col("event_time") >= since).select(COLUMNS)
    labels = _scan(folder / SILVER_LABELS.name).select("transaction_id", *LABELS)
    return features.join(labels, on="transaction_id", how="left").sort("event_time", "transaction_id").collect()


def find_tables(warehouse: Path, schema: str) -> Path:
    """The folder of a schema's tables; without a name, that of the only schema that has features.

    Raises:
        DataError: there is none, or several.
    """
    found = sorted(folder.parent for folder in warehouse.glob(f"{schema or '*'}/{TRANSACTION_FEATURES}"))
    if len(found) != 1:
        names = ", ".join(folder.name for folder in found) or "none"
        raise DataError(
            f"{warehouse} has {names} with the table {TRANSACTION_FEATURES}; expected one schema: run the training "
            "job first, or name one by --schema"
        )
    return found[0]


def find_newest(folder: Path) -> datetime:
    """The time of the newest transaction that has features.

    Raises:
        DataError: there is none.
    """
    newest = _scan(folder / TRANSACTION_FEATURES).select(pl.col("event_time").max()).collect().item()
    return _require_newest(newest)


def _require_newest(newest: datetime | None) -> datetime:
    if newest is None:
        raise DataError(f"{TRANSACTION_FEATURES} has no row; expected some: run the training job first")
    return datetime.fromtimestamp(newest.timestamp(), UTC)


def kept_since(newest: datetime, keep_days: int) -> datetime:
    """The first moment that a store keeps."""
    return newest - timedelta(days=keep_days)


def publish(rows: pl.DataFrame, settings: str = "") -> None:
    """Add or correct transactions, as a stream has computed them, in the store that a settings file names.

    Args:
        rows: columns COLUMNS; is_fraud and known_at where labels are known.
        settings: the YAML file; empty for the defaults.

    Raises:
        StoreError: the store does not answer; publish the rows again: each counts once.
    """

    async def add(store: Store) -> None:
        for part in rows.iter_slices(PUBLISHED_AT_ONCE):
            await store.add(rows_of_frame(part))

    _with_store(settings, add)


def publish_labels(labels: pl.DataFrame, settings: str = "") -> None:
    """Put labels (transaction_id, is_fraud, known_at) to transactions of the store, also to such as come later.

    Raises:
        StoreError: the store does not answer; publish them again.
    """

    async def add(store: Store) -> None:
        for part in labels.iter_slices(PUBLISHED_AT_ONCE):
            await store.add_labels(labels_of_frame(part))

    _with_store(settings, add)


def erase(customer: str, settings: str = "") -> int:
    """Remove all that the store holds of a customer, or of a card number's token; how many transactions that were.

    Raises:
        ConfigurationError: it is a card number, and there is no key.
        StoreError: the store does not answer.
    """
    token = read_keys().tokenise(customer)
    return _with_store(settings, lambda store: store.erase(token))


def fill_from_spark(spark: "SparkSession", tables: "Tables", settings: str = "") -> int:
    """As `fill_from_delta`, by a session of Spark, for tables that a catalog keeps.

    Raises:
        DataError: no transaction has features, or they are of another definition than the settings'.
        StoreError: the store does not answer.
    """
    from fraud_detection.features.frames import to_polars  # noqa: PLC0415  the app has no Spark
    from fraud_detection.table_changes import find_note  # noqa: PLC0415

    features, labels = tables.read(spark, TRANSACTION_FEATURES), tables.read(spark, SILVER_LABELS.name)
    _require_same_definition(find_note(spark, tables, TRANSACTION_FEATURES).text, settings)
    newest = features.agg({"event_time": "max"}).toArrow()[0][0].as_py()
    since = kept_since(_require_newest(newest), load_settings(settings).serving.keep_days)
    recent = features.filter(features["event_time"] >= since).select(*COLUMNS)
    joined = recent.join(labels.select("transaction_id", *LABELS), on="transaction_id", how="left")
    rows = to_polars(joined.orderBy("event_time", "transaction_id"))  # those of keep_days
    return _with_store(settings, lambda store: fill(store, [rows], since))


def fill_from_delta(folder: Path, settings: str = "") -> int:
    """Fill the store that a settings file names from the tables in a folder; how many transactions it holds then.

    Raises:
        DataError: a table is missing or empty, or its features are of another definition than the settings'.
        StoreError: the store does not answer.
    """
    _require_same_definition(_find_note(folder / TRANSACTION_FEATURES), settings)
    since = kept_since(find_newest(folder), load_settings(settings).serving.keep_days)
    rows = read_delta(folder, since)
    return _with_store(settings, lambda store: fill(store, [rows], since))


def _find_note(table: Path) -> str:
    """The note of the last commit that changed rows, as `table_changes.find_note` reads it."""
    commits = DeltaTable(table).history() if DeltaTable.is_deltatable(str(table)) else []
    return next((commit.get("userMetadata", "") for commit in commits if commit["operation"] not in HOUSEKEEPING), "")


def _require_same_definition(note: str, settings: str) -> None:
    """Refuse features that the app would compute otherwise, if the table says by which definition they were made."""
    origin, expected = read_origin(note), fingerprint(load_settings(settings).features)
    if origin is not None and origin.definition != expected:
        raise DataError(
            f"the table {TRANSACTION_FEATURES} was made by definition {origin.definition} of its features; expected "
            f"{expected}, that of the code here and of {settings or 'the default settings'}: give the app the settings "
            "of the job, or run feature_build with those of the app"
        )


def _with_store[T](settings: str, work: Callable[[Store], Coroutine[Any, Any, T]]) -> T:
    async def run() -> T:
        store = open_store(load_settings(settings))
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())


def _scan(folder: Path) -> pl.LazyFrame:
    if not (folder / "_delta_log").is_dir():
        raise DataError(f"there is no table {folder.name}; expected it in {folder.parent}: run the training job first")
    return pl.scan_delta(str(folder))
