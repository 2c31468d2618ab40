"""What follows from alarms: training again, at most once in a while, and never by broken data."""

from datetime import date, timedelta

import pytest

from fraud_detection.errors import ConfigurationError
from fraud_detection.monitoring.alarms import Alarm, decide
from fraud_detection.monitoring.settings import MonitoringSettings

DAY = date(2018, 9, 30)
SETTINGS = MonitoringSettings(cool_down_days=14)
DRIFT, WORTH, BROKEN = Alarm("drift", "moved"), Alarm("performance", "worse"), Alarm("data", "lacking")


@pytest.mark.parametrize(
    ("alarms", "retrain", "why"),
    [
        ([], False, "nothing has drifted"),
        ([BROKEN], False, "nothing has drifted, but data is broken"),
        ([DRIFT], True, "moved"),
        ([DRIFT, WORTH], True, "moved; worse"),
        ([WORTH, BROKEN], False, "data is broken, so nothing shall be learned from it: lacking"),
    ],
)
def test_only_a_world_that_moved_is_learned_anew(alarms, retrain, why):
    decision = decide(alarms, DAY, None, SETTINGS)
    assert (decision.retrain, decision.why) == (retrain, why)


@pytest.mark.parametrize(("days", "retrain"), [(1, False), (13, False), (14, True), (60, True)])
def test_training_is_not_started_again_before_the_last_time_could_help(days, retrain):
    assert decide([DRIFT], DAY, DAY - timedelta(days=days), SETTINGS).retrain is retrain


@pytest.mark.parametrize(
    "wrong",
    [{"window_days": 5}, {"window_days": 0}, {"max_psi": 5.0}, {"volume_factor": 1.0}, {"cool_down_days": 0}],
)
def test_limits_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ConfigurationError, match="monitoring"):
        MonitoringSettings(**wrong)
