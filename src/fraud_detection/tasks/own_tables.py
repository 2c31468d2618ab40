"""The tables of this project that are there, for what looks after all of them."""

from fraud_detection.features.table import feature_table
from fraud_detection.schemas import DATA_TABLES, MONITORING_TABLES, SCORING_TABLES
from fraud_detection.scoring.recent import recent_table
from fraud_detection.tasks.context import Context


def present_tables(context: Context) -> list[str]:
    """Their names, but for the ledger, the queue of experiments and what they found, which hold no transactions."""
    own = (*DATA_TABLES, *SCORING_TABLES, *MONITORING_TABLES, feature_table(), recent_table())
    return [table.name for table in own if context.tables.exists(context.spark, table.name)]
