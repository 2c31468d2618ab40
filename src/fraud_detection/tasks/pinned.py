"""Tables at fixed versions, so that what a model was made from is exactly what its run records."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from pyspark.sql import DataFrame, SparkSession

from fraud_detection.errors import DataError
from fraud_detection.table_changes import read_version
from fraud_detection.tables import Tables, find_gone


@dataclass(frozen=True)
class PinnedTables(Tables):
    """Tables of which some are read at one Delta version, whatever is written meanwhile.

    Attributes:
        versions: by table name; a table that is not named is read as it is now.
    """

    versions: Mapping[str, int] = field(default_factory=dict)

    def read(self, spark: SparkSession, table: str) -> DataFrame:
        """The rows of a table at its version; one that is gone is an error inside of `naming_what_is_gone`."""
        latest = super().read(spark, table)
        return read_version(spark, self, table, self.versions[table]) if table in self.versions else latest


@contextmanager
def naming_what_is_gone(tables: PinnedTables) -> Iterator[None]:
    """Name the versions that cannot be read any more.

    Raises:
        DataError: the log, or files, of a version are gone.
    """
    try:
        yield
    except Exception as refused:  # Py4J's, PySpark's, or a worker's: their text is one
        gone = find_gone(refused)
        if not gone:
            raise
        versions = ", ".join(f"{table} at {version}" for table, version in tables.versions.items())
        raise DataError(
            f"of {versions}, at least one cannot be read any more ({gone}); expected all: VACUUM removes former "
            "versions after data.retention_hours, fraud-state erase at once"
        ) from refused


def pin(tables: Tables, versions: Mapping[str, int]) -> PinnedTables:
    """The same tables, at these versions."""
    return PinnedTables(tables.catalog, tables.schema, tables.warehouse, versions)
