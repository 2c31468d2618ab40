"""Advice as JSON, and for a terminal of 80 columns."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from runcosts.cluster import ClusterShape
from runcosts.forecast_text import amount, shape_text
from runcosts.rightsize.advice import TaskAdvice
from runcosts.rightsize.cluster_size import Sized

HEADINGS = ("task", "now", "better", "saves a run", "a month")


def advice_json(found: Sequence[TaskAdvice], currency: str) -> dict[str, Any]:
    """Savings in `currency`, null where nobody can know; below 0 where a task needs more than it has."""
    return {"currency": currency, "tasks": [_task_json(one) for one in found]}


def advice_tables(found: Sequence[TaskAdvice], currency: str) -> Group:
    """A line for each task, then the reasoning of each."""
    table = Table(title=f"right-sizing ({currency}, estimated)", title_justify="left")
    for name in HEADINGS:
        table.add_column(name, justify="right" if name in HEADINGS[-2:] else "left", overflow="fold")
    for one in found:
        table.add_row(f"{one.job}\n  {one.task_key}", *_cells(one))
    return Group(table, Text("\n".join(line for one in found for line in _lines(one))))


def _cells(one: TaskAdvice) -> tuple[str, ...]:
    if one.size is None:
        return one.compute, "?", "?", "?"
    better = shape_text(one.size.better.shape) if one.size.better else "keep it"
    saving = one.size.saving
    return one.compute, better, amount(saving), amount(_a_month(one, saving))


def _a_month(one: TaskAdvice, saving: Decimal) -> Decimal | None:
    return None if one.runs_a_month is None else saving * one.runs_a_month


def _lines(one: TaskAdvice) -> Iterator[str]:
    yield f"{one.job}.{one.task_key}"
    if one.reason:
        yield f"  no advice on its size: {one.reason}"
    for reason in one.size.reasons if one.size else ():
        yield f"  · {reason}"
    for hint in one.hints:
        yield f"  {hint.kind}: {hint.text}{f' (saves {amount(hint.saving)} a run)' if hint.saving else ''}"
    if one.unknown:
        yield f"  not known: {'; '.join(one.unknown)}"


def _task_json(one: TaskAdvice) -> dict[str, Any]:
    size = one.size
    return {
        "job": one.job,
        "task_key": one.task_key,
        "now": _sized_json(size.now) if size else None,
        "better": _sized_json(size.better) if size and size.better else None,
        "saving": float(size.saving) if size else None,
        "saving_a_month": _float(_a_month(one, size.saving)) if size else None,
        "reasons": list(size.reasons) if size else [],
        "hints": [{"kind": hint.kind, "text": hint.text, "saving": _float(hint.saving)} for hint in one.hints],
        "unknown": list(one.unknown),
        "reason": one.reason,
    }


def _sized_json(sized: Sized) -> dict[str, Any]:
    shape: ClusterShape = sized.shape
    return {
        "compute": shape_text(shape),
        "node_type": shape.node_type,
        "driver_node_type": shape.driver_node_type,
        "min_workers": shape.min_workers,
        "max_workers": shape.max_workers,
        "seconds": float(sized.seconds),
        "cost": float(sized.cost),
    }


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
