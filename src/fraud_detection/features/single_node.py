"""Engine `single_node`: all feature groups on one machine, in memory."""

import polars as pl

from fraud_detection.features.blocks import add_groups, order_rows
from fraud_detection.features.contract import KEYS, prepare_history
from fraud_detection.features.registry import ALL_FEATURES, GROUPS
from fraud_detection.features.settings import FeatureSettings

DEFAULTS = FeatureSettings()


def compute_features(history: pl.DataFrame, settings: FeatureSettings = DEFAULTS) -> pl.DataFrame:
    """Compute every feature of every transaction.

    Args:
        history: one row a transaction, with the columns of `contract.HISTORY`, in any order.
        settings: the label delay.

    Returns:
        One row a transaction, ordered by (event_time, transaction_id): the keys, then `registry.ALL_FEATURES`.

    Raises:
        DataError: the history breaks its contract.
    """
    rows = order_rows(prepare_history(history))
    return add_groups(rows, GROUPS, settings, pl.thread_pool_size()).select(*KEYS, *ALL_FEATURES)
