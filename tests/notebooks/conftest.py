"""A small world with everything in it that a notebook looks at, made once and without Spark."""

import datetime as dt
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path

import mlflow
import polars as pl
import pytest
from deltalake import write_deltalake
from mlflow import MlflowClient

from fraud_detection.data.generator import World, generate_transactions
from fraud_detection.data.planting import Plant
from fraud_detection.features.registry import MODEL_FEATURES
from fraud_detection.features.single_node import compute_features
from fraud_detection.features.table import feature_table
from fraud_detection.models.aliases import Order
from fraud_detection.models.costs import CostSettings
from fraud_detection.models.gate import decide as judge
from fraud_detection.models.gate_settings import GateSettings
from fraud_detection.models.provenance import Provenance
from fraud_detection.models.registry import register
from fraud_detection.models.settings import TrainingSettings
from fraud_detection.models.slices import past_of
from fraud_detection.models.split import evaluation_rows, production_fold
from fraud_detection.models.tracking import (
    load_baseline,
    load_model,
    load_scorer,
    log_candidate,
    log_verdict,
    model_uri,
)
from fraud_detection.models.training import score_rows, train_candidate
from fraud_detection.monitoring import drift, quality
from fraud_detection.monitoring.alarms import decide
from fraud_detection.monitoring.settings import MonitoringSettings
from fraud_detection.schemas import (
    DRIFT,
    GOLD_SAVINGS,
    MODEL_QUALITY,
    MONITORING,
    PREDICTIONS,
    QUARANTINE,
    RUN_COSTS,
    SILVER_LABELS,
    SILVER_TRANSACTIONS,
)
from fraud_detection.tables import Tables
from runcosts.attempt import Attempt
from runcosts.cluster import ClusterShape
from runcosts.estimate import estimate
from runcosts.ledger import run_cost
from runcosts.local_ledger import LocalLedger
from runcosts.prices import Terms, load_prices

SHIFT_DAY, SCORED_DAYS = 95, 21
WORLD = World(customers=500, terminals=1_000, days=100, seed=3, plant=Plant("amount_shift", SHIFT_DAY))
NOW = dt.datetime.combine(WORLD.start, dt.time(), dt.UTC) + dt.timedelta(days=WORLD.days)
TRAINED_AT = NOW - dt.timedelta(days=SCORED_DAYS)
RECIPE = TrainingSettings(window_days=40, held_out_days=14, boosters=1, max_rounds=30, trials=0, threads=1)
LIMITS = MonitoringSettings()
MODEL = "fraud_model"
JOB = "fraud training"


def write(tables: Tables, name: str, rows: pl.DataFrame) -> None:
    write_deltalake(str(tables.folder(name)), rows.to_arrow())


def make_rows() -> pl.DataFrame:
    """Features, labels with the time at which they become known, and what silver has besides."""
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


def make_quarantine() -> pl.DataFrame:
    reasons = [["unreadable"], ["amount_negative"], ["amount_negative", "superseded"]]
    lines = pl.DataFrame({"reasons": reasons, "line_number": [1, 2, 3]})
    constants = {"dataset": "transactions", "source_file": "f", "transaction_id": "T1", "raw": "?"}
    named = lines.with_columns(**{name: pl.lit(value) for name, value in constants.items()})
    return named.with_columns(file_modified_at=pl.lit(NOW)).select(QUARANTINE.column_names)


def train_champion(rows: pl.DataFrame) -> str:
    """Train, judge and register as the tasks do, by what was known three weeks before the end; the run."""
    known = rows.filter(pl.col("event_time") < TRAINED_AT).with_columns(
        pl.when(pl.col("known_at") <= TRAINED_AT).then("is_fraud").alias("is_fraud"),
        pl.when(pl.col("known_at") <= TRAINED_AT).then("known_at").alias("known_at"),
    )
    fold = production_fold(known, TRAINED_AT)
    run_id = log_candidate(train_candidate(known, MODEL_FEATURES, fold, RECIPE), Provenance({"silver": 1}, {}, "", ""))
    judged, history = evaluation_rows(known, fold), known.filter(pl.col("event_time") < fold.test_start)
    limits = {
        f"{end}_{name}": float(end == "max")
        for end in ("min", "max")
        for name in ("auc_roc", "average_precision", "card_share")
    }
    lenient = GateSettings(
        **limits, max_calibration_error=1, min_frauds=1, min_slice_auc=0, min_slice_frauds=1, min_saving_a_day=-1e6
    )
    candidate = load_model(model_uri(run_id))
    verdict = judge(judged, past_of(history), fold, candidate, None, MODEL_FEATURES, lenient, CostSettings())
    log_verdict(run_id, verdict, judged, {})
    assert verdict.passed, verdict.reasons
    register(MlflowClient(), MODEL, run_id, model_uri(run_id), verdict, {}, Order("a test", NOW))
    return run_id


def make_predictions(scorer, recent: pl.DataFrame) -> pl.DataFrame:
    scores = pl.Series(score_rows(scorer, recent))
    constants = {"threshold": scorer.threshold, "model_name": MODEL, "variant": "champion", "scored_by": "batch"}
    return recent.with_columns(
        amount=pl.col("exact"),
        probability=scores,
        is_alert=scores >= scorer.threshold,
        reasons=pl.lit(None, pl.String),
        model_version=pl.lit(1, pl.Int64),
        scored_at=pl.col("event_time"),
        **{name: pl.lit(value) for name, value in constants.items()},
    )


def make_savings(predictions: pl.DataFrame) -> pl.DataFrame:
    """As `refresh_savings` sums them, all alerts reviewed at no cost."""
    fraud = pl.col("is_fraud") & (pl.col("known_at") <= NOW)
    caught, cents = fraud & pl.col("is_alert"), pl.col("amount_cents") / 100
    days = predictions.group_by("event_date", "model_name", "model_version", "variant").agg(
        transactions=pl.len().cast(pl.Int64),
        labelled=(pl.col("known_at") <= NOW).sum().cast(pl.Int64),
        frauds=fraud.sum().cast(pl.Int64),
        alerts=pl.col("is_alert").sum().cast(pl.Int64),
        reviewed=pl.col("is_alert").sum().cast(pl.Int64),
        caught=caught.sum().cast(pl.Int64),
        fraud_amount=(fraud * cents).sum().cast(pl.Decimal(20, 2)),
        caught_amount=(caught * cents).sum().cast(pl.Decimal(20, 2)),
        saving=(caught * cents).sum(),
        review_cost=pl.lit(0.0),
        loss_share=pl.lit(1.0),
        reviews_a_day=pl.lit(100, pl.Int64),
        silver_updated_at=pl.col("updated_at").max(),
    )
    return days.select(GOLD_SAVINGS.column_names)


def watch(tables: Tables, run_id: str, rows: pl.DataFrame, predictions: pl.DataFrame) -> None:
    """What the task monitor says on each of the last days."""
    baseline, of_model = load_baseline(run_id), {"model_name": MODEL, "model_version": 1}
    scored = predictions.with_columns(score=pl.col("probability"))
    counts = {
        day: {name: bins.count(of_day[name].cast(pl.Float64).to_numpy()) for name, bins in baseline.columns.items()}
        for (day,), of_day in scored.group_by("event_date")
    }
    drifts, decisions = [], []
    for day in sorted(counts)[7:]:
        found = drift.measure_drift(baseline, counts, day, LIMITS)
        alarms = list(drift.find_alarms(found, baseline, LIMITS))
        drifts += [{"feature": one.column, **asdict(one), **of_model} for one in found]
        said = {"day": day, "alarms": [str(alarm) for alarm in alarms], **asdict(decide(alarms, day, None, LIMITS))}
        decisions.append({**said, **of_model, "label_days_median": 7.0, "label_days_most": 7.0})
    fold = production_fold(rows, NOW)
    known = pl.when(pl.col("known_at") <= NOW).then("is_fraud").alias("is_fraud")
    found = quality.measure_quality(scored.with_columns(known), past_of(rows), fold, CostSettings())
    write(tables, DRIFT.name, pl.DataFrame(drifts).select(DRIFT.column_names))
    write(tables, MONITORING.name, pl.DataFrame(decisions).select(MONITORING.column_names))
    judged = pl.DataFrame([{**asdict(one), **of_model} for one in found], infer_schema_length=None)
    write(tables, MODEL_QUALITY.name, judged.select(MODEL_QUALITY.column_names))


def write_ledger(folder: Path) -> None:
    """Three nights of training, with a failed attempt."""
    terms, prices = Terms(cloud="aws", region="us-east-1", tier="premium", sku="jobs_compute"), load_prices()
    shape = ClusterShape(
        node_type="m5d.large", driver_node_type="m5d.large", min_workers=0, max_workers=0, expected_workers=Decimal(0)
    )
    rows = []
    for night in range(3):
        for number, (task, minutes, state) in enumerate(
            [("data_prep", 9, "SUCCESS"), ("train", 2, "FAILED"), ("train", 4, "SUCCESS")]
        ):
            started = dt.datetime(2026, 11, 20 + night, 2, 10 * number, tzinfo=dt.UTC)
            attempt = Attempt(
                workspace="local",
                target="prod",
                job_id="1",
                job_name=JOB,
                job_run_id=f"{night}",
                task_key=task,
                task_run_id=f"{night}{task}",
                attempt=int(number == 2),
                started_at=started,
                ended_at=started + dt.timedelta(minutes=minutes),
                result_state=state,
                peak_memory_mib=1_500,
                cpu_seconds=Decimal(minutes * 60),
            )
            rows.append(run_cost(attempt, shape, estimate(shape, attempt.seconds, prices, terms), terms))
    LocalLedger(folder).write(rows)


@pytest.fixture(scope="session")
def world(tmp_path_factory) -> Path:
    """The folder that FRAUD_LOCAL_FOLDER names."""
    root = tmp_path_factory.mktemp("notebooks")
    make_world(root)
    return root


def make_world(root: Path) -> None:
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    mlflow.set_tracking_uri(f"sqlite:///{root / 'mlflow.db'}")
    mlflow.set_registry_uri(f"sqlite:///{root / 'mlflow.db'}")
    mlflow.set_experiment(experiment_id=mlflow.create_experiment("notebooks", (root / "mlartifacts").as_uri()))
    tables, rows = Tables("spark_catalog", "notebooks", root / "warehouse"), make_rows()
    silver = rows.with_columns(amount=pl.col("exact"))
    write(tables, SILVER_TRANSACTIONS.name, silver.select(SILVER_TRANSACTIONS.column_names))
    write(tables, SILVER_LABELS.name, rows.filter(pl.col("known_at") <= NOW).select(SILVER_LABELS.column_names))
    write(tables, QUARANTINE.name, make_quarantine())
    write(tables, feature_table().name, rows.select(feature_table().column_names))
    run_id = train_champion(rows)
    scorer = load_scorer(model_uri(run_id))
    predictions = make_predictions(scorer, rows.filter(pl.col("event_time") >= TRAINED_AT))
    write(tables, PREDICTIONS.name, predictions.select(PREDICTIONS.column_names))
    write(tables, GOLD_SAVINGS.name, make_savings(predictions))
    watch(tables, run_id, rows, predictions)
    write_ledger(tables.folder(RUN_COSTS))
    mlflow.set_tracking_uri(before[0])
    mlflow.set_registry_uri(before[1])
