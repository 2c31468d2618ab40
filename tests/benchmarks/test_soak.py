"""The soak judges every answer: one that is off by a bit, or by another version, is wrong."""

import importlib
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fraud_detection.data.generator import World, generate_transactions
from fraud_detection.features.registry import MODEL_FEATURES
from fraud_detection.features.single_node import compute_features
from fraud_detection.models.scorer import Linear, Scorer

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
WORLD = World(customers=50, terminals=100, days=30)
DELAY = timedelta(days=7)


@pytest.fixture(scope="module")
def soak():
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(str(BENCHMARKS))
        yield importlib.import_module("soak")


def make_scorer(seed):
    numbers = np.random.default_rng(seed).normal(size=len(MODEL_FEATURES))
    zeros, ones = np.zeros(len(numbers)), np.ones(len(numbers))
    return Scorer(MODEL_FEATURES, linear=(Linear(tuple(numbers / 100), tuple(zeros), tuple(ones), tuple(zeros), -1.0),))


SCORERS = {1: make_scorer(1), 2: make_scorer(2)}


@pytest.fixture(scope="module")
def history():
    return generate_transactions(WORLD).drop("scenario").with_columns(known_at=pl.col("event_time") + DELAY)


@pytest.fixture
def answers(history):
    """The last day's transactions as callers sent them, and what version 1 says of them."""
    rows = history.hstack(compute_features(history).select(MODEL_FEATURES))
    last = rows.filter(pl.col("event_time") >= rows["event_time"].max() - timedelta(days=1))
    said = SCORERS[1].probabilities(last.select(MODEL_FEATURES).to_numpy().astype(np.float32))
    sent = [
        {
            "transaction_id": row["transaction_id"],
            "event_time": row["event_time"].isoformat(),
            "customer_id": row["customer_id"],
            "terminal_id": row["terminal_id"],
            "amount": row["amount_cents"] / 100,
        }
        for row in last.iter_rows(named=True)
    ]
    assert len(sent) > 5
    return [(one, {"model_version": 1, "probability": value}) for one, value in zip(sent, said.tolist(), strict=True)]


@pytest.fixture
def before(history, answers):
    return history.filter(~pl.col("transaction_id").is_in([one["transaction_id"] for one, _ in answers]))


def test_answers_by_the_definition_are_right(soak, before, answers):
    assert soak.count_wrong(answers, before, SCORERS) == 0


def test_an_answer_that_is_off_by_a_bit_is_wrong(soak, before, answers):
    answers[3][1]["probability"] = float(np.nextafter(answers[3][1]["probability"], 1))
    assert soak.count_wrong(answers, before, SCORERS) == 1


def test_an_answer_by_another_version_than_it_names_is_wrong(soak, before, answers):
    answers[2][1]["model_version"] = 2
    assert soak.count_wrong(answers, before, SCORERS) == 1


def test_answers_that_did_not_know_what_came_before_are_wrong(soak, before, answers):
    known = before.filter(pl.col("customer_id") != answers[0][0]["customer_id"])
    assert soak.count_wrong(answers, known, SCORERS) > 0


@pytest.mark.parametrize(
    ("refusals", "strange"),
    [
        ({("slow", "408"): 9, ("slow", "503"): 1, ("hung up after it", "no answer wanted"): 5}, {}),
        ({("slow", "408"): 9, ("slow", "no answer in time"): 1}, {"slow: no answer in time": 1}),
        ({("no token", "200"): 1, ("no token", "401"): 9}, {"no token: 200": 1}),
        ({("2 MB", "503"): 10}, {"2 MB: 413": 0}),
    ],
)
def test_a_refusal_that_no_fault_explains_is_strange(soak, refusals, strange):
    assert soak.find_strange(refusals) == strange
