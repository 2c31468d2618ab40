"""How late labels are, and what follows for what an update reads."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import polars as pl
import pytest

from fraud_detection.features.frames import to_spark
from fraud_detection.features.lateness import Lateness
from fraud_detection.features.point_in_time import MICROSECONDS_A_DAY
from fraud_detection.features.settings import FeatureSettings
from fraud_detection.features.spark_history import widen_lateness
from fraud_detection.tasks.feature_update import first_day_read

DAY = timedelta(days=1)
MOMENT = datetime(2018, 6, 1, tzinfo=UTC)


def test_bounds_together_hold_what_each_of_them_holds():
    assert Lateness(-3, 10) | Lateness(0, 70) == Lateness(-3, 70)


def test_a_transaction_counts_for_as_long_as_its_label_may_still_become_visible():
    assert Lateness(0, 70 * MICROSECONDS_A_DAY).first_event(MOMENT, delay_days=7) == MOMENT - 70 * DAY
    assert Lateness(0, 3 * MICROSECONDS_A_DAY).first_event(MOMENT, delay_days=7) == MOMENT - 7 * DAY


def test_a_label_may_be_known_before_its_transaction():
    assert Lateness(-2 * MICROSECONDS_A_DAY, 0).first_known(MOMENT) == MOMENT - 2 * DAY


def test_a_date_of_year_one_prunes_nothing_and_breaks_nothing():
    first = datetime.min.replace(tzinfo=UTC)
    ages = Lateness(-3000 * 365 * MICROSECONDS_A_DAY, 3000 * 365 * MICROSECONDS_A_DAY)
    assert ages.first_event(MOMENT, delay_days=7) == first
    assert ages.first_known(MOMENT) == first
    assert Lateness(-5, 5).first_known(first) == first


@pytest.mark.parametrize(
    ("event", "lateness", "first"),
    [
        (MOMENT, Lateness(), MOMENT - 97 * DAY),
        (MOMENT, Lateness(0, 200 * MICROSECONDS_A_DAY), MOMENT - 290 * DAY),
        (datetime.min.replace(tzinfo=UTC), Lateness(), datetime.min.replace(tzinfo=UTC)),
    ],
    ids=["90 days and the delay", "labels that come late", "a date of year one"],
)
def test_an_update_reads_from_as_far_back_as_a_label_may_be_late(event, lateness, first):
    origin = SimpleNamespace(as_of=MOMENT, lateness=lateness)
    context = SimpleNamespace(settings=SimpleNamespace(features=FeatureSettings()))
    changes = SimpleNamespace(images=pl.DataFrame({"event_time": [event]}))
    assert first_day_read(SimpleNamespace(since=origin, wanted=origin, context=context), changes) == first.date()


def test_labels_that_are_added_widen_the_bounds_wherever_their_transactions_are(spark):
    before = Lateness(0, 7 * MICROSECONDS_A_DAY)
    happened = {"usual": MOMENT - 7 * DAY, "very late": MOMENT - 90 * DAY, "early": MOMENT + 2 * DAY}
    rows = pl.DataFrame({"transaction_id": list(happened), "event_time": list(happened.values())})
    transactions = to_spark(spark, rows.with_columns(event_date=pl.col("event_time").dt.date()))

    def widened(*names: str) -> Lateness:
        labels = pl.DataFrame({"transaction_id": list(names), "known_at": [MOMENT] * len(names)})
        return widen_lateness(before, transactions, to_spark(spark, labels))

    assert widened("usual", "of no transaction") == before
    assert widened("usual", "very late") == Lateness(0, 90 * MICROSECONDS_A_DAY)
    assert widened("early") == Lateness(-2 * MICROSECONDS_A_DAY, 7 * MICROSECONDS_A_DAY)
    none = rows.select("transaction_id", known_at="event_time").clear()
    assert widen_lateness(before, transactions, to_spark(spark, none)) == before
