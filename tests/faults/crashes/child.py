"""What runs a task in a process of its own that is forked with everything imported, on a JVM that is warm already."""

import contextlib
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from mlflow.utils.requirements_utils import _init_modules_to_packages_map
from pyspark import SparkConf, SparkContext
from pyspark.java_gateway import launch_gateway
from pyspark.sql import SparkSession

from crashes.points import Points
from fraud_detection.local_spark import SETTINGS

TASKS = (
    *("data_prep", "feature_build", "train", "validate", "register"),
    *("score", "score_stream", "monitor", "maintain"),
)
LATE = ("mlflow.store.tracking.sqlalchemy_store", "mlflow.store.model_registry.sqlalchemy_store", "alembic.context")
# Once, in the process that all others are forked from.
for name in (*(f"fraud_detection.tasks.{task}" for task in TASKS), *LATE):
    import_module(name)
_init_modules_to_packages_map()  # MLflow looks through all installed packages when it loads a model


def run_task(task: str, options: Sequence[str], log: Path, environment: dict[str, str], kill: tuple | None) -> None:
    """Run a task by its command line; `kill` is (folder, notes, name of a point) and installs the points.

    The exit status tells how it ended, as with a process of its own.
    """
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(target, 1)
    os.dup2(target, 2)
    os.environ.clear()
    os.environ |= {**environment, "PYSPARK_PYTHON": sys.executable}
    if "PYSPARK_GATEWAY_PORT" in environment:
        attach()
    if kill:
        Points(*kill).install()
    module = import_module(f"fraud_detection.tasks.{task}")
    module.main(list(options))
    sys.stdout.flush()


def attach() -> SparkSession:
    """The session of the warm JVM, as a new driver would find its tables: none known, none cached, no stream going."""
    gateway = launch_gateway()
    jvm = gateway.jvm
    settings = jvm.SparkConf(True)
    for name, value in {**SETTINGS, "spark.master": "local[2]", "spark.app.name": "faults"}.items():
        settings.set(name, value)
    java = jvm.JavaSparkContext(jvm.org.apache.spark.SparkContext.getOrCreate(settings))
    session = SparkSession(SparkContext(conf=SparkConf(_jconf=java.getConf()), gateway=gateway, jsc=java))
    java.sc().setLogLevel("ERROR")
    for query in session.streams.active:
        with contextlib.suppress(Exception):  # it has lost who computes its batches, and fails of that
            query.stop()
    java.sc().cancelAllJobs()
    for schema in session.catalog.listDatabases():
        if schema.name != "default":
            session.sql(f"DROP SCHEMA `{schema.name}` CASCADE")  # external tables: only the catalog forgets
    session.sql("USE default")
    session.catalog.clearCache()
    jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()
    return session
