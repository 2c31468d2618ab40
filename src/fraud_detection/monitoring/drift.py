"""How far what arrives lies from what a model learned from, by counts in the bins that are kept with it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np

from fraud_detection.models.baseline import MISSING, OUTSIDE, Baseline, Bins, Counts, shares
from fraud_detection.monitoring.alarms import Alarm
from fraud_detection.monitoring.settings import MonitoringSettings

DailyCounts = Mapping[date, Mapping[str, Counts]]
"""By day and column (a feature, or `score`), as `Bins.count` gives them."""

VOLUME: Final = "volume"


@dataclass(frozen=True)
class Drift:
    """One column, or the volume, on the days up to one.

    Attributes:
        psi: population stability index over the window; of the volume, the ratio of the day's to the usual rows.
        psi_of_day: the same of the last day alone.
        ks: largest distance of the two distributions at an edge between bins (Kolmogorov and Smirnov).
        missing: share of absent values on the last day.
        outside: share of values on the last day that lie outside of what training saw.
        rows: of the window.
    """

    day: date
    column: str
    psi: float
    psi_of_day: float
    ks: float
    missing: float
    outside: float
    rows: int


def measure_drift(baseline: Baseline, counts: DailyCounts, day: date, settings: MonitoringSettings) -> list[Drift]:
    """The drift of every column and of the volume on one day; none where the day has no transaction.

    Args:
        baseline: what the model learned from.
        counts: of the day, and of the days of its window before it as far as there are any.
        day: the last day of the window.
        settings: its width.
    """
    window = [day - timedelta(days=back) for back in range(settings.window_days)]
    last = counts.get(day)
    if not last:
        return [Drift(day, VOLUME, 0.0, 0.0, 0.0, 0.0, 0.0, 0)]
    found = []
    for column, bins in baseline.columns.items():
        together = np.sum([counts[one][column] for one in window if one in counts], axis=0)
        if not together.any():
            continue  # a new champion has scored nothing yet
        found.append(_compare(bins, together, last[column], day, column))
    return [*found, _volume(baseline, last, day)]


def find_alarms(drifts: list[Drift], baseline: Baseline, settings: MonitoringSettings) -> Iterator[Alarm]:
    """What of it people must know; broken data is told from drift, for nothing shall be learned from it."""
    for drift in drifts:
        if drift.column == VOLUME:
            yield from _volume_alarms(drift, settings)
            continue
        bins = baseline.columns[drift.column]
        usual = _missing_share(bins)
        if drift.missing > usual + settings.max_missing:
            yield Alarm("data", f"{drift.column}: {drift.missing:.1%} absent on {drift.day}, {usual:.1%} in training")
        elif drift.outside > settings.max_outside:
            yield Alarm("data", f"{drift.column}: {drift.outside:.1%} outside of what training saw on {drift.day}")
        elif drift.psi_of_day > settings.broken_psi + bins.daily_psi:
            said = f"PSI {drift.psi_of_day:.2f} on {drift.day}, too far for a population: look upstream"
            yield Alarm("data", f"{drift.column}: {said}")
        elif drift.psi > settings.max_psi:
            yield Alarm("drift", f"{drift.column}: PSI {drift.psi:.2f}, at most {settings.max_psi} expected")


def _volume_alarms(drift: Drift, settings: MonitoringSettings) -> Iterator[Alarm]:
    if not 1 / settings.volume_factor <= drift.psi <= settings.volume_factor:
        yield Alarm("data", f"volume: {drift.rows} transactions on {drift.day}, {drift.psi:.2f} of what is usual")


def _compare(bins: Bins, window: Counts, last: Counts, day: date, column: str) -> Drift:
    distance = np.cumsum(shares(np.array(bins.counts)) - shares(window))
    return Drift(
        day=day,
        column=column,
        psi=bins.psi(window),
        psi_of_day=bins.psi(last) if _rows(last) else 0.0,
        ks=float(np.abs(distance).max()),
        missing=float(last[MISSING] / max(_rows(last), 1)),
        outside=float(last[OUTSIDE] / max(_rows(last), 1)),
        rows=_rows(window),
    )


def _volume(baseline: Baseline, last: Mapping[str, Counts], day: date) -> Drift:
    rows = _rows(next(iter(last.values())))
    usual = baseline.rows_by_weekday[day.weekday()]
    return Drift(day, VOLUME, rows / usual if usual else 1.0, 0.0, 0.0, 0.0, 0.0, rows)


def _rows(counts: Counts) -> int:
    """A value outside lies in the first or last bin too."""
    return int(counts.sum() - counts[OUTSIDE])


def _missing_share(bins: Bins) -> float:
    counts = np.array(bins.counts)
    return float(counts[MISSING] / max(_rows(counts), 1))
