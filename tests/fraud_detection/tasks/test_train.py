"""The task's roads on small tables: what is counted, what is chosen, and what is told of it."""

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import mlflow
import polars as pl
import pytest
from mlflow import MlflowClient

from fraud_detection.errors import ConfigurationError, DataError
from fraud_detection.features.frames import to_spark
from fraud_detection.models.split import production_fold, training_rows
from fraud_detection.models.tracking import SETTINGS_FILE, log_candidate
from fraud_detection.models.where import Size
from fraud_detection.schemas import SILVER_LABELS, TRANSACTION_FEATURES
from fraud_detection.tasks.arguments import Arguments
from fraud_detection.tasks.context import Context, build_settings
from fraud_detection.tasks.reproduce import reproduce
from fraud_detection.tasks.rows import labelled_features
from fraud_detection.tasks.train import tell_choice, train
from fraud_detection.tasks.training_size import find_fold, measure_size, read_bytes

FEATURES = ("amount", "at_night")
START, DAYS, A_DAY = datetime(2018, 4, 1, tzinfo=UTC), 70, 60
NOW = START + timedelta(days=DAYS)
WINDOW = {"window_days": 28, "held_out_days": 7, "negative_share": 0.5}
SEARCH = {"trials": 2, "search_folds": 1, "search_window_days": 14, "search_rounds": 3}
TRAINING = WINDOW | {"boosters": 1, "max_rounds": 5, "trials": 0, "parameters": {"min_child_weight": 1}}


@pytest.fixture(scope="module")
def rows():
    """Sixty transactions a day of which each sixth is large and fraud, known after seven days."""
    place = pl.int_range(pl.len())
    made = pl.DataFrame({"event_time": [START + timedelta(minutes=24 * n) for n in range(DAYS * A_DAY)]})
    return made.with_columns(
        transaction_id=place.cast(pl.String),
        customer_id=pl.when(place % 6 == 0).then(pl.format("new{}", place)).otherwise(pl.format("c{}", place % 40)),
        terminal_id=pl.format("t{}", place % 7),
        is_fraud=place % 6 == 0,
        known_at=pl.col("event_time") + timedelta(days=7),
        amount_cents=1_000 + (place * 37) % 900 + pl.when(place % 6 == 0).then(700).otherwise(0),
    ).with_columns(amount=pl.col("amount_cents") / 100, at_night=(pl.col("event_time").dt.hour() < 6).cast(pl.Int32))


@pytest.fixture(scope="module")
def context(spark, rows, make_tables, tmp_path_factory):
    folder = tmp_path_factory.mktemp("train")
    tables = make_tables(folder / "warehouse")
    tables.create_schema(spark)
    labels = ("transaction_id", "is_fraud", "known_at")
    for name, kept in (
        (TRANSACTION_FEATURES, rows.drop("is_fraud", "known_at")),
        (SILVER_LABELS.name, rows.select(labels)),
    ):
        to_spark(spark, kept).write.format("delta").save(str(tables.folder(name)))
    told = {"schema": tables.schema, "checkpoints": str(folder / "checkpoints")}
    arguments = Arguments(as_of=f"{NOW:%Y-%m-%d}", **told)
    made = Context("train", arguments, build_settings({"training": TRAINING}), tables, folder)
    vars(made)["spark"] = spark
    return made


def with_training(context, **changed):
    made = replace(context, settings=build_settings({"training": TRAINING | changed}))
    vars(made)["spark"] = context.spark
    return made


def test_what_there_is_to_train_on_is_counted_before_anything_is_read(context, rows):
    since = NOW - timedelta(days=60)
    fold = production_fold(rows, NOW)
    window = training_rows(rows, fold, 28).height
    frauds = rows.filter(pl.col("is_fraud") & (pl.col("known_at") <= NOW)).height
    assert measure_size(context, FEATURES, since) == Size(60 * A_DAY, window - 7 * A_DAY, 7 * A_DAY, frauds, 2)


@pytest.fixture
def store(tmp_path):
    """MLflow on SQLite, as a laptop has it."""
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    mlflow.set_experiment(experiment_id=MlflowClient().create_experiment("x", (tmp_path / "artifacts").as_uri()))
    yield MlflowClient()
    mlflow.set_tracking_uri(before)


@pytest.mark.parametrize("changed", [SEARCH, {"where": "sampled"}], ids=["with a search", "sampled by Spark"])
def test_a_candidate_is_trained_again_bit_for_bit(context, store, changed):
    told = with_training(context, **changed)
    candidate = train(told, FEATURES)
    run_id = log_candidate(candidate, told.provenance(told.data_versions(TRANSACTION_FEATURES, SILVER_LABELS.name)))
    found = reproduce(store, run_id, told.local)
    assert found.rows > 100
    assert (found.differences, found.surroundings) == ((), ())

    other = with_training(context, **changed, seed=5)
    store.log_dict(run_id, {"arguments": vars(other.arguments), **asdict(other.settings)}, SETTINGS_FILE)
    assert reproduce(store, run_id, told.local).differences


def test_a_road_that_the_settings_name_is_taken_and_told_with_its_reason(context):
    sampled = train(with_training(context, where="sampled"), FEATURES)
    assert sampled.settings.where == "sampled"
    told = {"family": "xgboost", "where": "sampled", "where_reason": "the settings ask for sampled"}
    assert tell_choice(sampled) == told
    whole = train(context, FEATURES)
    assert (whole.settings.where, tell_choice(whole)["where"]) == ("single_node", "single_node")
    assert tell_choice(whole)["where_reason"].startswith("all 4,200 rows fit into memory; the ")
    assert (whole.rows, whole.frauds, whole.fold) == (sampled.rows, sampled.frauds, sampled.fold)
    assert whole.held_out["transaction_id"].equals(sampled.held_out["transaction_id"])


def test_spark_finds_the_fold_that_rows_here_give_and_misses_labels_by_name(context, rows):
    labelled = labelled_features(context.spark, context.tables, FEATURES, START, NOW)
    assert find_fold(labelled, NOW, 7) == production_fold(rows.filter(pl.col("known_at") <= NOW), NOW)
    with pytest.raises(DataError, match="no label is known at"):
        find_fold(labelled.where("is_fraud is null"), NOW, 7)


def test_sizes_are_read_as_spark_writes_them():
    assert [read_bytes(text) for text in ("1g", "512m", "2GB", "0", "4096")] == [2**30, 2**29, 2**31, 0, 4096]
    with pytest.raises(ConfigurationError, match="maxResultSize is 'much'; expected a size such as 4g"):
        read_bytes("much")
