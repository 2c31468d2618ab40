"""A small world for every engine."""

import polars as pl
import pytest

from fraud_detection.data.generator import World, generate_transactions


@pytest.fixture(scope="session")
def history():
    """Two months of a small world: ties of time, labels on time, late and never known."""
    transactions = generate_transactions(World(customers=80, terminals=60, days=60, seed=5))
    number = pl.int_range(pl.len())
    late = pl.when(number % 7 == 0).then(pl.duration(days=9)).otherwise(pl.duration(days=7))
    return (
        transactions.drop("scenario")
        .with_columns(pl.col("event_time").dt.truncate("10m"))
        .with_columns(known_at=pl.when(number % 11 != 0).then(pl.col("event_time") + late))
    )
