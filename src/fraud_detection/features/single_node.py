"""Engine `single_node`: all feature groups on one machine, in memory."""

from collections.abc import Sequence

import polars as pl

from fraud_detection.features.blocks import add_groups, order_rows
from fraud_detection.features.contract import KEYS, prepare_history
from fraud_detection.features.feature import FeatureGroup
from fraud_detection.features.registry import GROUPS, columns_of
from fraud_detection.features.settings import FeatureSettings
from fraud_detection.features.stages import plan_stages

DEFAULTS = FeatureSettings()


def compute_features(
    history: pl.DataFrame, settings: FeatureSettings = DEFAULTS, groups: Sequence[FeatureGroup] = GROUPS
) -> pl.DataFrame:
    """Compute the features of every transaction.

    Args:
        history: one row a transaction, with the columns of `contract.HISTORY`, in any order.
        settings: the label delay.
        groups: what to compute; groups that others need come before them.

    Returns:
        One row a transaction, ordered by (event_time, transaction_id): the keys, then the features of the groups.

    Raises:
        DataError: the history breaks its contract.
    """
    rows = order_rows(prepare_history(history))
    for stage in plan_stages(groups):
        rows = add_groups(rows, stage.entity, stage.groups, settings, pl.thread_pool_size())
    return rows.select(*KEYS, *columns_of(groups))
