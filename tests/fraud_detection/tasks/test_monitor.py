"""The champion watched on Delta tables, with a model that was really trained, and labels that come a week late."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import mlflow
import polars as pl
import pytest

from fraud_detection.data.generator import World, generate_transactions
from fraud_detection.features.frames import to_polars, to_spark
from fraud_detection.features.registry import MODEL_FEATURES
from fraud_detection.features.single_node import compute_features
from fraud_detection.features.table import feature_table
from fraud_detection.models.metrics import evaluate
from fraud_detection.models.provenance import Provenance
from fraud_detection.models.settings import TrainingSettings
from fraud_detection.models.split import Fold, evaluation_rows, production_fold
from fraud_detection.models.tracking import log_candidate, log_verdict, model_uri
from fraud_detection.models.training import score_rows, train_candidate
from fraud_detection.models.verdict import Check, Verdict
from fraud_detection.monitoring.settings import MonitoringSettings
from fraud_detection.schemas import (
    DATA_QUALITY,
    DRIFT,
    MODEL_QUALITY,
    MONITORING,
    PREDICTIONS,
    SILVER_LABELS,
    SILVER_TRANSACTIONS,
)
from fraud_detection.tasks.arguments import Arguments
from fraud_detection.tasks.context import Context, Settings
from fraud_detection.tasks.monitor import Version, find_judged, watch

WORLD = World(customers=250, terminals=500, days=120, seed=2)
LAST_DAY = WORLD.start + timedelta(days=WORLD.days - 1)
RECIPE = TrainingSettings(window_days=40, held_out_days=14, boosters=1, max_rounds=20, trials=0, threads=1)
LENIENT = MonitoringSettings(  # a world as small as this one is unlike itself from week to week
    max_psi=2.0,
    max_outside=0.5,
    min_frauds=1,
    max_precision_drop=0.5,
    max_calibration_error=0.5,
    min_saving_share=0.001,
)
MODEL = "watched"
KEPT_DAYS = 45


@pytest.fixture(scope="module")
def rows():
    """Features, labels and what silver has besides, of one world."""
    history = generate_transactions(WORLD).drop("scenario")
    history = history.with_columns(known_at=history["event_time"].dt.offset_by("7d"))
    amount = (pl.col("amount_cents").cast(pl.Decimal(14, 2)) / 100).cast(pl.Decimal(12, 2)).alias("exact")
    arrival = {"source_file": pl.lit("f"), "file_modified_at": pl.col("event_time"), "line_number": pl.lit(1)}
    labels = history.select("transaction_id", "is_fraud", "known_at")
    return (
        compute_features(history)
        .join(labels, on="transaction_id", how="left")
        .with_columns(amount, event_date=pl.col("event_time").dt.date(), updated_at=pl.col("event_time"), **arrival)
    )


@pytest.fixture(scope="module")
def candidate(rows):
    now = datetime(*LAST_DAY.timetuple()[:3], tzinfo=UTC) - timedelta(days=10)
    known = rows.filter(pl.col("known_at") <= now)
    return train_candidate(known, MODEL_FEATURES, production_fold(known, now), RECIPE)


@pytest.fixture(scope="module")
def warehouse(spark, make_tables, tmp_path_factory, rows, candidate):
    """Silver, features, and predictions of the last weeks by version 1."""
    tables = make_tables(tmp_path_factory.mktemp("monitor"))
    tables.create_schema(spark)
    recent = rows.filter(pl.col("event_date") > LAST_DAY - timedelta(days=KEPT_DAYS))
    scored = recent.with_columns(
        amount=pl.col("exact"),
        probability=pl.Series(score_rows(candidate.scorer, recent)),
        threshold=pl.lit(candidate.scorer.threshold),
        is_alert=pl.lit(value=False),
        reasons=pl.lit(None, pl.String),
        model_name=pl.lit(MODEL),
        model_version=pl.lit(1, pl.Int64),
        variant=pl.lit("champion"),
        scored_at=pl.col("event_time"),
        scored_by=pl.lit("batch"),
    )
    silver = recent.with_columns(amount=pl.col("exact"))
    written = (
        (SILVER_TRANSACTIONS, silver),
        (SILVER_LABELS, recent.filter(pl.col("known_at").dt.date() <= LAST_DAY)),
        (feature_table(), recent),
        (PREDICTIONS, scored),
    )
    for table, frame in written:
        tables.ensure(spark, table)
        to_spark(spark, frame.select(table.column_names)).write.insertInto(tables.name(table.name))
    tables.ensure(spark, DATA_QUALITY)
    return tables


@pytest.fixture
def make_context(registry, warehouse, spark, candidate, rows, tmp_path):
    """A context of a day and settings, and a champion that the gate saw as told."""
    mlflow.set_experiment(experiment_id=mlflow.create_experiment(tmp_path.name, (tmp_path / "artifacts").as_uri()))
    run_id = log_candidate(candidate, Provenance({}, {}, "", ""))

    def make(gate, day=LAST_DAY, settings=LENIENT):
        if not registry.client.search_registered_models(f"name='{tmp_path.name}'"):
            log_verdict(run_id, Verdict((Check("all", passed=True, found="", expected=""),), gate), rows.tail(50), {})
            registry.client.create_registered_model(tmp_path.name)
            registry.client.create_model_version(tmp_path.name, model_uri(run_id), run_id)
            registry.client.set_registered_model_alias(tmp_path.name, "champion", "1")
        arguments = Arguments(as_of=f"{day + timedelta(days=1):%Y-%m-%d}", model_name=tmp_path.name)
        context = Context("monitor", arguments, replace(Settings(), monitoring=settings), warehouse, tmp_path)
        vars(context)["spark"] = spark
        return context

    return make


def read(context, table, day=LAST_DAY):
    found = to_polars(context.tables.read(context.spark, table.name))
    return found.filter((pl.col("day") == day) & (pl.col("model_name") == context.arguments.model_name))


def test_a_quiet_day_is_measured_as_the_gate_measures_and_starts_nothing(make_context, rows, candidate):
    context = make_context({"average_precision": 0.1})
    found, decision = watch(context)
    assert ([str(alarm) for alarm in found.alarms], decision.retrain) == ([], False)

    known = rows.filter(pl.col("event_date") > LAST_DAY - timedelta(days=KEPT_DAYS))
    labelled = pl.col("known_at").dt.date() <= LAST_DAY
    known = known.with_columns(pl.when(labelled).then("is_fraud").alias("is_fraud"))
    judged = evaluation_rows(known, production_fold(known, context.arguments.now))
    expected = evaluate(judged, score_rows(candidate.scorer, judged))
    whole = read(context, MODEL_QUALITY, LAST_DAY - timedelta(days=7)).row(
        by_predicate=pl.col("kind") == "all", named=True
    )
    assert (whole["rows"], whole["frauds"], whole["labelled"]) == (expected.rows, expected.frauds, 1.0)
    assert whole["average_precision"] == pytest.approx(expected.average_precision)
    assert whole["card_precision"] == pytest.approx(expected.card_precision)

    drift = read(context, DRIFT)
    assert set(drift["feature"]) == {*MODEL_FEATURES, "score", "volume"}
    week = rows.filter(pl.col("event_date") > LAST_DAY - timedelta(days=7)).height
    assert set(drift.filter(pl.col("feature") != "volume")["rows"]) == {week}
    said = read(context, MONITORING).row(0, named=True)
    assert (said["label_days_median"], said["label_days_most"], said["retrain"]) == (7.0, 7.0, False)


def test_a_model_that_fell_behind_starts_training_once_in_a_while_and_says_the_same_again(make_context):
    gate = {"average_precision": 0.999}
    before = make_context(gate, LAST_DAY - timedelta(days=1))
    strict = replace(LENIENT, max_precision_drop=0.0)
    first = replace(before, settings=replace(before.settings, monitoring=strict))
    vars(first)["spark"] = before.spark
    assert [watch(first)[1].retrain for _ in range(2)] == [True, True]

    found, decision = watch(make_context(gate, settings=strict))
    assert [alarm.kind for alarm in found.alarms] == ["performance"]
    assert not decision.retrain
    assert f"training was started on {LAST_DAY - timedelta(days=1)}, less than 14 days ago" in decision.why


def test_a_version_in_the_shadow_is_not_judged_as_if_it_had_decided():
    fold, champion = Fold(LAST_DAY), Version("fraud", 7, "run")
    rows = pl.DataFrame(
        {
            "event_time": [fold.test_start] * 4,
            "model_version": [7, 8, 8, None],
            "variant": ["champion", *["shadow"] * 2, None],
        }
    )
    assert find_judged(champion, rows, fold) == champion


def test_a_day_of_bad_data_is_no_reason_to_train(make_context):
    context = make_context({"average_precision": 0.999}, settings=replace(LENIENT, max_precision_drop=0.0))
    row = {"dataset": "transactions", "source_file": "f", "day": LAST_DAY, "severity": "total", "checked_at": None}
    moment = datetime(2018, 7, 30, tzinfo=UTC)
    counts = [
        row | {"rule": rule, "lines": lines, "checked_at": moment}
        for rule, lines in (("read", 100), ("quarantined", 40))
    ]
    frame = pl.DataFrame(counts).select(DATA_QUALITY.column_names)
    context.tables.merge(DATA_QUALITY, to_spark(context.spark, frame))
    found, decision = watch(context)
    context.tables.remove(DATA_QUALITY.name, to_spark(context.spark, frame), DATA_QUALITY.key)
    assert "data: transactions: 40.0% of the lines" in str(found.alarms[0])
    assert (decision.retrain, decision.why[:14]) == (False, "data is broken")
