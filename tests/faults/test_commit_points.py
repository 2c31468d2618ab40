"""The task `register`, killed at one commit point after another, ends where it ends when nobody kills it.

`make faults` does the same to every task of the pipeline.
"""

import os
import random
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC
from pathlib import Path

import mlflow
import polars as pl
import pytest

from crashes.matrix import NOW, TRAINING, WORLD, Rehearsal, Step, compare
from fraud_detection.data.generator import generate_transactions
from fraud_detection.data.landing import LABEL_DELAY
from fraud_detection.features.registry import MODEL_FEATURES
from fraud_detection.features.single_node import compute_features
from fraud_detection.models.provenance import Provenance
from fraud_detection.models.settings import TrainingSettings
from fraud_detection.models.split import evaluation_rows, production_fold
from fraud_detection.models.tracking import log_candidate, log_verdict
from fraud_detection.models.training import train_candidate
from fraud_detection.models.verdict import Check, Verdict
from fraud_detection.tasks.context import connect_mlflow

FAULTS = 25
REGISTER = Step(
    "registering",
    "register",
    options={"candidate": "{candidate}", "verdict": "passed", "job_run_id": "7"},
)


def log_judged_candidate(place: Path) -> None:
    """A candidate that passed, as train and validate leave it."""
    connect_mlflow("/local/fraud", place)
    history = generate_transactions(WORLD).drop("scenario").with_columns(known_at=pl.col("event_time") + LABEL_DELAY)
    rows = history.hstack(compute_features(history).select(MODEL_FEATURES))
    fold = production_fold(rows, NOW.replace(tzinfo=UTC), LABEL_DELAY.days)
    candidate = train_candidate(rows, MODEL_FEATURES, fold, TrainingSettings(**TRAINING, trials=0))
    with mlflow.start_run(run_name="train"):
        run = log_candidate(candidate, Provenance({"transaction_features": 3}, {}, "abc123", "f00d"))
    verdict = Verdict((Check("auc_roc", passed=True, found="0.9", expected="0.8"),), {"auc_roc": 0.9})
    log_verdict(run, verdict, evaluation_rows(rows, fold), {})


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory, task_environment):
    rehearsal = Rehearsal(tmp_path_factory.mktemp("commit_points"), task_environment, [REGISTER])
    rehearsal.begin(log_judged_candidate)
    with closing(sqlite3.connect(rehearsal.place / "mlflow.db")) as database:
        ((run,),) = database.execute("SELECT run_uuid FROM runs WHERE name = 'candidate'")
    rehearsal.values["candidate"] = run
    assert len(list(rehearsal.prepare())) == 1
    return rehearsal


def test_registering_that_is_killed_anywhere_ends_in_one_version_with_its_alias(rehearsal):
    seed = int(os.environ.get("FAULTS_SEED", random.randrange(10_000)))  # noqa: S311  no secret
    faults = rehearsal.choose(FAULTS, seed)
    print(f"FAULTS_SEED={seed}")  # noqa: T201  pytest shows it where the test fails
    assert len(set(faults)) == FAULTS
    clean = rehearsal.clean[0]
    assert clean["versions"].total() == 1
    assert {"('fraud_model', 'champion', 1)"} <= set(clean["aliases"])
    for fault in faults:
        done = rehearsal.inject(fault)
        assert done.injected, f"{rehearsal.describe(fault)}: not reached"
        assert not done.differences, f"{rehearsal.describe(fault)}: {done.differences[:5]}"


def test_every_run_passes_the_same_points(rehearsal):
    assert Counter(rehearsal.note_points(0)) == Counter(rehearsal.points[0])


def test_what_is_lost_or_doubled_is_seen(rehearsal):
    clean = rehearsal.clean[0]
    without = {**clean, "aliases": clean["aliases"].copy()}
    without["aliases"].clear()
    assert compare(without, clean)[:2] == (clean["aliases"].total(), 0)
    twice = {**clean, "versions": clean["versions"] + clean["versions"]}
    assert compare(twice, clean)[:2] == (0, 1)
