"""Builders of raw lines, landing folders and bronze frames."""

import os
from datetime import UTC, datetime

import polars as pl
import pytest
from pyspark.sql import DataFrame

from fraud_detection.schemas import BRONZE_TRANSACTIONS
from fraud_detection.tasks.rows import to_polars

ARRIVED = datetime(2018, 4, 2, 3, tzinfo=UTC)
BRONZE = ", ".join(f"{name} {kind.split(' COMMENT ')[0]}" for name, kind in BRONZE_TRANSACTIONS.columns.items())


@pytest.fixture(scope="session")
def make_bronze(spark):
    """Lines of one file as bronze holds them."""

    def make(*lines: str, header: str | None = None, file: str = "f", arrived: datetime = ARRIVED) -> DataFrame:
        rows = [(file, arrived, number, arrived, header, line) for number, line in enumerate(lines, 1)]
        return spark.createDataFrame(rows, BRONZE)

    return make


@pytest.fixture
def deliver(tmp_path):
    """Put a file of the given bytes into the landing folder, written at a given time, and return that folder."""
    landing = tmp_path / "landing"
    for dataset in ("transactions", "labels"):
        (landing / dataset).mkdir(parents=True)

    def put(name: str, content: str | bytes, written: datetime = ARRIVED) -> str:
        path = landing / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        os.utime(path, (written.timestamp(), written.timestamp()))
        return str(landing)

    return put


@pytest.fixture(scope="session")
def collect():
    """All rows of a frame in a defined order."""

    def rows(frame: DataFrame, *order: str) -> pl.DataFrame:
        return to_polars(frame).sort(*order)

    return rows
