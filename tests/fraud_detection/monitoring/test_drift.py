"""Drift by hand-computed counts, and what is called broken, drifted or usual."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from fraud_detection.models.baseline import Baseline, Bins
from fraud_detection.models.score_distribution import population_stability
from fraud_detection.monitoring.drift import VOLUME, find_alarms, measure_drift
from fraud_detection.monitoring.settings import MonitoringSettings

DAY = date(2018, 9, 30)
SETTINGS = MonitoringSettings()
EVEN = Bins((1.0,), 0.0, 2.0, (50, 50, 0, 0))
BASELINE = Baseline({"x": EVEN}, (100.0,) * 7)


def week_of(*counts, last=None):
    """The same counts on each day of the window, others on the last."""
    days = {DAY - timedelta(days=back): {"x": np.array(counts)} for back in range(SETTINGS.window_days)}
    return days | ({DAY: {"x": np.array(last)}} if last else {})


def alarms_of(counts):
    drifts = measure_drift(BASELINE, counts, DAY, SETTINGS)
    return [str(alarm) for alarm in find_alarms(drifts, BASELINE, SETTINGS)]


def test_the_index_is_that_of_its_formula():
    expected = (0.7 - 0.5) * np.log(0.7 / 0.5) + (0.3 - 0.5) * np.log(0.3 / 0.5)
    assert population_stability(np.array([0.5, 0.5]), np.array([0.7, 0.3])) == pytest.approx(expected)
    assert population_stability(np.array([0.5, 0.5]), np.array([0.5, 0.5])) == 0
    assert np.isfinite(population_stability(np.array([1.0, 0.0]), np.array([0.0, 1.0])))


def test_the_whole_window_is_compared_and_the_last_day_is_looked_at_alone():
    drift, volume = measure_drift(BASELINE, week_of(70, 30, 0, 0, last=(40, 50, 5, 10)), DAY, SETTINGS)
    assert (drift.rows, drift.missing, drift.outside) == (700, 0.1, 0.05)
    found = (6 * 70 + 40) / 690
    assert drift.ks == pytest.approx(found - 0.5)
    assert drift.psi == pytest.approx(population_stability(np.array([0.5, 0.5]), np.array([found, 1 - found])))
    assert (volume.column, volume.psi, volume.rows) == (VOLUME, 1.0, 100)


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        (week_of(52, 48, 0, 0), []),
        (week_of(75, 25, 0, 0), ["drift: x: PSI 0.27, at most 0.2 expected"]),
        (
            week_of(50, 50, 0, 0, last=(100, 0, 0, 0)),
            ["data: x: PSI 4.60 on 2018-09-30, too far for a population: look upstream"],
        ),
        (week_of(50, 50, 0, 0, last=(45, 45, 0, 10)), ["data: x: 10.0% absent on 2018-09-30, 0.0% in training"]),
        (
            week_of(50, 50, 0, 0, last=(50, 50, 6, 0)),
            ["data: x: 6.0% outside of what training saw on 2018-09-30"],
        ),
        (
            week_of(50, 50, 0, 0, last=(20, 20, 0, 0)),
            ["data: volume: 40 transactions on 2018-09-30, 0.40 of what is usual"],
        ),
    ],
)
def test_broken_data_is_told_from_drift(counts, said):
    assert alarms_of(counts) == said


def test_what_single_days_of_the_training_had_too_is_not_called_broken():
    """As with the mark of the weekend, which is all or nothing on each day."""
    baseline = Baseline({"x": replace(EVEN, daily_psi=5.0)}, (100.0,) * 7)
    drifts = measure_drift(baseline, week_of(50, 50, 0, 0, last=(100, 0, 0, 0)), DAY, SETTINGS)
    assert not list(find_alarms(drifts, baseline, SETTINGS))


def test_a_day_without_transactions_is_an_alarm_of_the_data():
    quiet = {day: counts for day, counts in week_of(50, 50, 0, 0).items() if day != DAY}
    assert alarms_of(quiet) == ["data: volume: 0 transactions on 2018-09-30, 0.00 of what is usual"]


def test_a_champion_that_has_scored_nothing_yet_has_no_drift_of_the_score():
    assert [drift.column for drift in measure_drift(BASELINE, week_of(0, 0, 0, 0), DAY, SETTINGS)] == [VOLUME]
