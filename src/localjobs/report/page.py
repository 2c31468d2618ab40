"""Writes the page of a run: one file that needs nothing else."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from localjobs.report.chart import draw_chart
from localjobs.report.graph import draw_graph
from localjobs.state.folders import log_file, page_file
from localjobs.state.records import Run, Task
from localjobs.wording import (
    columns_of,
    in_order,
    numeric_columns,
    sink_notes,
    tail,
    total_columns,
    values_of,
    word_column,
    word_memory,
    word_seconds,
    word_state,
    word_value,
)

TAIL_LINES = 40
TEMPLATE = "run.html.j2"
GRAPH_TEMPLATE = "graph.svg.j2"


def write_page(run: Run, bundle_root: Path) -> Path:
    """Write the page and return its path."""
    page = page_file(bundle_root, run.run_id)
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(render_page(run, bundle_root), encoding="utf-8")
    return page


def render_page(run: Run, bundle_root: Path) -> str:
    """The page as text."""
    environment = _environment()
    environment.filters |= {"value": word_value, "seconds": word_seconds, "heading": _heading, "pretty": _pretty}
    return environment.get_template(TEMPLATE).render(_view(run, bundle_root))


def render_graph(name: str, tasks: Iterable[Task]) -> str:
    """The tasks of a job as an SVG picture."""
    picture = draw_graph(tasks, downwards=False)
    return _environment().get_template(GRAPH_TEMPLATE).render(name=name, picture=picture)


def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _view(run: Run, bundle_root: Path) -> dict[str, Any]:
    names = numeric_columns(run.all_tasks)
    return {
        "run": run,
        "state": word_state(run.state, run.result),
        "columns": names,
        "totals": total_columns([columns_of(task) for task in run.all_tasks]),
        "notes": sink_notes(run),
        "tasks": [_task_view(run, task, bundle_root) for task in in_order(run.all_tasks)],
        "wide": draw_graph(run.tasks, downwards=False),
        "tall": draw_graph(run.tasks, downwards=True),
        "chart": draw_chart(run),
        "repairs": [run.original, *run.repairs] if run.original else [],
        "word_state": word_state,
    }


def _task_view(run: Run, task: Task, bundle_root: Path) -> dict[str, Any]:
    logs = [log_file(bundle_root, run.run_id, task.name, attempt.number) for attempt in task.attempts]
    here = page_file(bundle_root, run.run_id).parent
    return {
        "record": task,
        "state": word_state(task.state, task.result),
        "memory": word_memory(task),
        "columns": columns_of(task),
        "values": values_of(task),
        "tail": tail(logs[-1], TAIL_LINES) if logs else [],
        "logs": [log.relative_to(here).as_posix() if log.is_file() else "" for log in logs],
    }


def _heading(name: str) -> str:
    words = word_column(name)
    return words[:1].upper() + words[1:]


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
