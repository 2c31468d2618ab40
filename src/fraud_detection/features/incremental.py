"""Brings features up to date after a change: computes the rows that it touched, equal to computing all anew.

Stage by stage: a change touches entities from a moment on (`touched.py`); their rows are read as far as the look-back
and computed; where a feature that a later stage needs came out other than stored, that touches entities there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Protocol

import polars as pl

from fraud_detection.features.contract import KEYS
from fraud_detection.features.feature import FeatureGroup
from fraud_detection.features.partial import stored_name
from fraud_detection.features.registry import GROUPS, columns_of
from fraud_detection.features.settings import FeatureSettings
from fraud_detection.features.stages import Stage, plan_stages
from fraud_detection.features.touched import find_spans, touch_by_events, touch_by_labels

IMAGE = ("transaction_id", "event_time", "customer_id", "terminal_id")


@dataclass(frozen=True)
class Changes:
    """What the features do not know yet; frames have the columns `contract.KEYS`.

    Attributes:
        former: transactions of the table that are now other or gone, as they stand in it.
        current: transactions that are new or other, as they are now.
    """

    former: pl.DataFrame
    current: pl.DataFrame

    @property
    def gone(self) -> pl.DataFrame:
        """The transactions to take out of the table."""
        return self.former.join(self.current, on="transaction_id", how="anti")

    @property
    def images(self) -> pl.DataFrame:
        """Old and new."""
        return pl.concat([self.former.select(IMAGE), self.current.select(IMAGE)])


@dataclass(frozen=True)
class Selection:
    """What a stage needs to be read.

    Attributes:
        stage: its features.
        spans: an entity a row, as `touched.find_spans` says.
        overlays: of each earlier stage, transaction_id and the features that groups need, as just computed.
    """

    stage: Stage
    spans: pl.DataFrame
    overlays: tuple[pl.DataFrame, ...] = ()


class Reader(Protocol):
    """Where the history is."""

    def compute(self, selection: Selection) -> pl.DataFrame:
        """Read what is selected, mark it by `is_wanted`, and return `partial.compute_wanted` of it."""

    def find_labels(self, transactions: pl.DataFrame) -> pl.DataFrame:
        """The labels (transaction_id, known_at) of some transactions (`IMAGE`), as far as there are any."""


def find_changes(former: pl.DataFrame, current: pl.DataFrame, built: datetime, now: datetime) -> Changes:
    """What changed for a table that was built as of one moment and shall be as of another, later one.

    Args:
        former: transactions that may have changed, as they were when the table was built.
        current: the same as they are now, and all that happened from `built` to `now`.
        built: the table holds the transactions before it.
        now: it shall hold those before this.
    """
    was = former.filter(pl.col("event_time") < built)
    is_now = current.filter(pl.col("event_time") < now)
    same = was.join(is_now, on=KEYS, how="semi").select("transaction_id")
    return Changes(was.join(same, on="transaction_id", how="anti"), is_now.join(same, on="transaction_id", how="anti"))


def find_touches(
    changes: Changes, relabelled: pl.DataFrame, labels: pl.DataFrame, settings: FeatureSettings
) -> pl.DataFrame:
    """Where a change counts at first hand.

    Args:
        changes: of transactions.
        relabelled: other transactions (`IMAGE`) whose label is new, changed or gone.
        labels: transaction_id, known_at: all images of those labels, and the labels of changed transactions.
        settings: the label delay.
    """
    images = pl.concat([changes.images, relabelled.select(IMAGE)])
    by_labels = touch_by_labels(images, labels, settings.label_delay_days)
    return pl.concat([touch_by_events(changes.images), by_labels])


def recompute(
    touches: pl.DataFrame, reader: Reader, settings: FeatureSettings, groups: Sequence[FeatureGroup] = GROUPS
) -> pl.DataFrame:
    """Compute all rows that may differ.

    Returns:
        One row a transaction: the keys and the features of the groups; null where a feature cannot have changed.
    """
    parts: list[pl.DataFrame] = []
    overlays: tuple[pl.DataFrame, ...] = ()
    for stage in plan_stages(groups):
        spans = find_spans(touches, stage, settings.label_delay_days)
        part = reader.compute(Selection(stage, spans, overlays))
        parts.append(part.select(*KEYS, *stage.columns))
        overlays += (part.select("transaction_id", *stage.kept),)
        changed = find_changed(part, stage).select(IMAGE)
        by_labels = touch_by_labels(changed, reader.find_labels(changed), settings.label_delay_days)
        touches = pl.concat([touches, touch_by_events(changed), by_labels])
    return _combine(parts).select(*KEYS, *columns_of(groups))


def find_changed(part: pl.DataFrame, stage: Stage) -> pl.DataFrame:
    """The rows where a feature that groups need came out other than stored; new rows have touched what they do."""
    stored = [pl.col(stored_name(name)) for name in stage.kept]
    differs = [(pl.col(name) != old) for name, old in zip(stage.kept, stored, strict=True)]
    return part.filter(pl.any_horizontal(pl.lit(value=False), *differs))


def _combine(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    return reduce(lambda left, right: left.join(right, on=list(KEYS), how="full", coalesce=True), parts)
