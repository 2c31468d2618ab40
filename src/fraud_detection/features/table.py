"""The table of features, whose columns are those of the registry."""

from types import MappingProxyType

from fraud_detection.features.registry import FEATURES
from fraud_detection.schemas import TRANSACTION_FEATURES, TableSchema

SQL_TYPES = {"float64": "DOUBLE", "int32": "INT"}


def feature_table() -> TableSchema:
    """One row a transaction, as it was known at its time."""
    columns = {
        "transaction_id": "STRING NOT NULL",
        "event_time": "TIMESTAMP NOT NULL COMMENT 'UTC'",
        "event_date": "DATE NOT NULL COMMENT 'day of event_time, UTC'",
        "customer_id": "STRING NOT NULL",
        "terminal_id": "STRING NOT NULL",
        "amount_cents": "BIGINT NOT NULL COMMENT 'amount in minor units'",
    }
    for feature in FEATURES:
        comment = feature.description.replace("'", "''")
        columns[feature.name] = f"{SQL_TYPES[feature.type]} COMMENT '{comment}'"
    return TableSchema(
        name=TRANSACTION_FEATURES,
        comment="Features of each transaction as known at its time; made anew from silver",
        columns=MappingProxyType(columns),
        key=("transaction_id",),
        cluster_by=("event_date", "customer_id"),
    )
