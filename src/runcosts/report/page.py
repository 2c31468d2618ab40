"""The page of costs: one file that needs nothing else."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from runcosts.bundle import Tree
from runcosts.forecast_text import amount
from runcosts.history import plain_name
from runcosts.report.chart import Chart, draw_chart
from runcosts.report.facts import CAUSES, WORK, Facts
from runcosts.report.graph import draw_graph
from runcosts.report.marks import Mark, effects

TEMPLATE = "costs.html.j2"
WIDE, NARROW = (1080, 280), (360, 240)


def render_page(facts: Facts, marks: Sequence[Mark], tree: Tree | None = None) -> str:
    """The page as text.

    Args:
        facts: of a period.
        marks: of any time; those of the period are shown.
        tree: the resolved bundle, for the graphs of its jobs; None where it is not at hand.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"amount": amount, "percent": _percent}
    return environment.get_template(TEMPLATE).render(_view(facts, marks, tree))


def _view(facts: Facts, marks: Sequence[Mark], tree: Tree | None) -> dict[str, Any]:
    shown = [mark for mark in marks if facts.first <= mark.day <= facts.last]
    causes = [cause for cause in CAUSES if cause in facts.total_by("cause")]
    return {
        "facts": facts,
        "marks": shown,
        "effects": effects(facts, marks),
        "charts": [
            ("jobs", "Cost by day and job", _charts(facts, "job", facts.jobs, shown)),
            ("causes", "Cost by day and cause", _charts(facts, "cause", causes, shown)),
        ],
        "graphs": _graphs(facts, tree),
        "waste": _waste(facts),
        "bills": sorted(facts.bills, key=lambda row: str(row["first_used"]), reverse=True),
    }


def _charts(facts: Facts, field: str, names: Sequence[str], marks: Sequence[Mark]) -> list[tuple[str, Chart]]:
    sums, period = facts.total_by("day", field), (facts.first, facts.last)
    return [(name, draw_chart(sums, names, period, marks, size)) for name, size in (("wide", WIDE), ("tall", NARROW))]


def _graphs(facts: Facts, tree: Tree | None) -> list[dict[str, Any]]:
    """Of each job that cost anything, with the usual cost of its tasks; a loop costs what it repeats does."""
    jobs: Mapping[str, Any] = (tree["resources"].get("jobs") or {}) if tree else {}
    found = []
    for key, job in jobs.items():
        usual, tasks = facts.usual_of_tasks(plain_name(job["name"])), job.get("tasks", [])
        inner = {task["task_key"]: task.get("for_each_task", {}).get("task", task)["task_key"] for task in tasks}
        costs = {name: usual[work] for name, work in inner.items() if work in usual}
        if costs:
            wide, tall = (draw_graph(tasks, costs, downwards=downwards) for downwards in (False, True))
            total = sum(costs.values(), Decimal(0))
            found.append({"job": key, "pictures": [("wide", wide), ("tall", tall)], "total": total})
    return found


def _waste(facts: Facts) -> list[tuple[str, str, str, int, Decimal]]:
    """Job, task, cause, how many, and how much: the dearest first."""
    sums = {key: value for key, value in facts.total_by("job", "task", "cause").items() if key[2] != WORK}
    count = {key: sum((cost.job, cost.task, cost.cause) == key for cost in facts.costs) for key in sums}
    return [(*key, count[key], sums[key]) for key in sorted(sums, key=lambda key: -sums[key])]


def _percent(share: Decimal | None) -> str:
    return "?" if share is None else f"{round(100 * share) or 0:+d} %".replace("+0", "±0")
