from datetime import UTC, datetime, timedelta

import pytest

from localjobs.errors import BundleError
from localjobs.scheduling import make_timers

BEGUN = datetime(2026, 1, 1, 10, tzinfo=UTC)
DAILY = {"quartz_cron_expression": "0 30 2 * * ?", "timezone_id": "Europe/Berlin"}


@pytest.fixture
def timers(bench, wheel):
    def make(only=None, *, even_paused=False, **settings):
        bench.write([wheel("a")], **settings)
        return make_timers(bench.deploy(), only, BEGUN, even_paused=even_paused)

    return make


def test_a_cron_is_kept_in_its_timezone(timers):
    assert timers(schedule=DAILY)[0].next_after(BEGUN) == datetime(2026, 1, 2, 1, 30, tzinfo=UTC)


def test_a_period_counts_from_the_start_of_the_command(timers):
    timer = timers(trigger={"periodic": {"interval": 6, "unit": "HOURS"}})[0]
    assert timer.next_after(BEGUN) == BEGUN + timedelta(hours=6)
    assert timer.next_after(BEGUN + timedelta(hours=6)) == BEGUN + timedelta(hours=12)


def test_paused_schedules_run_only_if_asked(timers):
    paused = {**DAILY, "pause_status": "PAUSED"}
    with pytest.raises(BundleError, match="nothing is scheduled, or everything is paused"):
        timers(schedule=paused)
    assert len(timers(schedule=paused, even_paused=True)) == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"schedule": {**DAILY, "timezone_id": "Mars/Base"}}, "no timezone 'Mars/Base'"),
        ({"schedule": {**DAILY, "quartz_cron_expression": "daily"}}, "has 1 fields"),
        ({"trigger": {"file_arrival": {"url": "/x"}}}, "of triggers only periodic ones work here"),
        ({"only": "jbo"}, "no job 'jbo'"),
    ],
)
def test_what_cannot_be_scheduled_is_refused(timers, settings, message):
    with pytest.raises(BundleError, match=message):
        timers(**settings)
