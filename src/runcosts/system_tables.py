"""The platform's tables of bills and runs, below a catalog that is a setting, so that local ones do as well."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession

from runcosts.errors import SettingsError
from runcosts.spark_ledger import quoted_name
from runcosts.system_names import LIST_PRICES, TASK_TIMELINE, USAGE

LOCAL_CATALOG = "spark_catalog"


@dataclass(frozen=True)
class Bills:
    """What a reconciliation reads: usage, prices, and when which task ran on which compute."""

    usage: DataFrame
    prices: DataFrame
    timeline: DataFrame


def read_bills(spark: SparkSession, catalog: str) -> Bills:
    """Open the three tables.

    Raises:
        SettingsError: one is not there; the message names it.
    """
    return Bills(*(open_table(spark, f"{catalog}.{name}") for name in (USAGE, LIST_PRICES, TASK_TIMELINE)))


def open_table(spark: SparkSession, name: str) -> DataFrame:
    """A table by its full name; a local one may be a folder that this session has not seen yet.

    Raises:
        SettingsError: there is no such table.
    """
    quoted = quoted_name(name)
    try:
        there = spark.catalog.tableExists(quoted)
    except AnalysisException as refused:
        raise SettingsError(f"found no table {name}; this session has no such catalog: {refused}") from refused
    if not there:
        folder = local_folder(spark, name)
        if folder is None or not (folder / "_delta_log").is_dir():
            where = f" (nor a Delta table in {folder})" if folder else ""
            raise SettingsError(f"found no table {name}{where}; grant SELECT on it, or name another catalog")
        make_table(spark, name)
    return spark.table(quoted)


def table_exists(spark: SparkSession, name: str) -> bool:
    """Whether there is such a table; a local one may be a folder that this session has not seen yet."""
    folder = local_folder(spark, name)
    return (folder / "_delta_log").is_dir() if folder else bool(spark.catalog.tableExists(quoted_name(name)))


def open_or_make_table(spark: SparkSession, name: str, ddl: str) -> DataFrame:
    """A table by its full name, made empty if there is none."""
    folder = local_folder(spark, name)
    make_table(spark, name, "" if folder and (folder / "_delta_log").is_dir() else ddl)
    return spark.table(quoted_name(name))


def make_table(spark: SparkSession, name: str, ddl: str = "") -> None:
    """Make a table, or register the local folder that holds one, unless the session knows it."""
    folder = local_folder(spark, name)
    columns, place = f"({ddl})" if ddl else "", ""
    if folder is not None:
        schema = quoted_name(name.rpartition(".")[0])
        spark.sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        place = "LOCATION '{}'".format(str(folder).replace("'", "\\'"))
    spark.sql(f"CREATE TABLE IF NOT EXISTS {quoted_name(name)} {columns} USING DELTA {place}")


def local_folder(spark: SparkSession, name: str) -> Path | None:
    """Where a table of the session's own catalog lies, by the layout warehouse/schema/table; None elsewhere."""
    catalog, _, rest = name.partition(".")
    schema, _, table = rest.partition(".")
    if catalog != LOCAL_CATALOG or not table:
        return None
    warehouse = spark.conf.get("spark.sql.warehouse.dir", "") or ""
    return Path(urlparse(warehouse).path) / schema / table
