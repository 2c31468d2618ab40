"""Which rows a model learns from, and on which later rows it is judged.

Everything that is fitted before a test week uses only labels that were known when that week began.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from fraud_detection.errors import DataError

WEEK = 7
FOLDS = 4
FIRST_TEST_FOLD = date(2018, 7, 25)


@dataclass(frozen=True)
class Fold:
    """A training week, the delay until its labels are known, and the test week (Handbook, 2022, chapter 5.3)."""

    train_start: date
    train_days: int = WEEK
    delay_days: int = WEEK
    test_days: int = WEEK

    @property
    def train_end(self) -> datetime:
        """First moment that is not trained on."""
        return _midnight(self.train_start) + timedelta(days=self.train_days)

    @property
    def test_start(self) -> datetime:
        """First moment that is tested on; labels known later than this teach nothing."""
        return self.train_end + timedelta(days=self.delay_days)

    @property
    def test_end(self) -> datetime:
        """First moment after the test week."""
        return self.test_start + timedelta(days=self.test_days)

    def shift(self, days: int) -> "Fold":
        """The same fold some days later, or earlier where negative."""
        return replace(self, train_start=self.train_start + timedelta(days=days))


def protocol_test_folds() -> list[Fold]:
    """The four folds of the published results."""
    return [Fold(FIRST_TEST_FOLD + timedelta(weeks=week)) for week in range(FOLDS)]


def protocol_validation_folds() -> list[Fold]:
    """The four folds for choosing, all of whose labels are known before the first test week."""
    return validation_folds(Fold(FIRST_TEST_FOLD))


def validation_folds(fold: Fold, count: int = FOLDS) -> list[Fold]:
    """Folds for choosing before a fold, oldest first: the labels of the last are known when the fold's test begins."""
    last = fold.shift(-(fold.delay_days + fold.test_days))
    return [last.shift(-WEEK * back) for back in reversed(range(count))]


def production_fold(rows: pl.DataFrame, as_of: datetime, delay_days: int = WEEK) -> Fold:
    """The fold whose test week is the last one with labels, as known at `as_of`.

    Args:
        rows: event_time, is_fraud, known_at.
        as_of: the present, or the moment that is to be reproduced.
        delay_days: after how many days the label of a transaction is known at the latest.

    Raises:
        DataError: no label is known at `as_of`.
    """
    last = rows.filter(labelled_by(as_of))["event_time"].max()
    if not isinstance(last, datetime):
        raise DataError(f"no label is known at {as_of.isoformat()}; expected labelled rows: load labels or move as_of")
    return fold_of_last_label(last, as_of, delay_days)


def fold_of_last_label(last: datetime, as_of: datetime, delay_days: int = WEEK) -> Fold:
    """The same, where the time of the last labelled event is known already."""
    test_end = min(_day(as_of - timedelta(days=delay_days)), _day(last) + timedelta(days=1))
    return Fold(test_end - timedelta(days=WEEK + delay_days + WEEK), delay_days=delay_days)


def labels_as_of(rows: pl.DataFrame, moment: datetime) -> pl.DataFrame:
    """The same rows, without the labels that were not yet known at a moment."""
    known = pl.col("known_at") <= moment
    return rows.with_columns(pl.when(known).then("is_fraud").alias("is_fraud"), pl.when(known).then("known_at"))


def labelled_by(moment: datetime) -> pl.Expr:
    """Whether a row's label was known at a moment."""
    return pl.col("is_fraud").is_not_null() & (pl.col("known_at") <= moment)


def training_rows(rows: pl.DataFrame, fold: Fold, window_days: int | None = None) -> pl.DataFrame:
    """The labelled rows that a fold trains on: its training week, or the `window_days` up to the week's end."""
    start = fold.train_end - timedelta(days=window_days or fold.train_days)
    return rows.filter(_between(start, fold.train_end) & labelled_by(fold.test_start))


def evaluation_rows(rows: pl.DataFrame, fold: Fold) -> pl.DataFrame:
    """The labelled rows of the test week, without the cards known as compromised on the day.

    Known as compromised is a card with a fraud since the training week whose label came before the day: it would
    have been blocked, so finding it again is no merit.
    """
    week = rows.filter(_between(fold.test_start, fold.test_end) & pl.col("is_fraud").is_not_null())
    blocked = _blocked_cards(rows, fold)
    return (
        week.join(blocked, on="customer_id", how="left", maintain_order="left")
        .filter(pl.col("blocked_at").is_null() | (pl.col("blocked_at") >= pl.col("event_time").dt.truncate("1d")))
        .drop("blocked_at")
    )


def _blocked_cards(rows: pl.DataFrame, fold: Fold) -> pl.DataFrame:
    frauds = rows.filter(_between(_midnight(fold.train_start), fold.test_end) & pl.col("is_fraud").cast(pl.Boolean))
    return frauds.group_by("customer_id").agg(pl.min("known_at").alias("blocked_at"))


def _between(start: datetime, end: datetime) -> pl.Expr:
    return pl.col("event_time").is_between(start, end, closed="left")


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()
