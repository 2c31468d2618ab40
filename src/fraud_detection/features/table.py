"""The table of features, whose columns are those of the registry."""

from types import MappingProxyType
from typing import Final

from fraud_detection.features.feature import Feature
from fraud_detection.features.registry import FEATURES
from fraud_detection.schemas import TRANSACTION_FEATURES, TableSchema

KEYS: Final = {
    "transaction_id": "STRING NOT NULL",
    "event_time": "TIMESTAMP NOT NULL COMMENT 'UTC'",
    "event_date": "DATE NOT NULL COMMENT 'day of event_time, UTC'",
    "customer_id": "STRING NOT NULL",
    "terminal_id": "STRING NOT NULL",
    "amount_cents": "BIGINT NOT NULL COMMENT 'amount in minor units'",
}
SQL_TYPES: Final = {"float64": "DOUBLE", "int32": "INT"}


def feature_table() -> TableSchema:
    """One row a transaction, as it was known at its time.

    Rows are looked for by keys and times, never by a feature, so only the keys have statistics.
    """
    return TableSchema(
        name=TRANSACTION_FEATURES,
        comment="Features of each transaction as known at its time; made anew from silver",
        columns=MappingProxyType(KEYS | {feature.name: _column(feature) for feature in FEATURES}),
        key=("transaction_id",),
        cluster_by=("event_date", "customer_id"),
        indexed_columns=len(KEYS),
    )


def _column(feature: Feature) -> str:
    comment = feature.description.replace("'", "''")
    return f"{SQL_TYPES[feature.type]} COMMENT '{comment}'"
