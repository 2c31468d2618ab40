"""Which Spark: the one place that decides it."""

import os
from pathlib import Path

from pyspark.sql import SparkSession

LOCAL_FOLDER = "FRAUD_LOCAL_FOLDER"


def on_databricks() -> bool:
    """Whether this process runs on a Databricks cluster."""
    return "DATABRICKS_RUNTIME_VERSION" in os.environ


def uses_connect() -> bool:
    """Whether the environment names a Spark Connect server or a Databricks workspace to use from here."""
    return any(name in os.environ for name in ("SPARK_REMOTE", "DATABRICKS_CONFIG_PROFILE", "DATABRICKS_HOST"))


def open_session() -> SparkSession:
    """The session of a notebook or a SQL file that a job runs here; localjobs finds it by entry point."""
    return get_session(local_folder() / "warehouse")


def local_folder() -> Path:
    """Where tables, models and data are kept on a laptop."""
    return Path(os.environ.get(LOCAL_FOLDER, ".local")).resolve()


def get_session(warehouse: Path) -> SparkSession:
    """The ambient session on Databricks, a Connect session where the environment names one, else a local one.

    Args:
        warehouse: folder of the tables of a local session.

    Raises:
        MachineError: a local session is wanted and the Delta jars are missing.
    """
    if on_databricks():
        return SparkSession.builder.getOrCreate()
    if uses_connect():
        return _connect_session()
    from fraud_detection.local_spark import build_local_session  # noqa: PLC0415  the cluster has no need of it

    return build_local_session(warehouse)


def _connect_session() -> SparkSession:
    if "SPARK_REMOTE" in os.environ:
        return SparkSession.builder.remote(os.environ["SPARK_REMOTE"]).getOrCreate()
    from databricks.connect import DatabricksSession  # noqa: PLC0415  lives in an environment of its own

    session: SparkSession = DatabricksSession.builder.getOrCreate()
    return session
