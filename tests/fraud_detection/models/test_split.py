from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from fraud_detection.data.generator import World, generate_transactions
from fraud_detection.errors import DataError
from fraud_detection.models import split

FOLD = split.Fold(date(2018, 7, 25))
DELAY = timedelta(days=7)


def make_rows(*lines):
    """Rows from (ISO time, card, is_fraud), with labels after 7 days."""
    times = [datetime.fromisoformat(time).replace(tzinfo=UTC) for time, _, _ in lines]
    return pl.DataFrame(
        {
            "event_time": times,
            "customer_id": [card for _, card, _ in lines],
            "is_fraud": [fraud for _, _, fraud in lines],
            "known_at": [time + DELAY for time in times],
        },
        schema={
            "event_time": pl.Datetime("us", "UTC"),
            "customer_id": pl.String,
            "is_fraud": pl.Boolean,
            "known_at": pl.Datetime("us", "UTC"),
        },
    )


def cards(rows):
    return rows["customer_id"].to_list()


def test_a_fold_is_a_week_of_training_a_week_of_delay_and_a_week_of_test():
    assert FOLD.train_end == datetime(2018, 8, 1, tzinfo=UTC)
    assert FOLD.test_start == datetime(2018, 8, 8, tzinfo=UTC)
    assert FOLD.test_end == datetime(2018, 8, 15, tzinfo=UTC)


def test_the_protocol_has_four_test_folds_and_four_validation_folds_before_them():
    assert [str(fold.train_start)[5:] for fold in split.protocol_test_folds()] == ["07-25", "08-01", "08-08", "08-15"]
    assert [str(fold.train_start)[5:] for fold in split.protocol_validation_folds()] == [
        "06-20",
        "06-27",
        "07-04",
        "07-11",
    ]


def test_every_label_of_the_validation_folds_is_known_when_the_first_test_week_begins():
    last = max(fold.test_end for fold in split.protocol_validation_folds())
    assert last + DELAY <= FOLD.test_start


def test_training_rows_lie_within_the_training_week_to_the_second():
    rows = make_rows(
        ("2018-07-24T23:59:59", "before", False),
        ("2018-07-25T00:00:00", "first", False),
        ("2018-07-31T23:59:59", "last", True),
        ("2018-08-01T00:00:00", "after", True),
    )
    assert cards(split.training_rows(rows, FOLD)) == ["first", "last"]


def test_a_long_window_reaches_back_from_the_same_end():
    rows = make_rows(("2018-07-01T00:00:00", "old", False), ("2018-08-01T00:00:00", "after", True))
    assert cards(split.training_rows(rows, FOLD, window_days=31)) == ["old"]
    assert cards(split.training_rows(rows, FOLD, window_days=30)) == []


def test_a_label_that_came_after_the_test_week_began_is_not_trained_on():
    rows = make_rows(("2018-07-26T00:00:00", "late", True), ("2018-07-26T00:00:00", "in time", True))
    late = rows.with_columns(
        known_at=pl.when(pl.col("customer_id") == "late")
        .then(pl.lit(FOLD.test_start + timedelta(seconds=1)))
        .otherwise("known_at")
    )
    assert cards(split.training_rows(late, FOLD)) == ["in time"]


def test_rows_without_a_label_are_neither_trained_nor_judged_on():
    rows = make_rows(("2018-07-26T00:00:00", "a", None), ("2018-08-09T00:00:00", "b", None))
    assert split.training_rows(rows, FOLD).is_empty()
    assert split.evaluation_rows(rows, FOLD).is_empty()


def test_a_card_known_as_compromised_on_the_day_is_not_judged():
    rows = make_rows(
        ("2018-07-25T00:00:00", "trained", True),
        ("2018-08-01T23:59:59", "known on the 9th", True),
        ("2018-08-08T10:00:00", "trained", True),
        ("2018-08-08T10:00:01", "known on the 9th", True),
        ("2018-08-09T10:00:00", "known on the 9th", True),
        ("2018-08-09T10:00:01", "clean", False),
    )
    judged = split.evaluation_rows(rows, FOLD)
    assert list(zip(judged["event_time"].dt.day(), cards(judged), strict=True)) == [
        (8, "known on the 9th"),
        (9, "clean"),
    ]


def test_a_label_that_comes_at_midnight_does_not_block_its_card_on_that_day_yet():
    rows = make_rows(
        ("2018-08-02T00:00:00", "a", True), ("2018-08-09T10:00:00", "a", False), ("2018-08-10T10:00:00", "a", False)
    )
    assert split.evaluation_rows(rows, FOLD)["event_time"].dt.day().to_list() == [9]


def test_a_fraud_before_the_training_week_does_not_block_a_card():
    rows = make_rows(("2018-07-24T23:59:59", "a", True), ("2018-08-08T10:00:00", "a", True))
    assert cards(split.evaluation_rows(rows, FOLD)) == ["a"]


def test_a_fraud_of_the_test_week_does_not_block_its_card_within_the_week():
    rows = make_rows(("2018-08-08T10:00:00", "a", True), ("2018-08-14T23:00:00", "a", True))
    assert cards(split.evaluation_rows(rows, FOLD)) == ["a", "a"]


def test_the_production_fold_tests_the_last_week_with_labels_and_trains_before_the_delay():
    rows = make_rows(("2018-09-23T23:00:00", "a", False), ("2018-09-30T23:00:00", "b", False))
    fold = split.production_fold(rows, datetime(2018, 10, 1, tzinfo=UTC))
    assert (fold.test_start, fold.test_end) == (datetime(2018, 9, 17, tzinfo=UTC), datetime(2018, 9, 24, tzinfo=UTC))
    assert fold.train_end + DELAY == fold.test_start


def test_a_day_that_is_only_partly_labelled_is_left_out_of_the_test_week():
    rows = make_rows(("2018-09-24T11:00:00", "a", False))
    fold = split.production_fold(rows, datetime(2018, 10, 1, 12, tzinfo=UTC))
    assert fold.test_end == datetime(2018, 9, 24, tzinfo=UTC)


def test_where_data_end_early_the_production_fold_ends_with_them():
    rows = make_rows(("2018-08-20T11:00:00", "a", False))
    assert split.production_fold(rows, datetime(2018, 10, 1, tzinfo=UTC)).test_end == datetime(2018, 8, 21, tzinfo=UTC)


def test_no_known_label_is_an_error_that_says_so():
    with pytest.raises(DataError, match="no label is known at 2018-10-01"):
        split.production_fold(make_rows(), datetime(2018, 10, 1, tzinfo=UTC))


def test_labels_that_come_later_are_hidden():
    rows = make_rows(("2018-09-01T00:00:00", "a", True), ("2018-09-02T00:00:00", "b", True))
    seen = split.labels_as_of(rows, datetime(2018, 9, 8, tzinfo=UTC))
    assert seen["is_fraud"].to_list() == [True, None]
    assert seen["known_at"].null_count() == 1


def test_a_fold_of_the_reference_size_has_rows_and_frauds_as_published():
    world = World(customers=500, terminals=1_000, seed=1)
    rows = generate_transactions(world).with_columns(known_at=pl.col("event_time") + DELAY)
    trained, judged = split.training_rows(rows, FOLD), split.evaluation_rows(rows, FOLD)
    assert trained.height == pytest.approx(6_724, rel=0.1)
    assert judged.height < trained.height
