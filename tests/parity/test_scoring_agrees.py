"""The same transactions in batch, in a stream and online: the same scores, decisions and reasons, to the last bit."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from queue import SimpleQueue

import numpy as np
import polars as pl
import pytest
import xgboost as xgb
from polars.testing import assert_frame_equal

from fraud_detection.data.cleaning import transactions_cleaning
from fraud_detection.data.prepare import Work
from fraud_detection.features import single_node
from fraud_detection.features.contract import LABELS
from fraud_detection.features.definition import fingerprint
from fraud_detection.features.frames import to_polars, to_spark
from fraud_detection.features.online import to_incoming
from fraud_detection.features.registry import MODEL_FEATURES
from fraud_detection.models.boosting import feature_matrix
from fraud_detection.models.scorer import Calibration, Scorer
from fraud_detection.schemas import PREDICTIONS, SILVER_LABELS, SILVER_TRANSACTIONS
from fraud_detection.scoring.batch import score_batch
from fraud_detection.scoring.online.champion import LiveLineUp, LiveModel
from fraud_detection.scoring.online.filling import fill
from fraud_detection.scoring.online.history import labels_of_frame
from fraud_detection.scoring.online.scoring import Pipeline
from fraud_detection.scoring.online.shadow import Shadow
from fraud_detection.scoring.online.sqlite import SqliteStore
from fraud_detection.scoring.recent import RecentHistory
from fraud_detection.scoring.running import Run, ensure_tables
from fraud_detection.scoring.settings import ScoringSettings
from fraud_detection.scoring.stream import ScoringStream
from fraud_detection.scoring.turns import take_turns
from fraud_detection.scoring.variants import Contestants, is_dealt
from fraud_detection.tasks.arguments import Arguments
from fraud_detection.tasks.context import Context, Settings
from fraud_detection.tasks.feature_build import build

NAME = "parity"
START = datetime(2018, 4, 1, tzinfo=UTC)
ENTITIES = ("customer_id", "terminal_id")
ANSWERED = ("transaction_id", "probability", "threshold", "is_alert", "model_name", "model_version", "variant")
NEW_DAYS = 18
SHARE = 0.3
SETTINGS = Settings(scoring=ScoringSettings(days=NEW_DAYS, challenger="split", challenger_share=SHARE))


@pytest.fixture(scope="module")
def arrivals(history):
    """The world, whose last days have cards and terminals that were never seen before."""
    since = since_of(history)
    unseen = (pl.col("event_time") >= since) & (pl.int_range(pl.len()) % 9 == 0)
    renamed = [pl.when(unseen).then(pl.lit("new") + pl.col(name)).otherwise(name).alias(name) for name in ENTITIES]
    return history.with_columns(renamed)


def since_of(history):
    last = history["event_time"].max()
    return datetime(last.year, last.month, last.day, tzinfo=UTC) - timedelta(days=NEW_DAYS - 1)


def fit(features, labels, seed=0):
    """A small model of every feature, and a threshold that a few rows in a hundred pass."""
    matrix = feature_matrix(features, MODEL_FEATURES)
    parameters = {"objective": "binary:logistic", "max_depth": 4, "subsample": 0.8, "seed": seed}
    booster = xgb.train(parameters, xgb.DMatrix(matrix, label=labels), 25)
    scorer = Scorer(MODEL_FEATURES, (booster,), Calibration((-3.0, 0.0), (-4.0, -1.0)))
    return Scorer(
        scorer.features, scorer.boosters, scorer.calibration, float(np.quantile(scorer.probabilities(matrix), 0.97))
    )


def deliver(landing, transactions, name):
    """A file as it arrives."""
    (landing / "transactions").mkdir(parents=True, exist_ok=True)
    rows = transactions.select(
        "transaction_id",
        pl.col("event_time").dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
        *ENTITIES,
        money().cast(pl.String).alias("amount"),
    )
    (landing / "transactions" / f"{name}.jsonl").write_text(rows.write_ndjson())


def load(spark, tables, transactions, labels):
    """What data_prep has published before the stream begins."""
    arrived = {"source_file": "f", "file_modified_at": START, "line_number": 1, "updated_at": START}
    stamped = {name: pl.lit(value) for name, value in arrived.items()}
    silver = transactions.with_columns(money().alias("amount"), event_date=pl.col("event_time").dt.date(), **stamped)
    for table, rows in ((SILVER_TRANSACTIONS, silver), (SILVER_LABELS, labels.with_columns(**stamped))):
        tables.merge(table, to_spark(spark, rows.select(table.column_names)))


def money():
    return (pl.col("amount_cents").cast(pl.Decimal(14, 2)) / 100).cast(pl.Decimal(12, 2))


@pytest.mark.classic("foreachBatch would send the session and the queue of this process to a server")
def test_batch_stream_and_online_agree_on_scores_and_on_whose_they_are(spark, tables, registry, arrivals, tmp_path):
    since = since_of(arrivals)
    old, new = (arrivals.filter((pl.col("event_time") >= since) == late) for late in (False, True))
    assert new.height >= 1000
    assert new.group_by("event_time").len()["len"].max() > 1, "no ties of time"
    computed = single_node.compute_features(arrivals)
    labels = arrivals.sort("event_time", "transaction_id")["is_fraud"]
    for seed, alias in enumerate(("champion", "challenger")):
        registry.add(NAME, fit(computed, labels, seed), alias)

    tables.create_schema(spark)
    work = Work(spark, transactions_cleaning(SETTINGS.data), tables, SETTINGS.data)
    ensure_tables(work)
    load(spark, tables, old, arrivals.drop_nulls("known_at"))
    build(context_of(spark, tables, tmp_path, since))
    contestants = Contestants(registry.client, NAME, SETTINGS.scoring)
    published = []
    stream = ScoringStream(
        work,
        RecentHistory(spark, tables),
        contestants,
        SETTINGS.features,
        SETTINGS.scoring,
        published.append,
        SimpleQueue(),
    )
    told = {}
    landing, checkpoints = tmp_path / "landing", tmp_path / "checkpoints"
    run = Run(stream, str(landing), str(checkpoints), lambda figures, _number: told.update(figures))
    half = new.height // 2
    for name, part in (("new1", new.head(half)), ("new2", new.tail(-half))):
        deliver(landing, part, name)
        run.go("availableNow")
    streamed = read_predictions(spark, tables)
    assert streamed["transaction_id"].sort().to_list() == new["transaction_id"].sort().to_list()
    assert sum(rows.height for rows in published) == new.height
    assert told["latency_seconds_longest"] > 0
    assert told["backlog_bytes"] == 0

    tables.remove(PREDICTIONS.name, tables.read(spark, PREDICTIONS.name), PREDICTIONS.key)
    tomorrow = since + timedelta(days=NEW_DAYS)
    build(context_of(spark, tables, tmp_path, tomorrow))
    line_up = contestants.current()
    for turn in take_turns(line_up):
        score_batch(spark, tables, turn.model, SETTINGS.scoring, tomorrow, turn.rows)
    batch = read_predictions(spark, tables)
    alerts = dict(batch.group_by("variant").agg(pl.col("is_alert").sum()).rows())
    assert alerts.keys() == {"champion", "challenger"}
    assert min(alerts.values()) > 0
    decided = batch.select("customer_id", pl.col("variant") == "challenger", "model_version").unique().rows()
    assert sorted(decided) == sorted(
        (card, is_dealt(card, "challenger", SHARE), 1 + is_dealt(card, "challenger", SHARE))
        for card in new["customer_id"].unique()
    )
    assert (batch["reasons"].is_not_null() == batch["is_alert"]).all()
    assert_frame_equal(batch, streamed, check_exact=True)

    store = SqliteStore(tmp_path / "online.db", fingerprint(SETTINGS.features))
    known = computed.join(arrivals.select("transaction_id", *LABELS), on="transaction_id").sort("event_time")
    online = asyncio.run(score_online(store, known, since, line_up))
    assert_frame_equal(online, streamed.select(online.columns), check_exact=True)


async def score_online(store, known, since, line_up):
    """Answers to the new transactions, some at a time, by a store that holds the old ones; labels come as they are."""
    old, new = (known.filter((pl.col("event_time") >= since) == late) for late in (False, True))
    both = (
        LiveModel(NAME, lambda one=one: one.version, lambda _, one=one: one)
        for one in (line_up.champion, line_up.challenger)
    )
    live = LiveLineUp(*both, SETTINGS.scoring)
    await live.renew()
    await fill(store, [old], START)
    await store.add_labels(labels_of_frame(new.drop_nulls("known_at")))
    pipeline = Pipeline(store, live, SETTINGS.features, SETTINGS.scoring.most_reasons, Shadow())
    answers = []
    for few in new.sort("event_time", "transaction_id").iter_slices(13):
        answers += [json.loads(answer) for answer in await pipeline.score(to_incoming(few))]
    await store.close()
    rows = pl.DataFrame([{name: answer[name] for name in ANSWERED} for answer in answers])
    reasons = [json.dumps(answer["reasons"]) if answer["is_alert"] else None for answer in answers]
    return rows.with_columns(reasons=pl.Series(reasons, dtype=pl.String))


def read_predictions(spark, tables):
    rows = to_polars(tables.read(spark, PREDICTIONS.name))
    return rows.drop("scored_at", "scored_by").sort("event_time", "transaction_id")


def context_of(spark, tables, folder, now):
    arguments = Arguments(as_of=f"{now:%Y-%m-%d}", engine="single_node")
    context = Context("feature_build", arguments, SETTINGS, tables, folder)
    vars(context)["spark"] = spark
    return context
