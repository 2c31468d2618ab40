"""Tables at fixed versions, so that what a model was made from is exactly what its run records."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pyspark.sql import DataFrame, SparkSession

from fraud_detection.table_changes import read_version
from fraud_detection.tables import Tables


@dataclass(frozen=True)
class PinnedTables(Tables):
    """Tables of which some are read at one Delta version, whatever is written meanwhile.

    Attributes:
        versions: by table name; a table that is not named is read as it is now.
    """

    versions: Mapping[str, int] = field(default_factory=dict)

    def read(self, spark: SparkSession, table: str) -> DataFrame:
        """The rows of a table at its version; a version that was vacuumed is Delta's error."""
        latest = super().read(spark, table)
        return read_version(spark, self, table, self.versions[table]) if table in self.versions else latest


def pin(tables: Tables, versions: Mapping[str, int]) -> PinnedTables:
    """The same tables, at these versions."""
    return PinnedTables(tables.catalog, tables.schema, tables.warehouse, versions)
