"""The tables: their columns, keys, layout and constraints, stated once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from fraud_detection.errors import ConfigurationError

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
    indexed_columns=len(ARRIVAL),
)
BRONZE_LABELS = TableSchema(
    name="bronze_labels",
    comment="Every line that arrived in label files, as it arrived",
    columns=_frozen(BRONZE_COLUMNS),
    indexed_columns=len(ARRIVAL),
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

AGGREGATES = {
    "transactions": "BIGINT NOT NULL",
    "labelled": "BIGINT NOT NULL COMMENT 'of these, how many have a label'",
    "frauds": "BIGINT NOT NULL COMMENT 'of these, how many are known as fraud'",
    "amount": "DECIMAL(20,2) NOT NULL COMMENT 'sum of amounts'",
    "fraud_amount": "DECIMAL(20,2) NOT NULL COMMENT 'sum of the amounts of known fraud'",
    "silver_updated_at": "TIMESTAMP COMMENT 'the last change of the rows that this was made from'",
}
GOLD_DAYS = TableSchema(
    name="gold_days",
    comment="Volumes and known fraud by day and band of amounts",
    columns=_frozen({"event_date": "DATE NOT NULL", "amount_band": "STRING NOT NULL", **AGGREGATES}),
    key=("event_date", "amount_band"),
    cluster_by=("event_date",),
)
GOLD_TERMINAL_DAYS = TableSchema(
    name="gold_terminal_days",
    comment="Volumes and known fraud by day and terminal",
    columns=_frozen({"event_date": "DATE NOT NULL", "terminal_id": "STRING NOT NULL", **AGGREGATES}),
    key=("event_date", "terminal_id"),
    cluster_by=("event_date",),
)
DATA_QUALITY = TableSchema(
    name="data_quality",
    comment="How many lines of each file broke each rule, also where none did",
    columns=_frozen(
        {
            "dataset": "STRING NOT NULL COMMENT 'transactions or labels'",
            "source_file": ARRIVAL["source_file"],
            "day": "DATE NOT NULL COMMENT 'day on which the file was written, UTC'",
            "rule": "STRING NOT NULL COMMENT 'name of a rule; read and quarantined are totals'",
            "severity": "STRING NOT NULL COMMENT 'error, warning or total'",
            "lines": "BIGINT NOT NULL",
            "checked_at": "TIMESTAMP NOT NULL",
        }
    ),
    key=("dataset", "source_file", "day", "rule"),
    cluster_by=("day",),
    stamp="checked_at",
)
LANDING_FILES = TableSchema(
    name="landing_files",
    comment="Every file that was seen in the landing folder, as it was then",
    columns=_frozen(
        {
            "dataset": "STRING NOT NULL COMMENT 'transactions or labels'",
            "source_file": ARRIVAL["source_file"],
            "file_modified_at": ARRIVAL["file_modified_at"],
            "bytes": "BIGINT NOT NULL",
            "first_seen_at": "TIMESTAMP NOT NULL",
        }
    ),
    key=("dataset", "source_file"),
)

PREDICTIONS = TableSchema(
    name="predictions",
    comment="What each version of a model said of each transaction, and what was decided by it",
    columns=_frozen(
        {
            "transaction_id": "STRING NOT NULL",
            "event_time": "TIMESTAMP NOT NULL COMMENT 'UTC'",
            "event_date": "DATE NOT NULL COMMENT 'day of event_time, UTC'",
            "customer_id": "STRING NOT NULL",
            "terminal_id": "STRING NOT NULL",
            "amount": f"{AMOUNT_TYPE} NOT NULL",
            "probability": "DOUBLE NOT NULL COMMENT 'of fraud, calibrated'",
            "threshold": "DOUBLE NOT NULL COMMENT 'probability from which on there is an alert'",
            "is_alert": "BOOLEAN NOT NULL",
            "reasons": "STRING COMMENT 'JSON: the features that raise the score most; null where not computed'",
            "model_name": "STRING NOT NULL",
            "model_version": "BIGINT NOT NULL",
            "variant": "STRING NOT NULL COMMENT 'champion, challenger or shadow'",
            "scored_at": "TIMESTAMP NOT NULL COMMENT 'when this was first said, or last said otherwise'",
            "scored_by": "STRING NOT NULL COMMENT 'batch, stream or online'",
        }
    ),
    key=("transaction_id", "model_version"),
    cluster_by=("event_date",),
    stamp="scored_at",
)
GOLD_SAVINGS = TableSchema(
    name="gold_savings",
    comment="What alerts were worth, by day and version of the model, as far as labels are known",
    columns=_frozen(
        {
            "event_date": "DATE NOT NULL",
            "model_name": "STRING NOT NULL",
            "model_version": "BIGINT NOT NULL",
            "variant": "STRING NOT NULL COMMENT 'champion, challenger or shadow'",
            "transactions": "BIGINT NOT NULL COMMENT 'scored'",
            "labelled": "BIGINT NOT NULL COMMENT 'of these, how many have a label'",
            "frauds": "BIGINT NOT NULL COMMENT 'of these, how many are known as fraud'",
            "alerts": "BIGINT NOT NULL",
            "reviewed": "BIGINT NOT NULL COMMENT 'alerts that people had time for, highest scores first'",
            "caught": "BIGINT NOT NULL COMMENT 'known frauds among the reviewed'",
            "fraud_amount": "DECIMAL(20,2) NOT NULL COMMENT 'sum of the amounts of known fraud'",
            "caught_amount": "DECIMAL(20,2) NOT NULL COMMENT 'of this, what was reviewed'",
            "saving": "DOUBLE NOT NULL COMMENT 'loss that the reviews prevented, less what they cost'",
            "review_cost": "DOUBLE NOT NULL COMMENT 'setting costs.review_cost'",
            "loss_share": "DOUBLE NOT NULL COMMENT 'setting costs.loss_share'",
            "reviews_a_day": "BIGINT NOT NULL COMMENT 'setting costs.reviews_a_day'",
            "silver_updated_at": "TIMESTAMP COMMENT 'the last change of the scores and labels that this was made from'",
        }
    ),
    key=("event_date", "model_name", "model_version", "variant"),
    cluster_by=("event_date",),
)


def with_attributes(table: TableSchema, attributes: Sequence[str]) -> TableSchema:
    """The table with a text column for each attribute of the user's own, at its end.

    Raises:
        ConfigurationError: an attribute has the name of a column that is there already.
    """
    taken = sorted({*table.columns, *BRONZE_COLUMNS} & set(attributes))
    if taken:
        raise ConfigurationError(
            f"attribute {', '.join(taken)} is a column of {table.name} already; choose other names"
        )
    own = dict.fromkeys(attributes, "STRING COMMENT 'an attribute, by data.mapping'")
    return replace(table, columns=_frozen({**table.columns, **own}))


EXPERIMENTS = TableSchema(
    name="experiments",
    comment="A queue of training settings to try when compute is cheap; a run takes what its budget pays for",
    columns=_frozen(
        {
            "experiment_id": "STRING NOT NULL",
            "settings": "STRING NOT NULL COMMENT 'JSON: sections as in a settings file, put on top of the job''s'",
            "priority": "INT NOT NULL COMMENT 'higher first; of equal ones what was added first'",
            "added_at": "TIMESTAMP NOT NULL",
            "state": "STRING NOT NULL COMMENT 'waiting, taken, done or failed'",
            "tries": "INT NOT NULL COMMENT 'how often a run has taken it'",
            "taken_by": "STRING COMMENT 'job run that has it, or had it last'",
            "taken_at": "TIMESTAMP",
            "finished_at": "TIMESTAMP",
            "run_id": "STRING COMMENT 'MLflow run of what came of it'",
            "note": "STRING COMMENT 'why it failed, or is waiting again'",
        }
    ),
    key=("experiment_id",),
    checks=_frozen({"state_is_known": "state IN ('waiting', 'taken', 'done', 'failed')"}),
)
EXPERIMENT_RESULTS = TableSchema(
    name="experiment_results",
    comment="What came of each experiment, appended as it ends, so that those that end together never conflict",
    columns=_frozen(
        {
            "experiment_id": "STRING NOT NULL",
            "job_run_id": "STRING NOT NULL",
            "succeeded": "BOOLEAN NOT NULL",
            "run_id": "STRING COMMENT 'MLflow run of the candidate'",
            "average_precision": "DOUBLE COMMENT 'on the held-out days'",
            "note": "STRING",
            "finished_at": "TIMESTAMP NOT NULL",
        }
    ),
)

TRANSACTION_FEATURES = "transaction_features"
RECENT_FEATURES = "recent_features"
RUN_COSTS = "run_costs"

HOUSEKEEPING = (
    "OPTIMIZE",
    "REORG",
    "VACUUM START",
    "VACUUM END",
    "SET TBLPROPERTIES",
    "UNSET TBLPROPERTIES",
    "CLUSTER BY",
    "COMPUTE STATS",
)
"""Operations of Delta that change no row."""

DATA_TABLES = (
    BRONZE_TRANSACTIONS,
    BRONZE_LABELS,
    SILVER_TRANSACTIONS,
    SILVER_LABELS,
    QUARANTINE,
    DATA_QUALITY,
    LANDING_FILES,
    GOLD_DAYS,
    GOLD_TERMINAL_DAYS,
)
"""The tables that data_prep writes."""
SCORING_TABLES = (PREDICTIONS, GOLD_SAVINGS)
"""The tables that scoring writes, besides `recent_features`, whose columns are those of `transaction_features`."""

OF_MODEL = {"model_name": "STRING NOT NULL", "model_version": "BIGINT NOT NULL"}
DRIFT = TableSchema(
    name="drift",
    comment="How far what arrives lies from what the champion learned from, by day and feature",
    columns=_frozen(
        {
            "day": "DATE NOT NULL COMMENT 'last day of the window that is compared'",
            **OF_MODEL,
            "feature": "STRING NOT NULL COMMENT 'a feature, score, or volume'",
            "psi": "DOUBLE NOT NULL COMMENT 'population stability index; of volume the ratio to what is usual'",
            "psi_of_day": "DOUBLE NOT NULL COMMENT 'the index of the last day alone'",
            "ks": "DOUBLE NOT NULL COMMENT 'largest distance of the distributions at an edge between bins'",
            "missing": "DOUBLE NOT NULL COMMENT 'share of absent values on the day'",
            "outside": "DOUBLE NOT NULL COMMENT 'share of values on the day that training never saw the like of'",
            "rows": "BIGINT NOT NULL COMMENT 'transactions of the window; of volume those of the day'",
        }
    ),
    key=("day", "model_name", "model_version", "feature"),
    cluster_by=("day",),
)
MODEL_QUALITY = TableSchema(
    name="model_quality",
    comment="What decisions were worth once labels had come, by week and slice, measured as the gate measures",
    columns=_frozen(
        {
            "day": "DATE NOT NULL COMMENT 'last day of the week that is judged'",
            **OF_MODEL,
            "kind": "STRING NOT NULL COMMENT 'of the slice; all for the whole week'",
            "slice": "STRING NOT NULL",
            "rows": "BIGINT NOT NULL",
            "frauds": "BIGINT NOT NULL",
            "auc_roc": "DOUBLE",
            "average_precision": "DOUBLE",
            "card_precision": "DOUBLE COMMENT 'CP@100, of the whole week'",
            "calibration_error": "DOUBLE",
            "saving_a_day": "DOUBLE",
            "labelled": "DOUBLE COMMENT 'share of the transactions of the week that have a label'",
        }
    ),
    key=("day", "model_name", "model_version", "kind", "slice"),
    cluster_by=("day",),
)
MONITORING = TableSchema(
    name="monitoring",
    comment="What was found each day, and whether training was started for it",
    columns=_frozen(
        {
            "day": "DATE NOT NULL",
            **OF_MODEL,
            "alarms": "ARRAY<STRING> NOT NULL COMMENT 'kind: text'",
            "retrain": "BOOLEAN NOT NULL",
            "why": "STRING NOT NULL",
            "label_days_median": "DOUBLE COMMENT 'age of a transaction when its label came; null without any'",
            "label_days_most": "DOUBLE COMMENT 'the same, nine in ten'",
        }
    ),
    key=("day", "model_name"),
    cluster_by=("day",),
)
VARIANT_RESULTS = TableSchema(
    name="variant_results",
    comment="Champion against challenger, by the week whose labels have come; intervals of 95 % draw customers",
    columns=_frozen(
        {
            "day": "DATE NOT NULL COMMENT 'last day of the week that is judged'",
            "model_name": OF_MODEL["model_name"],
            "experiment": "STRING NOT NULL COMMENT 'setting scoring.experiment'",
            "variant": "STRING NOT NULL COMMENT 'champion, challenger or shadow'",
            "customers": "BIGINT NOT NULL",
            "transactions": "BIGINT NOT NULL",
            "frauds": "BIGINT NOT NULL",
            "average_precision": "DOUBLE COMMENT 'null where one class only was seen'",
            "saving": "DOUBLE NOT NULL COMMENT 'per thousand transactions, before the limit of reviews'",
            "saving_low": "DOUBLE NOT NULL",
            "saving_high": "DOUBLE NOT NULL",
            "lead": "DOUBLE COMMENT 'of the saving over the champion; null for the champion'",
            "lead_low": "DOUBLE",
            "lead_high": "DOUBLE",
        }
    ),
    key=("day", "model_name", "experiment", "variant"),
    cluster_by=("day",),
)
MONITORING_TABLES = (DRIFT, MODEL_QUALITY, MONITORING, VARIANT_RESULTS)
"""The tables that the task monitor writes."""
