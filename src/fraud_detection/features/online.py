"""Features of one transaction as it comes in, from the stored history of its card and its terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from fraud_detection.errors import DataError
from fraud_detection.features.contract import HISTORY, KEYS
from fraud_detection.features.feature import Entity, FeatureGroup
from fraud_detection.features.incremental import Selection, recompute
from fraud_detection.features.partial import WANTED, compute_wanted
from fraud_detection.features.registry import GROUPS
from fraud_detection.features.settings import FeatureSettings
from fraud_detection.features.touched import touch_by_events

DEFAULTS = FeatureSettings()


def compute_online(
    transaction: pl.DataFrame,
    histories: Mapping[Entity, pl.DataFrame],
    settings: FeatureSettings = DEFAULTS,
    groups: Sequence[FeatureGroup] = GROUPS,
) -> pl.DataFrame:
    """Compute the features of one transaction.

    Args:
        transaction: one row with the columns `contract.KEYS`.
        histories: by `customer_id` and `terminal_id` the rows of that card and of that terminal as far as their stage
            looks back: the columns of `contract.HISTORY` and the stage's `stored` features (`stages.plan_stages` and
            docs/features.md tell both). More rows, later ones too, do no harm.
        settings: the label delay.
        groups: what to compute.

    Returns:
        One row: the keys and the features, those that engine `single_node` computes, to the last bit.

    Raises:
        DataError: not one transaction, a history is missing, or it breaks its contract.
    """
    if transaction.height != 1:
        raise DataError(f"{transaction.height} transactions were given; expected one: a batch is for `stream`")
    return recompute(touch_by_events(transaction), _InHand(transaction, histories, settings), settings, groups)


@dataclass(frozen=True)
class _InHand:
    """The reader of histories that the caller holds."""

    transaction: pl.DataFrame
    histories: Mapping[Entity, pl.DataFrame]
    settings: FeatureSettings

    def compute(self, selection: Selection) -> pl.DataFrame:
        stage = selection.stage
        if stage.entity not in self.histories:
            raise DataError(f"no history for {stage.entity}; expected its rows, if none then an empty frame")
        history = self.histories[stage.entity].select(*HISTORY, *stage.stored)
        earlier = history.join(self.transaction, on="transaction_id", how="anti").with_columns(_wanted(value=False))
        new = self.transaction.select(KEYS).with_columns(_wanted(value=True))
        for overlay in selection.overlays:
            new = new.join(overlay, on="transaction_id", how="left")
        rows = pl.concat([earlier, new.select(pl.col(set(new.columns) & set(earlier.columns)))], how="diagonal_relaxed")
        return compute_wanted(rows, stage, self.settings, threads=1)

    def find_labels(self, transactions: pl.DataFrame) -> pl.DataFrame:
        """A transaction that comes in has no label yet."""
        return transactions.select("transaction_id", known_at="event_time").clear()


def _wanted(*, value: bool) -> pl.Expr:
    return pl.lit(value).alias(WANTED)
