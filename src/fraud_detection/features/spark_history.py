"""The history of an update, read on Spark: what is stored, what is new, and labels, as far as a stage looks back."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import polars as pl
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fraud_detection.features import partial
from fraud_detection.features import spark as spark_engine
from fraud_detection.features.contract import HISTORY, KEYS
from fraud_detection.features.engine import EngineName
from fraud_detection.features.frames import to_polars, to_spark
from fraud_detection.features.incremental import Changes, Selection
from fraud_detection.features.lateness import Lateness
from fraud_detection.features.partial import WANTED
from fraud_detection.features.point_in_time import MICROSECONDS_A_DAY
from fraud_detection.features.settings import FeatureSettings
from fraud_detection.features.stages import Stage

NO_EVENT: Final = datetime.max.replace(tzinfo=UTC)
FIRST_YEAR: Final = 1900
"""Older dates reach Spark shifted, or not at all, and would spare nothing: where one is met, nothing is left unread."""


@dataclass(frozen=True)
class SparkHistory:
    """The reader of an update.

    Attributes:
        stored: the table of features as it stands.
        labels: transaction_id, is_fraud, known_at, as they are now.
        changes: transactions that are other than stored.
        settings: the label delay and the number of shards.
        engine: which one computes what is read.
        lateness: of the labels; without it the labels of all that is stored are looked at.
    """

    stored: DataFrame
    labels: DataFrame
    changes: Changes
    settings: FeatureSettings
    engine: EngineName = "single_node"
    lateness: Lateness | None = None

    def compute(self, selection: Selection) -> pl.DataFrame:
        """Read what a stage needs and compute it; the result is as large as what the change touched."""
        rows = self.read(selection)
        if self.engine == "spark":
            return to_polars(spark_engine.compute_wanted(rows, selection.stage, self.settings))
        return partial.compute_wanted(to_polars(rows), selection.stage, self.settings, pl.thread_pool_size())

    def find_labels(self, transactions: pl.DataFrame) -> pl.DataFrame:
        """The labels of some transactions."""
        if transactions.is_empty():
            return transactions.select("transaction_id", known_at="event_time")
        ids = F.broadcast(self._hand_over(transactions.select("transaction_id")))
        return to_polars(self.labels.select("transaction_id", "known_at").join(ids, "transaction_id", how="left_semi"))

    def read(self, selection: Selection) -> DataFrame:
        """The rows that a stage needs: the history, its stored features, and which rows are wanted."""
        stage, first = selection.stage, self._first_event(selection)
        rows = self._rows_now(selection, first)
        for overlay in selection.overlays:
            brought = [name for name in overlay.columns if name in stage.brought]
            rows = _lay_over(rows, self._hand_over(overlay.select("transaction_id", *brought)), brought)
        rows = rows.join(F.broadcast(self._hand_over(selection.spans)), stage.entity, how="inner")
        rows = self._with_labels(rows, stage, first).where(F.col("event_time") <= F.col("wanted_to"))
        rows = rows.where(self._clock(stage) > F.col("read_from"))
        wanted = (F.col("event_time") >= F.col("wanted_from")).alias(WANTED)
        return rows.select(*HISTORY, *stage.stored, wanted)

    def _first_event(self, selection: Selection) -> datetime | None:
        """No earlier transaction is needed; None where that is not known."""
        if selection.spans.is_empty():
            return NO_EVENT
        first: datetime = selection.spans["read_from"].sort()[0]
        if selection.stage.is_delayed:
            if self.lateness is None:
                return None
            first = self.lateness.first_event(first, self.settings.label_delay_days)
        return first if first.year >= FIRST_YEAR else None

    def _rows_now(self, selection: Selection, first: datetime | None) -> DataFrame:
        """Transactions as they are now, with what is stored of their features."""
        stored = self.stored
        if first is not None:
            stored = stored.where(F.col("event_date") >= F.lit(first.date()))
        changed = F.broadcast(self._hand_over(self.changes.images.select("transaction_id").unique()))
        kept = stored.select(*KEYS, *selection.stage.stored).join(changed, "transaction_id", how="left_anti")
        return kept.unionByName(self._hand_over(self.changes.current), allowMissingColumns=True)

    def _with_labels(self, rows: DataFrame, stage: Stage, first: datetime | None) -> DataFrame:
        if stage.is_delayed:
            labels = self.labels.select("transaction_id", "is_fraud", "known_at")
            if first is not None and self.lateness:
                known = self.lateness.first_known(first.replace(hour=0, minute=0, second=0, microsecond=0))
                if known.year >= FIRST_YEAR:
                    labels = labels.where(F.col("known_at") >= F.lit(known))
            return rows.join(labels, "transaction_id", how="left")
        none = {"is_fraud": F.lit(None).cast("boolean"), "known_at": F.lit(None).cast("timestamp")}
        return rows.withColumns(none)

    def _clock(self, stage: Stage) -> Column:
        """As `touched.find_spans` counts it; whole microseconds, for the zone of the session must not matter."""
        if not stage.is_delayed:
            return F.col("event_time")
        delay = self.settings.label_delay_days * MICROSECONDS_A_DAY
        return F.greatest(F.timestamp_micros(F.unix_micros("event_time") + F.lit(delay)), F.col("known_at"))

    def _hand_over(self, rows: pl.DataFrame) -> DataFrame:
        return to_spark(self.stored.sparkSession, rows)


def _lay_over(rows: DataFrame, overlay: DataFrame, names: list[str]) -> DataFrame:
    """Put features that have just been computed over those stored."""
    renamed = overlay.withColumnsRenamed({name: f"new_{name}" for name in names})
    joined = rows.join(F.broadcast(renamed), "transaction_id", how="left")
    return joined.withColumns({name: F.coalesce(f"new_{name}", name) for name in names})


def measure_lateness(transactions: DataFrame, labels: DataFrame) -> Lateness:
    """The bounds of all labels whose transaction is there.

    Args:
        transactions: transaction_id, event_time.
        labels: transaction_id, known_at.
    """
    events = transactions.select("transaction_id", "event_time")
    both = labels.select("transaction_id", "known_at").join(events, "transaction_id", how="inner")
    late = F.unix_micros("known_at") - F.unix_micros("event_time")
    found = both.agg(F.min(late).alias("least"), F.max(late).alias("most")).collect()[0]  # one row
    return Lateness(min(0, found["least"] or 0), max(0, found["most"] or 0))


def widen_lateness(late: Lateness, transactions: DataFrame, labels: DataFrame) -> Lateness:
    """The bounds when some labels are added, few enough for one machine.

    Transactions are looked for where the bounds so far say that they are, and only for those missed everywhere.
    """
    known = to_polars(labels.select("transaction_id", "known_at"))
    if known.is_empty():
        return late
    first = late.first_event(known["known_at"].sort()[0], delay_days=0)
    searched = [transactions.where(F.col("event_date") >= F.lit(first.date()))] if first.year >= FIRST_YEAR else []
    for rows in (*searched, transactions):
        if known.height:
            ids = F.broadcast(to_spark(transactions.sparkSession, known.select("transaction_id").unique()))
            events = to_polars(rows.select("transaction_id", "event_time").join(ids, "transaction_id", how="left_semi"))
            late |= _lateness_of(known.join(events, on="transaction_id", how="inner"))
            known = known.join(events, on="transaction_id", how="anti")
    return late


def _lateness_of(both: pl.DataFrame) -> Lateness:
    late: list[int] = (both["known_at"] - both["event_time"]).dt.total_microseconds().to_list()
    return Lateness(min([0, *late]), max([0, *late]))
