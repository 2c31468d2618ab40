"""A stream on tables: bad lines, duplicates, corrections, another champion, and what was there before it."""

import json
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from fraud_detection.config import DataSettings
from fraud_detection.data.cleaning import transactions_cleaning
from fraud_detection.data.prepare import Work, prepare
from fraud_detection.errors import ConfigurationError, ModelError
from fraud_detection.features.frames import to_polars, to_spark
from fraud_detection.features.settings import FeatureSettings
from fraud_detection.features.table import feature_table
from fraud_detection.schemas import PREDICTIONS, QUARANTINE, RECENT_FEATURES, SILVER_TRANSACTIONS
from fraud_detection.scoring.batch import score_batch
from fraud_detection.scoring.recent import RecentHistory
from fraud_detection.scoring.running import Run, ensure_tables, pace, seconds_of
from fraud_detection.scoring.settings import ScoringSettings
from fraud_detection.scoring.stream import ScoringStream
from fraud_detection.scoring.turns import take_turns
from fraud_detection.scoring.variants import Contestants

pytestmark = pytest.mark.classic("foreachBatch would send the session and the queue of this process to a server")

START = datetime(2018, 6, 9, 12, tzinfo=UTC)
STRICT = DataSettings(max_quarantined_share=0.1, share_counts_from=1)
STREAMED = DataSettings(streamed=True)


def line(number, amount, minutes=None, customer="C1"):
    time = START + timedelta(minutes=number if minutes is None else minutes)
    row = {"transaction_id": f"T{number}", "event_time": f"{time:%Y-%m-%dT%H:%M:%SZ}", "customer_id": customer}
    return json.dumps(row | {"terminal_id": "M1", "amount": amount})


class Place:
    """A landing folder, the stream that reads it, and what it left."""

    def __init__(self, spark, tables, registry, folder, name):
        self.spark, self.tables, self.registry, self.folder, self.name = spark, tables, registry, folder, name
        tables.create_schema(spark)
        ensure_tables(self.work(STRICT))
        tables.ensure(spark, feature_table())
        (folder / "landing" / "transactions").mkdir(parents=True)
        self.published, self.measured = [], {}

    def work(self, settings):
        return Work(self.spark, transactions_cleaning(settings), self.tables, settings)

    def deliver(self, name, *lines):
        (self.folder / "landing" / "transactions" / name).write_text("".join(f"{text}\n" for text in lines))

    def run(self, trigger="availableNow", settings=STRICT, **scoring):
        """A stream of a process that has just begun; one that goes on does so for a second."""
        scoring = ScoringSettings(stream_hours=1 / 3600, **scoring)
        stream = ScoringStream(
            self.work(settings),
            RecentHistory(self.spark, self.tables),
            Contestants(self.registry.client, self.name, scoring),
            FeatureSettings(),
            scoring,
            self.published.append,
        )
        folders = str(self.folder / "landing"), str(self.folder / "checkpoints")
        Run(stream, *folders, lambda figures, _number: self.measured.update(figures)).go(trigger)

    def read(self, table):
        return to_polars(self.tables.read(self.spark, table))

    def amounts(self):
        """Transaction, version → amount of the prediction."""
        rows = self.read(PREDICTIONS.name).sort("transaction_id", "model_version")
        return {(row["transaction_id"], row["model_version"]): float(row["amount"]) for row in rows.to_dicts()}


@pytest.fixture
def place(spark, tables, registry, tmp_path):
    return Place(spark, tables, registry, tmp_path, f"streamed_{tmp_path.name}")


def test_a_stream_scores_what_is_good_once_and_goes_on_whatever_arrives(place, make_scorer):
    before = pl.DataFrame({"transaction_id": ["T0"], "customer_id": "C1", "terminal_id": "M1"}).with_columns(
        event_time=pl.lit(START), event_date=pl.lit(START.date()), amount=pl.lit("20.00").cast(pl.Decimal(12, 2)),
        source_file=pl.lit("f"), file_modified_at=pl.lit(START), line_number=pl.lit(1), updated_at=pl.lit(START),
    )  # fmt: skip
    place.tables.merge(SILVER_TRANSACTIONS, to_spark(place.spark, before.select(SILVER_TRANSACTIONS.column_names)))

    place.deliver("a.jsonl", line(1, 30), "{broken", line(2, -4), line(3, 40))
    with pytest.raises(ModelError, match=r"model streamed_\w+ has no champion"):
        place.run()
    assert place.amounts() == {}
    place.registry.add(place.name, make_scorer(), "champion")
    place.run()
    assert place.amounts() == {("T0", 1): 20, ("T1", 1): 30, ("T3", 1): 40}, "T0 came before the stream began"
    assert place.read(QUARANTINE.name)["raw"].sort().to_list() == sorted(["{broken", line(2, -4)])
    assert place.measured["backlog_bytes"] == 0
    counts = dict(place.read(RECENT_FEATURES).select("transaction_id", "customer_count_1d").rows())
    assert counts == {"T0": 1, "T1": 2, "T3": 3}
    first = place.read(PREDICTIONS.name)

    place.registry.add(place.name, make_scorer(0.2), "champion")
    place.deliver("b.jsonl", line(3, 40), line(1, 35), line(4, 50, minutes=2), line(5, 60), line(5, 61))
    place.run()
    found = place.amounts()
    assert {key for key in found if key[1] == 1} == {("T0", 1), ("T1", 1), ("T3", 1)}
    assert {key: amount for key, amount in found.items() if key[1] == 2} == {
        ("T1", 2): 35, ("T3", 2): 40, ("T4", 2): 50, ("T5", 2): 61,
    }  # fmt: skip
    same = place.read(PREDICTIONS.name).filter(pl.col("model_version") == 1)
    assert same.sort("transaction_id").equals(first.sort("transaction_id"))
    assert sum(rows.height for rows in place.published) == 7
    assert place.read(SILVER_TRANSACTIONS.name).height + place.read(QUARANTINE.name).height == 1 + 9


def test_features_that_were_published_make_room_and_those_that_a_rebuild_left_out_come_back(place, make_scorer):
    place.registry.add(place.name, make_scorer(), "champion")
    place.deliver("a.jsonl", line(1, 30), line(2, 31))
    with pytest.raises(ConfigurationError, match="streamed is false; expected true"):
        place.run("1 second")
    place.run("1 second", STREAMED)
    assert place.amounts() == {("T1", 1): 30, ("T2", 1): 31}
    assert place.measured["scored_rows"] == 2
    recent = place.tables.read(place.spark, RECENT_FEATURES)
    place.tables.merge(feature_table(), recent.where("transaction_id = 'T1'"))
    history = RecentHistory(place.spark, place.tables)
    assert history.settle().is_empty()
    assert place.read(RECENT_FEATURES)["transaction_id"].to_list() == ["T2"]
    assert sorted(to_polars(history.read())["transaction_id"]) == ["T1", "T2"]

    place.tables.remove(feature_table().name, place.tables.read(place.spark, feature_table().name), feature_table().key)
    assert history.settle()["transaction_id"].to_list() == ["T1"]
    assert history.settle().is_empty()


def test_a_shadow_is_stored_beside_each_decision_as_a_batch_stores_it_and_hinders_nothing(place, make_scorer):
    place.registry.add(place.name, make_scorer(), "champion")
    place.registry.add(place.name, make_scorer(0.2, seed=5), "challenger")
    place.deliver("a.jsonl", *(line(number, 30 * number, customer=f"C{number}") for number in range(1, 4)))
    place.run(challenger="shadow")
    streamed = place.read(PREDICTIONS.name).drop("scored_at", "scored_by").sort("variant", "transaction_id")
    assert streamed.select("variant", "model_version", "transaction_id").rows() == [
        (variant, version, f"T{number}")
        for variant, version in (("champion", 1), ("shadow", 2))
        for number in range(1, 4)
    ]
    told = ("scored_rows", "rows_champion", "rows_shadow", "alerts_shadow", "model_version")
    assert [place.measured[name] for name in told] == [3, 3, 3, streamed["is_alert"][3:].sum(), 1]

    place.tables.remove(PREDICTIONS.name, place.tables.read(place.spark, PREDICTIONS.name), PREDICTIONS.key)
    place.tables.merge(feature_table(), place.tables.read(place.spark, RECENT_FEATURES))
    settings = ScoringSettings(challenger="shadow")
    for turn in take_turns(Contestants(place.registry.client, place.name, settings).current()):
        score_batch(place.spark, place.tables, turn.model, settings, START + timedelta(days=1), turn.rows)
    batch = place.read(PREDICTIONS.name).drop("scored_at", "scored_by").sort("variant", "transaction_id")
    assert_frame_equal(batch, streamed, check_exact=True)

    place.registry.add(place.name, make_scorer(features=("amount", "no_such_feature")), "challenger")
    place.deliver("b.jsonl", line(9, 50))
    place.run(challenger="shadow")
    assert place.read(PREDICTIONS.name).filter(pl.col("transaction_id") == "T9")["variant"].to_list() == ["champion"]


@pytest.mark.parametrize("part", ["split", "shadow"])
def test_the_champion_scores_the_batch_of_a_challenger_that_fails_in_it(place, make_scorer, numberless, part, caplog):
    place.registry.add(place.name, make_scorer(), "champion")
    place.registry.add(place.name, numberless, "challenger")
    place.deliver("a.jsonl", *(line(number, 30 * number, customer=f"C{number}") for number in range(1, 4)))
    place.run(challenger=part, challenger_share=0.9)
    rows = place.read(PREDICTIONS.name).sort("transaction_id").select("transaction_id", "model_version", "variant")
    assert rows.rows() == [(f"T{number}", 1, "champion") for number in range(1, 4)]
    assert f"the challenger, version 2 of {place.name}, is left out" in caplog.text


def test_data_prep_leaves_transactions_to_a_stream_that_takes_them_in(place):
    (place.folder / "landing" / "labels").mkdir()
    place.deliver("a.jsonl", line(1, 30))
    folders = str(place.folder / "landing"), str(place.folder / "checkpoints")
    assert [account.dataset for account in prepare(place.spark, *folders, place.tables, STREAMED)] == ["labels"]
    assert place.read(SILVER_TRANSACTIONS.name).is_empty()


def test_a_trigger_is_available_now_or_a_time():
    assert (seconds_of("availableNow"), seconds_of("30 seconds"), seconds_of("2 minutes")) == (0, 30, 120)
    for wrong in ("", "0 seconds", "30", "1 hour", "now"):
        with pytest.raises(ConfigurationError, match="expected availableNow, or a time such as 30 seconds"):
            seconds_of(wrong)


def test_the_pace_of_a_batch_says_what_waits_behind_it():
    source = {"metrics": {"numBytesOutstanding": "900", "numFilesOutstanding": "3"}}
    progress = {"durationMs": {"triggerExecution": 2500}}
    expected = {"batch_seconds": 2.5, "backlog_bytes": 900, "backlog_files": 3}
    assert pace(progress | {"sources": [source]}) == expected
    assert pace(progress | {"sources": [{"metrics": None}]})["backlog_bytes"] == 0
