"""The tables: their columns, keys, layout and constraints, stated once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

AMOUNT_TYPE = "DECIMAL(12,2)"

ARRIVAL = {
    "source_file": "STRING NOT NULL COMMENT 'file that the row arrived in'",
    "file_modified_at": "TIMESTAMP NOT NULL COMMENT 'when that file was last written: the row''s arrival'",
    "line_number": "BIGINT NOT NULL COMMENT 'line in that file, from 1'",
}
UPDATED = {
    "updated_at": "TIMESTAMP COMMENT 'when the content of this row was last new or other; arriving again is no change'",
}
BRONZE_COLUMNS = {
    **ARRIVAL,
    "ingested_at": "TIMESTAMP NOT NULL COMMENT 'when this table took it'",
    "header": "STRING COMMENT 'first line of a CSV file'",
    "raw": "STRING NOT NULL COMMENT 'the line as it arrived'",
}


def _frozen(mapping: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType(dict(mapping))


@dataclass(frozen=True)
class TableSchema:
    """One table.

    Attributes:
        columns: name → type and options, as SQL says it.
        key: what a merge goes by.
        cluster_by: columns that files are clustered by.
        checks: CHECK constraints by name.
        indexed_columns: how many leading columns have statistics for skipping files; None for Delta's default of 32.
        origin: columns that say where a row came from: a merge that changes nothing else is no change of content.
        stamp: the column that keeps the time of the last change of content; empty for none.
    """

    name: str
    comment: str
    columns: Mapping[str, str]
    key: tuple[str, ...] = ()
    cluster_by: tuple[str, ...] = ()
    checks: Mapping[str, str] = field(default_factory=lambda: _frozen({}))
    indexed_columns: int | None = None
    origin: tuple[str, ...] = ()
    stamp: str = ""

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns, in order."""
        return tuple(self.columns)


BRONZE_TRANSACTIONS = TableSchema(
    name="bronze_transactions",
    comment="Every line that arrived in transaction files, as it arrived",
    columns=_frozen(BRONZE_COLUMNS),
)
BRONZE_LABELS = TableSchema(
    name="bronze_labels",
    comment="Every line that arrived in label files, as it arrived",
    columns=_frozen(BRONZE_COLUMNS),
)
SILVER_TRANSACTIONS = TableSchema(
    name="silver_transactions",
    comment="Valid transactions, one row each; the version that arrived last wins",
    columns=_frozen(
        {
            "transaction_id": "STRING NOT NULL",
            "event_time": "TIMESTAMP NOT NULL COMMENT 'UTC'",
            "event_date": "DATE NOT NULL COMMENT 'day of event_time, UTC'",
            "customer_id": "STRING NOT NULL",
            "terminal_id": "STRING NOT NULL",
            "amount": f"{AMOUNT_TYPE} NOT NULL",
            **ARRIVAL,
            **UPDATED,
        }
    ),
    origin=tuple(ARRIVAL),
    stamp="updated_at",
    key=("transaction_id",),
    cluster_by=("event_date", "customer_id"),
    checks=_frozen(
        {"amount_not_negative": "amount >= 0", "event_date_of_time": "event_date = CAST(event_time AS DATE)"}
    ),
)
SILVER_LABELS = TableSchema(
    name="silver_labels",
    comment="Valid labels, one row a transaction; the version that arrived last wins",
    columns=_frozen(
        {
            "transaction_id": "STRING NOT NULL",
            "is_fraud": "BOOLEAN NOT NULL",
            "known_at": "TIMESTAMP NOT NULL COMMENT 'when the label became known, UTC'",
            **ARRIVAL,
            **UPDATED,
        }
    ),
    origin=tuple(ARRIVAL),
    stamp="updated_at",
    key=("transaction_id",),
    cluster_by=("known_at",),
)
QUARANTINE = TableSchema(
    name="quarantine",
    comment="Every line that did not become a row of silver, with all reasons",
    columns=_frozen(
        {
            "dataset": "STRING NOT NULL COMMENT 'transactions or labels'",
            **ARRIVAL,
            "transaction_id": "STRING COMMENT 'as far as it could be read'",
            "raw": "STRING NOT NULL COMMENT 'the line as it arrived'",
            "reasons": "ARRAY<STRING> NOT NULL COMMENT 'every rule that it breaks'",
        }
    ),
    key=("dataset", "source_file", "line_number"),
)

TRANSACTION_FEATURES = "transaction_features"
RUN_COSTS = "run_costs"
