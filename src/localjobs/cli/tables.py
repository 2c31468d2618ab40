"""What `run` and `show` print of a run."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from localjobs.cli.styles import style_state
from localjobs.state.folders import log_file, page_file
from localjobs.state.records import Run, Task
from localjobs.states import Result
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

TAIL_LINES = 15
NARROW = 100
"""Below so many characters, tables leave out the lines that cost room, and headings take two lines."""
_FAILED = {Result.FAILED, Result.TIMEDOUT}


def print_run(run: Run, bundle_root: Path, console: Console) -> None:
    """Tasks, task values, failures, warnings, the result and the page of a run."""
    console.print(task_table(run, console.width))
    for note in sink_notes(run):
        console.print(Text(note, style="dim"))
    if any(values_of(task) for task in run.all_tasks):
        console.print(value_table(run.all_tasks, console.width))
    for task in run.all_tasks:
        if task.result in _FAILED and task.attempts:
            _print_failure(run, task, bundle_root, console)
    for told in run.notifications:
        console.print(Text(f"{told.occasion} → {told.to}: {told.text} ({told.delivery})", style="dim"), soft_wrap=True)
    for warning in run.warnings:
        console.print(Text(f"warning: {warning}", style="yellow"))
    for number, one in enumerate(run.repairs, 1):
        state = word_state(one.state, one.result)
        console.print(Text(f"repair {number}: {state}: {', '.join(one.task_keys)}"), soft_wrap=True)
    result = Text.assemble("result: ", (word_state(run.state, run.result), style_state(run.state, run.result)))
    console.print(result + Text(f"  {run.message}" if run.message else ""))
    console.print(Text(f"page: {page_file(bundle_root, run.run_id)}"), soft_wrap=True)


def make_table(width: int, title: str | None = None) -> Table:
    """An empty table for a console of that width."""
    if width < NARROW:
        return Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    return Table(title=title, title_justify="left")


def task_table(run: Run, width: int) -> Table:
    """One row a task, with a column for every figure that sinks report."""
    names = numeric_columns(run.all_tasks)
    table = make_table(width, f"{run.job_name} · run {run.run_id}")
    table.add_column("task", overflow="fold")
    table.add_column("state", no_wrap=True)
    for name in ("attempts", "time", "peak memory", *map(word_column, names)):
        table.add_column(name.replace(" ", "\n", 1) if width < NARROW else name, justify="right", no_wrap=True)
    for task in in_order(run.all_tasks):
        state = Text(word_state(task.state, task.result), style=style_state(task.state, task.result))
        seconds = word_seconds(task.seconds) if task.attempts else ""
        cells = _cells(columns_of(task), names)
        table.add_row(Text(task.name), state, str(len(task.attempts) or ""), seconds, word_memory(task), *cells)
    _add_totals(table, run, names)
    return table


def _cells(columns: Mapping[str, object], names: list[str]) -> list[str]:
    return [word_value(columns[name]) if columns.get(name) is not None else "" for name in names]


def _add_totals(table: Table, run: Run, names: list[str]) -> None:
    table.add_section()
    total = total_columns([columns_of(task) for task in run.all_tasks])
    table.add_row("whole run", "", "", word_seconds(run.seconds), "", *_cells(total, names))


def value_table(tasks: Iterable[Task], width: int) -> Table:
    """Everything that tasks set as task values."""
    table = make_table(width, "task values")
    table.add_column("task")
    table.add_column("key")
    table.add_column("value", overflow="fold")
    for task in in_order(tasks):
        for number, (key, value) in enumerate(values_of(task).items()):
            table.add_row(Text(task.name if number == 0 else ""), Text(key), Text(word_value(value)))
    return table


def _print_failure(run: Run, task: Task, bundle_root: Path, console: Console) -> None:
    log = log_file(bundle_root, run.run_id, task.name, task.attempts[-1].number)
    console.print(Text(f"{task.name}: {task.result}: {task.message}", style="red"))
    for line in tail(log, TAIL_LINES):
        console.print(Text(f"  │ {line}"), soft_wrap=True)
    if log.is_file():
        console.print(Text(f"  log: {log}"), soft_wrap=True)
