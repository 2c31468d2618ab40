"""Which Spark: the one place that decides it."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pyspark.sql import SparkSession

from fraud_detection.errors import MachineError

LOCAL_FOLDER = "FRAUD_LOCAL_FOLDER"
CLASSIC, CONNECT = "pyspark", "databricks-connect"
WORKSPACE = ("DATABRICKS_CONFIG_PROFILE", "DATABRICKS_HOST")
JVM_ENDS_WITHIN = 2.0
"""Seconds from the first call that fails to the end of the process, which the kernel may still be clearing away."""


def on_databricks() -> bool:
    """Whether this process runs on a Databricks cluster."""
    return "DATABRICKS_RUNTIME_VERSION" in os.environ


def uses_connect() -> bool:
    """Whether the environment names a Spark Connect server or a Databricks workspace to use from here."""
    return any(name in os.environ for name in ("SPARK_REMOTE", *WORKSPACE))


def in_workspace() -> bool:
    """Whether tables and models are a workspace's: on its clusters, or from here where the environment names it."""
    return on_databricks() or ("SPARK_REMOTE" not in os.environ and any(name in os.environ for name in WORKSPACE))


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
        MachineError: this environment has not the package that the session needs, or two that exclude each other; or
            the Delta jars are missing.
    """
    if on_databricks():
        return SparkSession.builder.getOrCreate()
    require_package(_installed())
    if uses_connect():
        return _connect_session()
    from fraud_detection.local_spark import build_local_session  # noqa: PLC0415  the cluster has no need of it

    return build_local_session(warehouse)


@contextmanager
def naming_a_dead_jvm() -> Iterator[None]:
    """Say that Spark's JVM has ended where that is why something failed, and not that a connection was refused.

    Raises:
        MachineError: the JVM that this process started is no more.
    """
    try:
        yield
    except Exception as error:
        status = _status_of_jvm(wait=isinstance(error, (ConnectionError, EOFError)) or "py4j" in type(error).__module__)
        if status is None:
            raise
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        raise MachineError(
            f"the JVM of Spark has ended while the task worked: it {how}; expected it to outlive the task. Signal 9 "
            "mostly means that memory ran out: look at the JVM's lines above and at the kernel's log, give it less by "
            "FRAUD_DRIVER_MEMORY or the machine more, and run the task again, which goes on from what is committed"
        ) from error


def _status_of_jvm(*, wait: bool) -> int | None:
    """The exit status of the JVM that this process started; None where it lives, or there is none of its own."""
    from pyspark import SparkContext  # noqa: PLC0415  nobody asks for it before something has failed

    process = getattr(getattr(SparkContext, "_gateway", None), "proc", None)
    if process is None:
        return None
    try:
        status: int | None = process.wait(JVM_ENDS_WITHIN) if wait else process.poll()
    except subprocess.TimeoutExpired:
        return None
    return status


def require_package(installed: Mapping[str, str]) -> None:
    """Refuse an environment whose `pyspark` is not the one that the session needs.

    Args:
        installed: version by distribution, of those two that own the package `pyspark`.

    Raises:
        MachineError: says what is there, what is needed, and where that is.
    """
    found = " and ".join(f"{name} {number}" for name, number in installed.items()) or "no Spark"
    here = f"{sys.prefix} holds {found}"
    if len(installed) > 1:
        raise MachineError(
            f"{here}, which overwrite each other's package `pyspark`; expected one of them: remove the folder and run "
            "`make setup`; Databricks Connect has .venv-connect for itself (`make connect-setup`)"
        )
    if "SPARK_REMOTE" in os.environ:
        return
    if in_workspace() and CONNECT not in installed:
        named = " and ".join(name for name in WORKSPACE if name in os.environ)
        raise MachineError(
            f"{named} names a workspace, and {here}; expected {CONNECT}: use .venv-connect (`make connect-setup`), or "
            "take the variable away to work on this machine"
        )
    if not in_workspace() and CLASSIC not in installed:
        raise MachineError(
            f"a session on this machine is wanted, and {here}; expected {CLASSIC}: use .venv (`make setup`), or name a "
            "server by SPARK_REMOTE or a workspace by DATABRICKS_CONFIG_PROFILE"
        )


def _installed() -> dict[str, str]:
    found = {}
    for name in (CLASSIC, CONNECT):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _connect_session() -> SparkSession:
    if "SPARK_REMOTE" in os.environ:
        return SparkSession.builder.remote(os.environ["SPARK_REMOTE"]).getOrCreate()
    from databricks.connect import DatabricksSession  # noqa: PLC0415  lives in an environment of its own

    session: SparkSession = DatabricksSession.builder.getOrCreate()
    return session
