"""Transactions through the online app, one request after the other: the scores of the engine, to the last bit."""

import asyncio
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
import xgboost as xgb
from starlette.testclient import TestClient

from fraud_detection.features import single_node
from fraud_detection.features.registry import MODEL_FEATURES
from fraud_detection.features.settings import FeatureSettings
from fraud_detection.models.boosting import feature_matrix
from fraud_detection.models.scorer import Calibration, Scorer
from fraud_detection.scoring.champion import Model
from fraud_detection.scoring.online.app import Parts, build_app
from fraud_detection.scoring.online.champion import LiveLineUp, LiveModel
from fraud_detection.scoring.online.filling import fill
from fraud_detection.scoring.online.history import labels_of_frame
from fraud_detection.scoring.online.settings import ServingSettings
from fraud_detection.scoring.online.sqlite import SqliteStore

NEW_DAYS = 18
TOKEN = "a-token-of-thirty-two-characters"  # noqa: S105  a test's own
ENTITIES = ("customer_id", "terminal_id")


@pytest.fixture(scope="module")
def world(history):
    """Rows and features by the engine; the last days have cards and terminals that were never seen before."""
    since = since_of(history)
    unseen = (pl.col("event_time") >= since) & (pl.int_range(pl.len()) % 9 == 0)
    renamed = [pl.when(unseen).then(pl.lit("new") + pl.col(name)).otherwise(name).alias(name) for name in ENTITIES]
    rows = history.with_columns(renamed).sort("event_time", "transaction_id")
    features = single_node.compute_features(rows)
    return rows.join(features.select("transaction_id", *MODEL_FEATURES), on="transaction_id", maintain_order="left")


def since_of(history):
    last = history["event_time"].max()
    return datetime(last.year, last.month, last.day, tzinfo=UTC) - timedelta(days=NEW_DAYS - 1)


@pytest.fixture(scope="module")
def scorer(world):
    matrix = feature_matrix(world, MODEL_FEATURES)
    data = xgb.DMatrix(matrix, label=world["is_fraud"])
    booster = xgb.train({"objective": "binary:logistic", "max_depth": 4}, data, 25)
    return Scorer(MODEL_FEATURES, (booster,), Calibration((-3.0, 0.0), (-4.0, -1.0)), 0.2)


@pytest.mark.parametrize("together", [1, 7, 100])
def test_online_and_the_engine_agree(world, scorer, tmp_path, together):
    since = since_of(world)
    old, new = (world.filter((pl.col("event_time") >= since) == late) for late in (False, True))
    assert new.height >= 1000
    assert new.group_by("event_time").len()["len"].max() > 1, "no ties of time"
    store = SqliteStore(tmp_path / "online.db", "x")
    asyncio.run(fill(store, [old], since - timedelta(days=120)))
    asyncio.run(store.add_labels(labels_of_frame(new.drop_nulls("known_at"))))
    parts = Parts(
        settings=ServingSettings(requests_per_second=1e6, burst=10**6),
        features=FeatureSettings(),
        store=store,
        models=LiveLineUp(LiveModel("m", lambda: 1, lambda _: Model("m", 1, scorer))),
        tokens=(TOKEN.encode(),),
        now=lambda: since + timedelta(days=NEW_DAYS),
    )
    with TestClient(build_app(parts), headers={"X-Api-Key": TOKEN}) as client:
        answers = [answer for part in new.iter_slices(together) for answer in ask(client, part)]

    matrix = feature_matrix(new, MODEL_FEATURES)
    assert [answer["probability"] for answer in answers] == scorer.probabilities(matrix).tolist()
    assert [answer["is_alert"] for answer in answers] == (scorer.probabilities(matrix) >= scorer.threshold).tolist()
    assert [answer["reasons"] for answer in answers] == [
        pl.Series([text]).str.json_decode(REASON)[0].to_list() for text in scorer.reasons(matrix, 3)
    ]
    assert np.any([answer["is_alert"] for answer in answers])
    flagged = {answer["transaction_id"] for answer in answers if "unknown_customer" in answer["flags"]}
    assert flagged
    assert all(card.startswith("new") for card in new.filter(pl.col("transaction_id").is_in(flagged))["customer_id"])


REASON = pl.List(pl.Struct({"feature": pl.String, "value": pl.Float64, "log_odds": pl.Float64}))


def ask(client, part):
    rows = part.select(
        "transaction_id",
        pl.col("event_time").dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ"),
        *ENTITIES,
        "amount_cents",
    )
    sent = [row | {"amount": row.pop("amount_cents") / 100} for row in rows.to_dicts()]
    answer = client.post("/api/v1/score", json=sent)
    assert answer.status_code == 200, answer.text
    return answer.json()
