from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from localjobs.errors import BundleError
from localjobs.quartz import parse_cron

BERLIN = ZoneInfo("Europe/Berlin")


def times(text, start, count=3, zone=UTC):
    moment = datetime.fromisoformat(start).replace(tzinfo=zone)
    found = []
    for _ in range(count):
        moment = parse_cron(text).next_after(moment, zone)
        found.append(moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S"))
    return found


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("0 30 2 * * ?", "2026-01-01 02:30:00"),
        ("0/20 * * * * ?", "2026-01-01 00:00:20"),
        ("0 0 9-17/4 ? * MON-FRI", "2026-01-01 09:00:00"),
        ("0 0 0 1,15 * ?", "2026-01-15 00:00:00"),
        ("0 0 0 ? * 1", "2026-01-04 00:00:00"),
        ("0 0 0 ? * SUN", "2026-01-04 00:00:00"),
        ("0 0 0 L * ?", "2026-01-31 00:00:00"),
        ("0 0 0 L-2 * ?", "2026-01-29 00:00:00"),
        ("0 0 0 LW * ?", "2026-01-30 00:00:00"),
        ("0 0 0 3W * ?", "2026-01-02 00:00:00"),
        ("0 0 0 ? * 6L", "2026-01-30 00:00:00"),
        ("0 0 0 ? * FRI#2", "2026-01-09 00:00:00"),
        ("0 0 0 ? * L", "2026-01-03 00:00:00"),
        ("0 0 0 29 FEB ?", "2028-02-29 00:00:00"),
        ("0 0 0 1 1 ? 2030", "2030-01-01 00:00:00"),
    ],
)
def test_the_next_time_of_an_expression(text, first):
    assert times(text, "2026-01-01 00:00:00", 1) == [first]


def test_times_follow_each_other():
    assert times("0 0 0 ? * MON#1", "2026-01-31 00:00:00") == [
        f"2026-0{month} 00:00:00" for month in ("2-02", "3-02", "4-06")
    ]


def test_clock_changes_of_the_timezone_are_kept():
    assert times("0 30 2 * * ?", "2026-03-27 12:00:00", zone=BERLIN) == [
        "2026-03-28 02:30:00",
        "2026-03-30 02:30:00",  # on the 29th the clocks go from 2 to 3
        "2026-03-31 02:30:00",
    ]
    assert times("0 30 2 * * ?", "2026-10-24 12:00:00", 2, BERLIN) == ["2026-10-25 02:30:00", "2026-10-26 02:30:00"]


def test_what_never_comes_is_none():
    assert parse_cron("0 0 0 30 2 ?").next_after(datetime(2026, 1, 1, tzinfo=UTC), UTC) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("0 2 * * *", "has 5 fields; it needs six or seven"),
        ("0 0 2 * * *", "exactly one of day of month and day of week must be ?"),
        ("0 0 2 ? * ?", "exactly one of"),
        ("0 60 2 * * ?", "'60' is no minutes: 0 to 59"),
        ("0 0 2 * FOO ?", "'FOO' is no month"),
        ("0 0 2 ? * 8", "'8' is no day of week: 1 to 7"),
        ("0 0 5-2 * * ?", "'5-2' is no hours"),
        ("0 0/0 2 * * ?", "'0/0' is no minutes"),
    ],
)
def test_what_is_no_expression_is_refused(text, why):
    with pytest.raises(BundleError) as caught:
        parse_cron(text)
    assert why in str(caught.value)
