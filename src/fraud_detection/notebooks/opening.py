"""Opens what a notebook works with, and says what is not there yet."""

from typing import Final

from fraud_detection.errors import DataError
from fraud_detection.schemas import (
    DATA_TABLES,
    MONITORING_TABLES,
    RUN_COSTS,
    SCORING_TABLES,
    TRANSACTION_FEATURES,
)
from fraud_detection.tasks.arguments import Arguments
from fraud_detection.tasks.context import Context, build_context, choose_stores

JOBS: Final = {
    **{table.name: "training" for table in DATA_TABLES},
    TRANSACTION_FEATURES: "training",
    RUN_COSTS: "training",
    **{table.name: "scoring" for table in (*SCORING_TABLES, *MONITORING_TABLES)},
}
"""Which job makes a table."""


def open_context(catalog: str, schema: str, model_name: str = "fraud_model", settings: str = "") -> Context:
    """The settings, the tables and the session of a notebook, and MLflow's stores; nothing is written.

    Args:
        catalog: of the tables.
        schema: of the tables.
        model_name: in the registry; on Unity Catalog with catalog and schema.
        settings: a YAML file; empty for the defaults.

    Raises:
        ConfigurationError: a name or a setting cannot be used.
    """
    arguments = Arguments(as_of="", catalog=catalog, schema=schema, model_name=model_name, settings=settings)
    context = build_context("notebook", arguments)
    choose_stores(context.local)
    return context


def require_tables(context: Context, *names: str) -> None:
    """Refuse to go on without rows to look at.

    Raises:
        DataError: names what is missing or empty, and the job that makes it.
    """
    for name in names:
        if not context.tables.exists(context.spark, name):
            found = "there is no table"
        elif context.tables.read(context.spark, name).isEmpty():
            found = "there are no rows in"
        else:
            continue
        job = JOBS[name]
        raise DataError(
            f"{found} {context.tables.plain_name(name)}; expected what the job {job} writes: "
            f"run it (`localjobs run {job} -t local`, or `databricks bundle run {job}`), "
            "or name another catalog and schema in the widgets"
        )
