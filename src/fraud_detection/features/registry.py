"""All feature groups, in the order in which they are computed. Adding a group: one function, one entry here."""

from collections.abc import Iterable
from typing import Final

from fraud_detection.features.feature import Feature, FeatureGroup
from fraud_detection.features.groups import (
    customer_frauds,
    customer_habit,
    customer_spend,
    customer_unusual,
    terminal_risk,
    terminal_streak,
    terminal_traffic,
    transaction,
)

OWNER: Final = "fraud-features"

HABIT: Final = ("amount_over_usual",)

GROUPS: Final = (
    FeatureGroup("transaction", "transaction_id", transaction.FEATURES, transaction.add_transaction_features, OWNER),
    FeatureGroup("customer_spend", "customer_id", customer_spend.FEATURES, customer_spend.add_customer_spend, OWNER),
    FeatureGroup("customer_habit", "customer_id", customer_habit.FEATURES, customer_habit.add_customer_habit, OWNER),
    FeatureGroup(
        "customer_unusual",
        "customer_id",
        customer_unusual.FEATURES,
        customer_unusual.add_customer_unusual,
        OWNER,
        needs=HABIT,
    ),
    FeatureGroup(
        "customer_frauds",
        "customer_id",
        customer_frauds.FEATURES,
        customer_frauds.add_customer_frauds,
        OWNER,
        needs=HABIT,
    ),
    FeatureGroup("terminal_risk", "terminal_id", terminal_risk.FEATURES, terminal_risk.add_terminal_risk, OWNER),
    FeatureGroup(
        "terminal_streak",
        "terminal_id",
        terminal_streak.FEATURES,
        terminal_streak.add_terminal_streak,
        OWNER,
        needs=HABIT,
    ),
    FeatureGroup(
        "terminal_traffic",
        "terminal_id",
        terminal_traffic.FEATURES,
        terminal_traffic.add_terminal_traffic,
        OWNER,
        needs=HABIT,
    ),
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
