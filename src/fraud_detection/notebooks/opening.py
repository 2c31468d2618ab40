"""Opens what a notebook works with, and says what is not there yet."""

from dataclasses import replace
from typing import Final

from mlflow import MlflowClient

from fraud_detection.errors import DataError
from fraud_detection.models.versions import find_model
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
USUAL_MODEL: Final = "fraud_model"


def open_context(catalog: str, schema: str, model_name: str | None = None, settings: str = "") -> Context:
    """The settings, the tables and the session of a notebook, and MLflow's stores; nothing is written.

    Args:
        catalog: of the tables.
        schema: of the tables; empty for the only one on this machine, in a workspace for `fraud`.
        model_name: in the registry; empty for its only one, in a workspace for `fraud_model` of the schema; None where
            no model is looked at.
        settings: a YAML file; empty for the defaults.

    Raises:
        ConfigurationError: a name or a setting cannot be used.
        ModelError: no model is named, and the registry has several.
    """
    arguments = Arguments(as_of="", catalog=catalog, schema=schema, settings=settings)
    context = build_context("notebook", arguments)
    choose_stores(context.local)
    if model_name is None:
        return context
    name = model_name or (_only_model() if context.local else context.tables.plain_name(USUAL_MODEL))
    return replace(context, arguments=replace(context.arguments, model_name=name))


def _only_model() -> str:
    """Where there is none yet, the name that it will have: what is looked at first says what is missing."""
    client = MlflowClient()
    return find_model(client) if client.search_registered_models(max_results=1) else USUAL_MODEL


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
