"""Builders of small histories."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import strategies as st

from fraud_detection.data.generator import World, generate_transactions
from fraud_detection.features.contract import UTC_TIME

START = datetime(2018, 4, 1, tzinfo=UTC)
DELAY = timedelta(days=7)
SCHEMA = {
    "transaction_id": pl.Int64,
    "event_time": UTC_TIME,
    "customer_id": pl.Int64,
    "terminal_id": pl.Int64,
    "amount_cents": pl.Int64,
    "is_fraud": pl.Boolean,
    "known_at": UTC_TIME,
}


def _history(rows: list[dict]) -> pl.DataFrame:
    """Rows with what matters to a test; the rest is filled in. `hours` counts from START; labels come on time."""
    filled = []
    for number, row in enumerate(rows):
        time = START + timedelta(hours=row.get("hours", 0))
        usual = {"transaction_id": number, "customer_id": 1, "terminal_id": 1, "amount_cents": 1000, "is_fraud": False}
        late = row.get("late_hours", 0)
        known_at = None if late is None else time + DELAY + timedelta(hours=late)
        filled.append({**usual, "event_time": time, "known_at": known_at} | row)
    return pl.DataFrame(filled, schema=SCHEMA, strict=False) if filled else pl.DataFrame(schema=SCHEMA)


@pytest.fixture(scope="session")
def make_history():
    return _history


@pytest.fixture(scope="session")
def histories():
    """A strategy, to draw from by `st.data()`."""
    return _histories()


@st.composite
def _histories(draw, max_rows=25):
    """Few entities, times on a coarse grid so that they tie, labels on time, late, early or never known."""
    row = st.fixed_dictionaries(
        {
            "hours": st.integers(0, 45 * 4).map(lambda quarter_days: quarter_days * 6),
            "customer_id": st.integers(1, 3),
            "terminal_id": st.integers(1, 3),
            "amount_cents": st.integers(0, 30_000),
            "is_fraud": st.sampled_from([False, True, True, None]),
            "late_hours": st.sampled_from([0, 0, 0, -100, 30, 400, None]),
        }
    )
    rows = draw(st.lists(row, max_size=max_rows))
    numbers = draw(st.permutations(range(len(rows))))
    return _history([{**row, "transaction_id": number} for row, number in zip(rows, numbers, strict=True)])


@pytest.fixture(scope="session")
def small_world() -> pl.DataFrame:
    """Six weeks of a small world, some labels late, some never known."""
    transactions = generate_transactions(World(customers=60, terminals=40, days=60, seed=5))
    number = pl.int_range(pl.len())
    late = pl.when(number % 7 == 0).then(pl.duration(days=9)).otherwise(pl.duration(days=0))
    known_at = pl.when(number % 11 != 0).then(pl.col("event_time") + DELAY + late)
    return transactions.drop("scenario").with_columns(known_at=known_at)
