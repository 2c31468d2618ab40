"""Scoring that is killed, in batch and in a stream, ends in the predictions of scoring that was not."""

import shutil
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
import xgboost as xgb
from mlflow import MlflowClient
from polars.testing import assert_frame_equal

from fraud_detection.data.cleaning import transactions_cleaning
from fraud_detection.data.prepare import Work, prepare
from fraud_detection.features.registry import MODEL_FEATURES
from fraud_detection.models.boosting import feature_matrix
from fraud_detection.models.scorer import Calibration, Scorer
from fraud_detection.scoring.batch import COMPUTED
from fraud_detection.scoring.champion import Model
from fraud_detection.scoring.recent import RecentHistory
from fraud_detection.scoring.running import Run, ensure_tables
from fraud_detection.scoring.stream import ScoringStream
from fraud_detection.scoring.variants import Contestants
from fraud_detection.tables import Tables
from fraud_detection.tasks.arguments import Arguments
from fraud_detection.tasks.context import Context, Settings
from fraud_detection.tasks.feature_build import build

pytestmark = pytest.mark.nightly("a JVM is started and killed time and again")
NAME = "fraud_model"
NEW_DAYS = 2
KEYS = {
    "predictions": ("transaction_id", "model_version"),
    "recent_features": ("transaction_id",),
    "silver_transactions": ("transaction_id",),
    "quarantine": ("dataset", "source_file", "line_number"),
}


@pytest.fixture(scope="module")
def place(spark, make_place):
    """Features of all but the last days, whose files have not arrived, and a champion."""
    place = make_place("scored")
    arrived = place.folder / "landing"
    shutil.copytree(place.landing, arrived)
    for file in new_files(arrived):
        file.unlink()
    place.source, place.landing = place.landing, arrived
    prepare(spark, str(arrived), str(place.folder / "checkpoints"), place.tables, Settings().data)
    arguments = Arguments(as_of=f"{place.now - timedelta(days=NEW_DAYS):%Y-%m-%d}", engine="single_node")
    context = Context("feature_build", arguments, Settings(), place.tables, place.folder)
    vars(context)["spark"] = spark
    build(context)
    place.scorer = fit(pl.read_delta(str(place.tables.folder("transaction_features"))))
    register(place)
    return place


def new_files(landing):
    return sorted((landing / "transactions").iterdir())[-NEW_DAYS:]


def fit(features):
    matrix = feature_matrix(features, MODEL_FEATURES)
    labels = features["amount_cents"].to_numpy() > 8_000
    booster = xgb.train({"objective": "binary:logistic", "max_depth": 3}, xgb.DMatrix(matrix, label=labels), 5)
    return Scorer(MODEL_FEATURES, (booster,), Calibration(), 0.5)


def register(place):
    place.scorer.save(place.folder / "model" / "artifacts" / "boosters")
    client = registry_of(place.folder)
    client.create_registered_model(NAME)
    client.create_model_version(NAME, (place.folder / "model").as_uri())
    client.set_registered_model_alias(NAME, "champion", "1")


def registry_of(folder):
    database = f"sqlite:///{folder / 'mlflow.db'}"
    return MlflowClient(database, database)


def read(place, *names):
    frames = place.read({name: KEYS[name] for name in names})
    return {name: rows.drop("scored_at", strict=False) for name, rows in frames.items()}


def test_a_batch_killed_between_computing_and_merging_is_made_whole_by_the_next(place):
    told = {"as_of": f"{place.now - timedelta(days=NEW_DAYS):%Y-%m-%d}"}
    scored = COMPUTED.split("%d")[1]
    log = place.log("score")
    place.kill_when("score", lambda: log.exists() and scored in log.read_text(), **told)
    assert place.commits("predictions") == 1  # the table was made, its rows were not
    done = place.finish("score", **told)

    features = pl.read_delta(str(place.tables.folder("transaction_features"))).sort("transaction_id")
    window = features.filter(pl.col("event_time") >= place.now - timedelta(days=NEW_DAYS + 7))
    expected = place.scorer.probabilities(feature_matrix(window, MODEL_FEATURES))
    found = read(place, "predictions")["predictions"]
    assert done["rows"] == str(window.height) == str(found.height)
    assert found["transaction_id"].to_list() == window["transaction_id"].to_list()
    np.testing.assert_array_equal(found["probability"].to_numpy(), expected)


@pytest.fixture(scope="module")
def clean(spark, place, tmp_path_factory):
    """The tables of a stream that nothing disturbs, begun from a copy of the same place."""
    for file in new_files(place.source):
        shutil.copy(file, place.landing / "transactions")
    copy = tmp_path_factory.mktemp("undisturbed") / "place"
    shutil.copytree(place.folder, copy)
    tables = Tables(place.tables.catalog, f"{place.tables.schema}_clean", copy / "warehouse")
    (copy / "warehouse" / place.tables.schema).rename(copy / "warehouse" / tables.schema)
    work = Work(spark, transactions_cleaning(Settings().data), tables, Settings().data)
    ensure_tables(work)
    settings = Settings().scoring
    contestants = Contestants(
        registry_of(copy), NAME, settings, lambda name, version: Model(name, version, place.scorer)
    )
    history = RecentHistory(spark, tables)
    stream = ScoringStream(work, history, contestants, Settings().features, settings)
    # The same landing folder: a file stream knows what it has read by its path.
    Run(stream, str(place.landing), str(copy / "checkpoints"), lambda _figures, _number: None).go("availableNow")
    frames = {name: pl.read_delta(str(tables.folder(name))).sort(keys) for name, keys in KEYS.items()}
    return {name: rows.drop("scored_at", "updated_at", strict=False) for name, rows in frames.items()}


def test_a_stream_killed_in_the_midst_of_a_batch_scores_each_transaction_once(place, clean):
    for table in ("silver_transactions", "predictions"):  # published and not scored; scored and not noted
        before = place.commits(table)
        place.kill_when("score_stream", lambda table=table, before=before: place.commits(table) > before)
    assert place.finish("score_stream")["batches"] == "1"
    found = read(place, *KEYS)
    assert clean["predictions"].filter(pl.col("scored_by") == "stream").height > 100
    for name, rows in clean.items():
        assert_frame_equal(found[name], rows.select(found[name].columns))
