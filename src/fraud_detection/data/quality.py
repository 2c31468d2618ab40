"""How many lines of each file break each rule, and when a day is too bad to be published."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import date, datetime

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fraud_detection.config import DataSettings
from fraud_detection.data.rules import Rule, Severity, severities
from fraud_detection.errors import DataError

DAY = "day"
TOTAL = "total"
READ, QUARANTINED = "read", "quarantined"


@dataclass(frozen=True)
class Count:
    """One row of the table data_quality."""

    dataset: str
    source_file: str
    day: date
    rule: str
    severity: str
    lines: int
    checked_at: datetime


def count_broken(checked: DataFrame, dataset: str, rules: Sequence[Rule], now: datetime) -> list[Count]:
    """Counts for every file and rule, also where none is broken, and the totals of read and quarantined lines."""
    known = severities(rules)
    counted: dict[tuple[str, date], Counter[str]] = {}
    alike = checked.groupBy("source_file", day_written(), "reasons", "warnings").count()
    for row in alike.collect():  # a file breaks rules in few ways
        lines = counted.setdefault((row.source_file, row.day), Counter())
        for rule in (*row.reasons, *row.warnings, READ, *([QUARANTINED] if row.reasons else [])):
            lines[rule] += row["count"]
    return [
        Count(dataset, file, day, rule, known.get(rule, TOTAL), lines[rule], now)
        for (file, day), lines in counted.items()
        for rule in (READ, QUARANTINED, *known)
    ]


def day_written() -> Column:
    """The day, UTC, on which a line's file, or its record, was written."""
    return F.to_date("file_modified_at").alias(DAY)


def refuse_bad_days(counts: Sequence[Count], settings: DataSettings) -> None:
    """Stop before anything of a batch is published if a day of it is too bad.

    Raises:
        DataError: names the days, their shares and the rules that were broken most.
    """
    read, quarantined = (_by_day(counts, rule) for rule in (READ, QUARANTINED))
    limit = settings.max_quarantined_share
    bad = [
        day
        for day, lines in sorted(read.items())
        if lines >= settings.share_counts_from and quarantined[day] > limit * lines
    ]
    if bad:
        days = ", ".join(f"{day} ({quarantined[day]} of {read[day]})" for day in bad)
        raise DataError(
            f"{counts[0].dataset}: too many lines would go to quarantine on {days}; expected at most {limit:.1%}. "
            f"Rules broken most: {_worst(counts)}. Nothing of this batch is published. Mend data.mapping and run "
            "again; or raise data.max_quarantined_share to quarantine the lines, and replay them when they are mended"
        )


def _by_day(counts: Sequence[Count], rule: str) -> Counter[date]:
    days: Counter[date] = Counter()
    for count in counts:
        if count.rule == rule:
            days[count.day] += count.lines
    return days


def _worst(counts: Sequence[Count]) -> str:
    broken: Counter[str] = Counter()
    for count in counts:
        if count.severity == Severity.ERROR:
            broken[count.rule] += count.lines
    return ", ".join(f"{rule} {lines}" for rule, lines in broken.most_common(3))


def as_rows(counts: Sequence[Count]) -> list[tuple[object, ...]]:
    """Counts as the table wants them."""
    return [astuple(count) for count in counts]
