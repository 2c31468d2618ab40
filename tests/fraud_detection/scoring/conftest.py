"""A small scorer of two features, and rows for it."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
import xgboost as xgb

from fraud_detection.models.scorer import Calibration, Linear, Scorer

FEATURES = ("amount", "customer_count_1d")
NOW = datetime(2018, 6, 10, tzinfo=UTC)


def _scorer(threshold=0.6, seed=1, features=FEATURES):
    """Trees that take dear transactions for fraud."""
    rng = np.random.default_rng(seed)
    matrix = rng.uniform(0, 100, (400, len(features))).astype(np.float32)
    labels = matrix[:, 0] > 60
    booster = xgb.train(
        {"objective": "binary:logistic", "seed": seed, "nthread": 1}, xgb.DMatrix(matrix, label=labels), 5
    )
    return Scorer(features, (booster,), Calibration(), threshold)


@pytest.fixture(scope="session")
def make_scorer():
    return _scorer


@pytest.fixture(scope="session")
def numberless() -> Scorer:
    """It answers zeros, as a version is tried when it is loaded, and no number for any transaction."""
    endless = Linear((1e300, -1e300), means=(0.0, 0.0), scales=(1e-300, 1e-300), absent=(0.0, 0.0), intercept=0.0)
    return Scorer(FEATURES, linear=(endless,), threshold=0.5)


def _features(*amounts, start=NOW - timedelta(days=3), first=0):
    """Rows of the table of features, a minute apart, of which only what the scorer reads is filled."""
    number = range(first, first + len(amounts))
    times = [start + timedelta(minutes=place) for place in number]
    return pl.DataFrame(
        {
            "transaction_id": [f"T{place}" for place in number],
            "event_time": pl.Series(times, dtype=pl.Datetime("us", "UTC")),
            "event_date": [time.date() for time in times],
            "customer_id": "C1",
            "terminal_id": "M1",
            "amount_cents": [round(amount * 100) for amount in amounts],
            "amount": [float(amount) for amount in amounts],
            "customer_count_1d": pl.Series([1] * len(amounts), dtype=pl.Int32),
        }
    )


@pytest.fixture(scope="session")
def make_features():
    return _features


@pytest.fixture(scope="session")
def now():
    return NOW
