"""Builders of raw lines, landing folders and bronze frames."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from pyspark.sql import DataFrame

from fraud_detection.features.frames import to_polars
from fraud_detection.schemas import BRONZE_TRANSACTIONS

ARRIVED = datetime(2018, 4, 2, 3, tzinfo=UTC)
BRONZE = ", ".join(f"{name} {kind.split(' COMMENT ')[0]}" for name, kind in BRONZE_TRANSACTIONS.columns.items())


@pytest.fixture(scope="session")
def make_bronze(spark):
    """Lines of one file as bronze holds them."""

    def make(*lines: str, header: str | None = None, file: str = "f", arrived: datetime = ARRIVED) -> DataFrame:
        rows = [(file, arrived, number, arrived, header, line) for number, line in enumerate(lines, 1)]
        return spark.createDataFrame(rows, BRONZE)

    return make


def _landing(folder: Path) -> tuple[str, Callable[..., str]]:
    landing = folder / "landing"
    for dataset in ("transactions", "labels"):
        (landing / dataset).mkdir(parents=True)

    def deliver(name: str, content: str | bytes, written: datetime = ARRIVED) -> str:
        path = landing / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        os.utime(path, (written.timestamp(), written.timestamp()))
        return str(landing)

    return str(landing), deliver


@pytest.fixture(scope="session")
def make_landing():
    """An empty landing folder, and what puts a file into it as if written at a given time."""
    return _landing


@pytest.fixture
def deliver(tmp_path):
    return _landing(tmp_path)[1]


@pytest.fixture(scope="session")
def collect():
    """All rows of a frame in a defined order."""

    def rows(frame: DataFrame, *order: str) -> pl.DataFrame:
        return to_polars(frame).sort(*order)

    return rows
