"""The Spark session of commands and tasks: that of the project, where its package names one."""

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

GROUP = "runcosts.spark"


def open_session() -> "SparkSession":
    """What the entry point `session` of the group `runcosts.spark` makes; else the ambient session."""
    for point in entry_points(group=GROUP, name="session"):
        made: SparkSession = point.load()()
        return made
    from pyspark import sql  # noqa: PLC0415 - seconds, and most commands have no need of it

    return sql.SparkSession.builder.getOrCreate()
