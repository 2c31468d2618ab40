"""The Spark session of notebooks and SQL files."""

import importlib
from importlib.metadata import entry_points
from typing import Any

GROUP = "localjobs.spark"
"""Entry points of this group make the session of a project; `session` is the one that is used."""


def get_session() -> Any:
    """The project's own session if an entry point makes one, else a plain local one."""
    for point in entry_points(group=GROUP, name="session"):
        return point.load()()
    builder = importlib.import_module("pyspark.sql").SparkSession.builder
    return builder.appName("localjobs").getOrCreate()
