"""All feature groups, in the order in which they are computed. Adding a group: one function, one entry here."""

from collections.abc import Iterable
from typing import Final

from fraud_detection.features.feature import Feature, FeatureGroup
from fraud_detection.features.groups import (
    customer_deviation,
    customer_habit,
    customer_spend,
    customer_unusual,
    terminal_risk,
    terminal_streak,
    transaction,
)

GROUPS: Final = (
    transaction.GROUP,
    customer_spend.GROUP,
    customer_habit.GROUP,
    customer_deviation.GROUP,
    customer_unusual.GROUP,
    terminal_risk.GROUP,
    terminal_streak.GROUP,
)


def columns_of(groups: Iterable[FeatureGroup]) -> tuple[str, ...]:
    """Names of the features of some groups, in order."""
    return tuple(column for group in groups for column in group.columns)


FEATURES: Final[tuple[Feature, ...]] = tuple(feature for group in GROUPS for feature in group.features)
ALL_FEATURES: Final[tuple[str, ...]] = columns_of(GROUPS)
MODEL_FEATURES: Final[tuple[str, ...]] = ALL_FEATURES

REFERENCE_FEATURES: Final[tuple[str, ...]] = (
    *("amount", "is_weekend", "is_night"),
    *("customer_count_1d", "customer_mean_amount_1d"),
    *("customer_count_7d", "customer_mean_amount_7d"),
    *("customer_count_30d", "customer_mean_amount_30d"),
    *("terminal_count_1d", "terminal_fraud_share_1d"),
    *("terminal_count_7d", "terminal_fraud_share_7d"),
    *("terminal_count_30d", "terminal_fraud_share_30d"),
)
