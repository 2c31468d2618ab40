"""Brings the table of features up to date: what changed in silver since it was written, and what that touched."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from fraud_detection.features.contract import KEYS, UTC_TIME
from fraud_detection.features.engine import EngineName
from fraud_detection.features.frames import as_keys, to_polars, to_spark
from fraud_detection.features.incremental import Changes, find_changes, find_touches, recompute
from fraud_detection.features.lateness import Lateness, move
from fraud_detection.features.origin import Origin
from fraud_detection.features.settings import FeatureSettings
from fraud_detection.features.spark_history import SparkHistory, measure_lateness, widen_lateness
from fraud_detection.features.stages import plan_stages
from fraud_detection.features.table import feature_table
from fraud_detection.schemas import SILVER_LABELS, SILVER_TRANSACTIONS, TableSchema, with_attributes
from fraud_detection.table_changes import CARRIED, GONE, VERSION, merge_updates, noting, read_changes, read_version
from fraud_detection.tasks.context import Context
from fraud_detection.tasks.rows import known_labels

LABEL = ("transaction_id", "is_fraud", "known_at")


@dataclass(frozen=True)
class Silver:
    """Transactions and labels, in the versions that the features are made from."""

    transactions: DataFrame
    labels: DataFrame


def read_silver(context: Context, origin: Origin) -> Silver:
    """Silver as it stood, whatever is written meanwhile."""
    spark, tables = context.spark, context.tables
    return Silver(
        read_version(spark, tables, SILVER_TRANSACTIONS.name, origin.transactions.version),
        read_version(spark, tables, SILVER_LABELS.name, origin.labels.version),
    )


@dataclass(frozen=True)
class Update:
    """One update of the table: from what it was made from to what it shall be made from."""

    context: Context
    since: Origin
    wanted: Origin

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attributes of the user's own that silver carries."""
        return tuple(self.context.settings.data.mapping.transactions.attributes)

    def count_changes(self) -> int:
        """Images of transactions that changed, and transactions of the time that has passed."""
        return self._feed().count() + self._passed().count()

    def read_changes(self) -> Changes:
        """Transactions that are new, other or gone, and those of the time that has passed."""
        former, current = split_images(to_polars(as_keys(self._feed(), "is_old", VERSION)))
        current = pl.concat([current, to_polars(as_keys(self._passed()))]).unique()
        return find_changes(former, current, self.since.as_of, self.wanted.as_of)

    def read_attributes(self) -> pl.DataFrame:
        """Attributes of the transactions that are new or other, or whose time has passed, null or not."""
        names = (*KEYS[:2], *self.attributes)
        _, current = split_images(to_polars(self._feed().select(*names, "is_old", VERSION)))
        passed = to_polars(self._passed().select(*names))
        known = pl.col("event_time") < self.wanted.as_of
        return pl.concat([current, passed]).unique("transaction_id").filter(known)

    def measure_lateness(self) -> Lateness:
        """Of all labels in silver as it is wanted: what was known before, and the labels of what changed since."""
        silver = read_silver(self.context, self.wanted)
        if self.since.lateness is None:
            return measure_lateness(silver.transactions, silver.labels)
        late = self.since.lateness
        if self.since.labels != self.wanted.labels:
            late = widen_lateness(late, silver.transactions, self._label_feed())
        if self.since.transactions != self.wanted.transactions:
            late |= measure_lateness(F.broadcast(self._feed()), silver.labels)
        return late

    def _feed(self) -> DataFrame:
        versions = self.since.transactions.version, self.wanted.transactions.version
        return read_changes(self.context.spark, self.context.tables, SILVER_TRANSACTIONS.name, *versions)

    def _label_feed(self) -> DataFrame:
        versions = self.since.labels.version, self.wanted.labels.version
        return read_changes(self.context.spark, self.context.tables, SILVER_LABELS.name, *versions)

    def _passed(self) -> DataFrame:
        time = F.col("event_time")
        passed = (time >= F.lit(self.since.as_of)) & (time < F.lit(self.wanted.as_of))
        return read_silver(self.context, self.wanted).transactions.where(passed)

    def read_labels(self) -> pl.DataFrame:
        """All images of the labels that changed and that rows of the table could have seen."""
        feed = self._label_feed()
        seen = feed.where(F.col("known_at") < F.lit(self.since.as_of))
        ids = F.broadcast(seen.select("transaction_id").distinct())
        images = to_polars(feed.join(ids, "transaction_id", how="left_semi").select(*LABEL, "is_old", VERSION))
        former, current = split_images(images)
        return pl.concat([former.join(current, on=LABEL, how="anti"), current.join(former, on=LABEL, how="anti")])


def split_images(images: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What stood before the first change of each transaction, and what stands after the last one."""
    version = pl.col(VERSION)
    first = images.filter(version == version.min().over("transaction_id"), "is_old")
    last = images.filter(version == version.max().over("transaction_id"), ~pl.col("is_old"))
    return first.drop("is_old", VERSION), last.drop("is_old", VERSION)


def compute_update(update: Update, changes: Changes, engine: EngineName, settings: FeatureSettings) -> pl.DataFrame:
    """The rows that the changes touched: keys, and features; null for those that cannot have changed."""
    context = update.context
    stored = context.tables.read(context.spark, feature_table().name)
    labels = known_labels(read_silver(context, update.wanted).labels, update.wanted.as_of)
    history = SparkHistory(stored, labels, changes, settings, engine, update.wanted.lateness)
    changed_labels = update.read_labels()
    ids = changed_labels.select("transaction_id").unique().join(changes.images, on="transaction_id", how="anti")
    relabelled = find_rows(stored, ids)
    late = changes.images.filter(pl.col("event_time") < update.since.as_of)
    all_labels = pl.concat([changed_labels.select("transaction_id", "known_at"), history.find_labels(late)])
    return recompute(find_touches(changes, relabelled, all_labels, settings), history, settings)


def first_day_read(update: Update, changes: Changes) -> date:
    """From where on an update reads, by how late labels are."""
    first: datetime = min([update.since.as_of, *changes.images["event_time"].sort().head(1)])
    look_back = timedelta(days=max(stage.look_back_days for stage in plan_stages()))
    lateness = update.wanted.lateness or Lateness()
    return lateness.first_event(move(first, -look_back), update.context.settings.features.label_delay_days).date()


def find_rows(stored: DataFrame, ids: pl.DataFrame) -> pl.DataFrame:
    """The rows of some transactions, as far as the table has them; it is not looked into where there are none."""
    if ids.is_empty():
        return stored_nothing(ids)
    rows = stored.select(*KEYS).join(F.broadcast(to_spark(stored.sparkSession, ids)), "transaction_id", how="left_semi")
    return to_polars(rows)


def stored_nothing(ids: pl.DataFrame) -> pl.DataFrame:
    """No rows, with the columns of an image."""
    nothing = ids.clear().with_columns(pl.lit(None, UTC_TIME).alias("event_time"))
    return nothing.with_columns(pl.col("transaction_id").alias(name) for name in ("customer_id", "terminal_id"))


def write_update(update: Update, changes: Changes, rows: pl.DataFrame) -> None:
    """Publish in one commit, which notes what the table is made from now."""
    marked = [frame.with_columns(pl.lit(gone).alias(GONE)) for frame, gone in ((rows, False), (changes.gone, True))]
    written = carry_attributes(update, pl.concat(marked, how="diagonal"))
    written = written.with_columns(pl.col("event_time").dt.date().alias("event_date"))
    if written.is_empty():
        return
    days = pl.concat([written["event_date"], changes.former["event_time"].dt.date()]).sort().to_list()
    context, attributes = update.context, update.attributes
    with noting(context.spark, update.wanted.to_text()):
        frame = to_spark(context.spark, written)
        merge_updates(context.tables, published_table(attributes), frame, (days[0], days[-1]), attributes)


def carry_attributes(update: Update, written: pl.DataFrame) -> pl.DataFrame:
    """The same rows, and those of which only an attribute changed, marked where there are attributes to carry."""
    if not update.attributes:
        return written.with_columns(pl.lit(value=False).alias(CARRIED))
    attributes = update.read_attributes().with_columns(pl.lit(value=True).alias(CARRIED))
    joined = written.join(attributes, on="transaction_id", how="full", coalesce=True, suffix="_carried")
    filled = pl.coalesce("event_time", "event_time_carried").alias("event_time")
    return joined.with_columns(filled, pl.col(GONE, CARRIED).fill_null(value=False)).drop("event_time_carried")


def published_table(attributes: Sequence[str]) -> TableSchema:
    """The table of features with attributes of the user's own."""
    return with_attributes(feature_table(), tuple(attributes))
