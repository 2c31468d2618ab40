"""What features and scores looked like when a model was made: bins that are kept with it, to see drift by."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from fraud_detection.errors import ModelError
from fraud_detection.models.score_distribution import population_stability

BINS: Final = 10
SCORE: Final = "score"
WEEKDAYS: Final = 7
MISSING, OUTSIDE = -1, -2  # the places, from the end, of the counts of absent values and of those out of range

Counts = npt.NDArray[np.int64]
Values = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Bins:
    """How the values of one column were spread.

    Attributes:
        edges: between bins, rising; a value on an edge belongs below it.
        least: the smallest value.
        most: the largest value.
        counts: of each bin, one more than edges, then of values outside of least to most (none, here), then of
            absent ones.
        daily_psi: the largest population stability index of a single day against all; a weekday has a high one.
    """

    edges: tuple[float, ...]
    least: float
    most: float
    counts: tuple[int, ...]
    daily_psi: float = 0.0

    def count(self, values: Values) -> Counts:
        """The counts of other values, by the same bins; in single precision, which is what models compute with."""
        present = values[np.isfinite(values)].astype(np.float32)
        found = np.bincount(np.searchsorted(self.edges, present), minlength=len(self.edges) + 1)
        outside = np.count_nonzero((present < self.least) | (present > self.most))
        return np.append(found, [outside, values.size - present.size])

    def psi(self, counts: Counts) -> float:
        """Population stability index of other counts, by the same bins."""
        return population_stability(shares(np.array(self.counts)), shares(counts))

    def no_counts(self) -> Counts:
        """The counts of no value."""
        return np.zeros(len(self.counts), np.int64)


@dataclass(frozen=True)
class Baseline:
    """The bins of each feature and of the score on the last days of training, which were held out, and the volume.

    Those days, not the whole window: they lie nearest to what comes, and the model was not fitted on their scores.

    Attributes:
        columns: by feature, and `score`.
        rows_by_weekday: mean transactions of a Monday, Tuesday, and so on.
    """

    columns: Mapping[str, Bins]
    rows_by_weekday: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"columns": {name: asdict(bins) for name, bins in self.columns.items()}, "rows": self.rows_by_weekday}


def read_baseline(values: Mapping[str, Any]) -> Baseline:
    """What `Baseline.to_dict` wrote.

    Raises:
        ModelError: something is missing.
    """
    try:
        columns = {name: _read_bins(bins) for name, bins in values["columns"].items()}
        return Baseline(columns, tuple(values["rows"]))
    except (KeyError, TypeError) as error:
        raise ModelError(f"the baseline of the model lacks {error}; expected the one that its training kept") from error


def describe(rows: pl.DataFrame, features: Sequence[str], scores: Values) -> Baseline:
    """The baseline of a model.

    Args:
        rows: event_time and the features of the held-out days.
        features: what the model reads.
        scores: probabilities, one a row.
    """
    values = {name: as_floats(rows[name]) for name in features} | {SCORE: scores}
    days = rows["event_time"].dt.date().to_numpy()
    return Baseline({name: _with_days(each, days) for name, each in values.items()}, _rows_by_weekday(rows))


def _with_days(values: Values, days: npt.NDArray[np.datetime64]) -> Bins:
    bins = make_bins(values)
    return replace(bins, daily_psi=max(bins.psi(bins.count(values[days == day])) for day in np.unique(days)))


def make_bins(values: Values) -> Bins:
    """Bins by deciles; equal deciles are one, so a column of few values has few bins."""
    present = values[np.isfinite(values)].astype(np.float32)
    if not present.size:
        return Bins((), 0.0, 0.0, (0, 0, values.size))
    edges = np.unique(np.quantile(present, np.arange(1, BINS) / BINS, method="lower")).tolist()
    bins = Bins(tuple(edges), float(present.min()), float(present.max()), ())
    return Bins(bins.edges, bins.least, bins.most, tuple(bins.count(values).tolist()))


def shares(counts: Counts) -> npt.NDArray[np.float64]:
    """The share of each bin among the values that are there."""
    inside = counts[:OUTSIDE]
    return np.asarray(inside / max(int(inside.sum()), 1))


def as_floats(values: pl.Series) -> Values:
    """Values with NaN where they are absent."""
    return values.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _rows_by_weekday(rows: pl.DataFrame) -> tuple[float, ...]:
    days = rows.group_by(pl.col("event_time").dt.date().alias("day")).len()
    by_weekday = dict(days.group_by(pl.col("day").dt.weekday()).agg(pl.mean("len")).iter_rows())
    overall = float(days["len"].cast(pl.Float64).mean() or 0)  # type: ignore[arg-type]  # of a column of numbers
    return tuple(float(by_weekday.get(weekday, overall)) for weekday in range(1, WEEKDAYS + 1))


def _read_bins(values: Mapping[str, Any]) -> Bins:
    return Bins(tuple(values["edges"]), values["least"], values["most"], tuple(values["counts"]), values["daily_psi"])
