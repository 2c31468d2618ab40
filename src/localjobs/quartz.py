"""Quartz cron expressions, as schedules of jobs use them: seconds, minutes, hours, days, months, weekdays, years."""

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from localjobs.errors import BundleError

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
HORIZON_DAYS = 366 * 8
"""A schedule that doesn't fire for so long never does: 29 February comes every eight years at the latest."""

_FIELDS = ("seconds", "minutes", "hours", "day of month", "month", "day of week", "year")
_RANGES = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (1, 7), (1970, 2199))
_NAMES = {4: MONTHS, 5: WEEKDAYS}
_LEAST, _MOST = 6, 7
_SPECIAL = {3: re.compile(r"L(-\d+)?|LW|\d+W"), 5: re.compile(r"L|[1-7]L|[1-7]#[1-5]")}
_PART = re.compile(r"(\*|\d+)(?:-(\d+))?(?:/(\d+))?")


@dataclass(frozen=True)
class Cron:
    """An expression that was read; the texts of the two day fields keep what no set of numbers can hold."""

    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    months: frozenset[int]
    years: frozenset[int]
    day_of_month: str
    day_of_week: str

    def next_after(self, moment: datetime, zone: tzinfo) -> datetime | None:
        """The first time after `moment`, in `zone`; a time that a clock change leaves out is passed over."""
        local = moment.astimezone(zone)
        for offset in range(HORIZON_DAYS):
            day = local.date() + timedelta(days=offset)
            for found in self._times(day, zone) if self._fires_on(day) else ():
                if found > moment:
                    return found
        return None

    def _fires_on(self, day: date) -> bool:
        if day.month not in self.months or day.year not in self.years:
            return False
        if self.day_of_month != "?":
            return any(_is_day_of_month(part, day) for part in self.day_of_month.split(","))
        return any(_is_weekday(part, day) for part in self.day_of_week.split(","))

    def _times(self, day: date, zone: tzinfo) -> Iterator[datetime]:
        for hour in sorted(self.hours):
            for minute in sorted(self.minutes):
                for second in sorted(self.seconds):
                    found = datetime.combine(day, time(hour, minute, second), zone)
                    if _exists(found):
                        yield found


def parse_cron(text: str) -> Cron:
    """Read an expression; a BundleError says what is wrong with it."""
    fields = text.upper().split()
    if not _LEAST <= len(fields) <= _MOST:
        raise BundleError(f"quartz cron {text!r} has {len(fields)} fields; it needs six or seven, seconds first")
    if (fields[3] == "?") == (fields[5] == "?"):
        raise BundleError(f"quartz cron {text!r}: exactly one of day of month and day of week must be ?")
    fields = [_numbers(field, _NAMES.get(index, ())) for index, field in enumerate(fields)]
    sets = [_read(field, index, text) for index, field in enumerate([*fields, "*"][:_MOST])]
    return Cron(sets[0], sets[1], sets[2], sets[4], sets[6], fields[3], fields[5])


def _numbers(field: str, names: tuple[str, ...]) -> str:
    for number, name in enumerate(names, 1):
        field = re.sub(rf"\b{name}(?=\b|L|#)", str(number), field)
    return field


def _read(field: str, index: int, text: str) -> frozenset[int]:
    special = _SPECIAL.get(index)
    if special and field == "?":
        return frozenset()
    return frozenset(
        value
        for part in field.split(",")
        if not (special and special.fullmatch(part))
        for value in _expand(part, index, text)
    )


def _expand(part: str, index: int, text: str) -> range:
    low, high = _RANGES[index]
    found = _PART.fullmatch(part)
    if found is None:
        raise BundleError(f"quartz cron {text!r}: {part!r} is no {_FIELDS[index]}")
    first = low if found[1] == "*" else int(found[1])
    last = int(found[2] or (high if found[1] == "*" or found[3] else first))
    step = int(found[3] or 1)
    if not low <= first <= high or not low <= last <= high or first > last or step < 1:
        raise BundleError(f"quartz cron {text!r}: {part!r} is no {_FIELDS[index]}: {low} to {high}")
    return range(first, last + 1, step)


def _is_day_of_month(part: str, day: date) -> bool:
    last = calendar.monthrange(day.year, day.month)[1]
    if part.startswith("L") and part != "LW":
        return day.day == last - int(part[2:] or 0)
    if part.endswith("W"):
        return day == _nearest_workday(day.replace(day=last if part == "LW" else min(int(part[:-1]), last)))
    return day.day in _expand(part, 3, part)


def _nearest_workday(day: date) -> date:
    """The day itself, else the nearest one from Monday to Friday in the same month."""
    shifts = (0, -1, 1, -2, 2)
    near = [day + timedelta(days=shift) for shift in shifts]
    return next(one for one in near if one.isoweekday() <= 5 and one.month == day.month)  # noqa: PLR2004 - Friday


def _is_weekday(part: str, day: date) -> bool:
    number = day.isoweekday() % 7 + 1
    if "#" in part:
        weekday, _, nth = part.partition("#")
        return number == int(weekday) and (day.day - 1) // 7 + 1 == int(nth)
    if part.endswith("L"):
        is_last = day.day > calendar.monthrange(day.year, day.month)[1] - 7
        return number == int(part[:-1] or 7) and (is_last or part == "L")
    return number in _expand(part, 5, part)


def _exists(local: datetime) -> bool:
    """Whether the clocks of the zone ever show this time."""
    utc = local.timestamp()
    return datetime.fromtimestamp(utc, local.tzinfo).replace(tzinfo=None) == local.replace(tzinfo=None)
