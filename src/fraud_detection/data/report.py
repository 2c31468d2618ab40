"""A check of files, for people: tables that fit 80 columns."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from rich.markup import escape
from rich.table import Table

from fraud_detection.data.check import Report

IGNORED = "[dim]left out[/dim]"


def render(report: Report) -> Iterator[Table | str]:
    """What becomes of the columns, the first rows, and which rules are broken."""
    yield _columns(report)
    yield from (_row(number, row) for number, row in enumerate(report.rows, 1))
    if report.broken:
        yield _broken(report)
    good = report.read - report.quarantined
    yield f"{report.read:,} lines: {good:,} to silver, {report.quarantined:,} to quarantine"


def _columns(report: Report) -> Table:
    table = Table("column of the files", "becomes")
    for column, field in report.columns.items():
        table.add_row(escape(column), escape(field) or IGNORED)
    for field, source in report.missing.items():
        table.add_row(f"[red]no column {escape(source)}[/red]", f"[red]{escape(field)} is missing[/red]")
    return table


def _row(number: int, row: dict[str, Any]) -> str:
    """One line a row, for a table of all columns would not fit."""
    reasons = row["reasons"]
    fields = "  ".join(f"[dim]{name}[/dim] {_text(value)}" for name, value in row.items() if name != "reasons")
    return f"{number}  {fields}" + (f"  [red]{', '.join(reasons)}[/red]" if reasons else "")


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    return "[red]nothing[/red]" if value is None else escape(str(value))


def _broken(report: Report) -> Table:
    table = Table("rule", "lines that break it")
    for rule, lines in report.broken.items():
        table.add_row(rule, f"{lines:,}")
    return table
