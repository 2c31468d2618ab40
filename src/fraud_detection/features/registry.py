"""All feature groups, in the order in which they are computed. Adding a group: one function, one entry here."""

from typing import Final

from fraud_detection.features.feature import Feature, FeatureGroup
from fraud_detection.features.groups import customer, terminal, transaction

OWNER: Final = "fraud-features"

GROUPS: Final = (
    FeatureGroup("transaction", "transaction_id", transaction.FEATURES, transaction.add_transaction_features, OWNER),
    FeatureGroup("customer", "customer_id", customer.FEATURES, customer.add_customer_features, OWNER),
    FeatureGroup("terminal", "terminal_id", terminal.FEATURES, terminal.add_terminal_features, OWNER),
)

FEATURES: Final[tuple[Feature, ...]] = tuple(feature for group in GROUPS for feature in group.features)
ALL_FEATURES: Final[tuple[str, ...]] = tuple(feature.name for feature in FEATURES)
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
