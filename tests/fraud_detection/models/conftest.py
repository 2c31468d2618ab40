"""A small world with features, one model trained on it, and MLflow on SQLite, whose schema is created once."""

import shutil
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import mlflow
import polars as pl
import pytest
from mlflow import MlflowClient

from fraud_detection.data.generator import World, generate_transactions
from fraud_detection.models import split, tracking
from fraud_detection.models.provenance import Provenance
from fraud_detection.models.settings import TrainingSettings
from fraud_detection.models.training import train_candidate

ORIGIN = Provenance({"transaction_features": 3, "silver_labels": 5}, {"training": {"trials": 2}}, "abc123", "f00d")
FEATURES = ("amount", "is_weekend", "is_night", "terminal_fraud_share")
SETTINGS = TrainingSettings(
    window_days=40,
    held_out_days=10,
    negative_share=0.5,
    boosters=2,
    max_rounds=30,
    trials=2,
    search_folds=2,
    search_window_days=20,
    search_negative_share=0.5,
    search_rounds=10,
    threads=1,
)


def make_world(seed=1):
    """Labelled rows of 90 days with four features, one of them null where a terminal is new."""
    world = World(customers=300, terminals=300, days=90, seed=seed)
    rows = generate_transactions(world).drop("scenario")
    rows = rows.with_columns(known_at=pl.col("event_time") + timedelta(days=7))
    late = rows.sort("event_time").select(
        "terminal_id", pl.col("event_time") + timedelta(days=7), pl.col("is_fraud").cast(pl.Float64).alias("seen")
    )
    shares = late.with_columns(
        terminal_fraud_share=pl.col("seen").rolling_mean(5, min_samples=1).over("terminal_id")
    ).drop("seen")
    return (
        rows.sort("event_time")
        .join_asof(shares.sort("event_time"), on="event_time", by="terminal_id", check_sortedness=False)
        .with_columns(
            amount=pl.col("amount_cents") / 100,
            is_weekend=(pl.col("event_time").dt.weekday() > 5).cast(pl.Int32),
            is_night=(pl.col("event_time").dt.hour() <= 6).cast(pl.Int32),
        )
    )


@pytest.fixture(scope="session")
def rows():
    return make_world()


@pytest.fixture(scope="session")
def fold(rows):
    return split.production_fold(rows, datetime(2018, 6, 30, tzinfo=UTC))


@pytest.fixture(scope="session")
def candidate(rows, fold):
    return train_candidate(rows, FEATURES, fold, SETTINGS)


@pytest.fixture(scope="session")
def logged(tmp_path_factory, candidate):
    """A tracking database that holds one logged candidate, and the id of its run."""
    folder = tmp_path_factory.mktemp("mlflow")
    with pointed_at(folder / "mlflow.db"):
        experiment = mlflow.create_experiment("fraud", artifact_location=(folder / "artifacts").as_uri())
        mlflow.set_experiment(experiment_id=experiment)
        run_id = tracking.log_candidate(candidate, ORIGIN)
    return folder / "mlflow.db", run_id


@contextmanager
def pointed_at(database):
    """Let MLflow use a database, and put its addresses back afterwards."""
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    mlflow.set_tracking_uri(f"sqlite:///{database}")
    mlflow.set_registry_uri(f"sqlite:///{database}")
    yield
    mlflow.set_tracking_uri(before[0])
    mlflow.set_registry_uri(before[1])


@pytest.fixture
def store(logged, tmp_path):
    """A client of a copy of the database, so that no test sees what another one wrote."""
    shutil.copy(logged[0], tmp_path / "mlflow.db")
    with pointed_at(tmp_path / "mlflow.db"):
        mlflow.set_experiment("fraud")
        yield MlflowClient()


@pytest.fixture
def run_id(store, logged):
    """The run of the logged candidate, in this test's own copy of the database."""
    return store.get_run(logged[1]).info.run_id
