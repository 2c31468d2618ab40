"""The charts as figures of matplotlib, for MLflow."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from matplotlib.figure import Figure

from runcosts.report.facts import CAUSES, Facts
from runcosts.report.marks import Mark

COLOURS = ("#2f6fd0", "#d9822b", "#2a9d77", "#8a5cc7", "#c2497f", "#7a8695")
MARK = "#b3261e"


def draw_pictures(facts: Facts, marks: Sequence[Mark]) -> dict[str, Figure]:
    """Cost by day and job, and by day and cause, by file name."""
    causes = [cause for cause in CAUSES if cause in facts.total_by("cause")]
    return {
        "cost_by_job.png": _draw(facts, "job", facts.jobs, marks),
        "cost_by_cause.png": _draw(facts, "cause", causes, marks),
    }


def _draw(facts: Facts, field: str, names: Sequence[str], marks: Sequence[Mark]) -> Figure:
    figure = Figure(figsize=(9, 3.6), dpi=120, layout="constrained")
    axes: Any = figure.subplots()
    sums = facts.total_by("day", field)
    days = [facts.first + dt.timedelta(days=number) for number in range((facts.last - facts.first).days + 1)]
    base = [0.0] * len(days)
    for number, name in enumerate(names):
        amounts = [float(sums.get((day, name), Decimal(0))) for day in days]
        axes.bar(days, amounts, bottom=base, label=name, color=COLOURS[number % len(COLOURS)], width=0.8)
        base = [below + amount for below, amount in zip(base, amounts, strict=True)]
    for mark in marks:
        if facts.first <= mark.day <= facts.last:
            axes.axvline(mark.day, color=MARK, linestyle="--", linewidth=1)
            axes.annotate(mark.text, (mark.day, 1), xycoords=("data", "axes fraction"), color=MARK, fontsize=8)
    axes.set_title(f"Cost by day and {field} ({facts.currency}, estimated)", loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    if names:
        figure.legend(loc="outside lower left", ncols=len(names), fontsize=8, frameon=False)
    return figure
