"""What `run` and `show` print of a run."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from localjobs.cli.wording import (
    is_number,
    style_state,
    total_columns,
    word_column,
    word_seconds,
    word_state,
    word_value,
)
from localjobs.state.folders import log_file, page_file
from localjobs.state.records import Run, Task
from localjobs.states import Result

TAIL_LINES = 15
_FAILED = {Result.FAILED, Result.TIMEDOUT}


def print_run(run: Run, bundle_root: Path, console: Console) -> None:
    """Tasks, task values, failures, warnings, the result and the page of a run."""
    console.print(task_table(run))
    for note in sink_notes(run):
        console.print(Text(note, style="dim"))
    if any(task.values for task in run.tasks):
        console.print(value_table(run.tasks))
    for task in run.tasks:
        if task.result in _FAILED and task.attempts:
            _print_failure(run, task, bundle_root, console)
    for warning in run.warnings:
        console.print(Text(f"warning: {warning}", style="yellow"))
    result = Text.assemble("result: ", (word_state(run.state, run.result), style_state(run.state, run.result)))
    console.print(result + Text(f"  {run.message}" if run.message else ""))
    console.print(Text(f"page: {page_file(bundle_root, run.run_id)}"), soft_wrap=True)


def task_table(run: Run) -> Table:
    """One row a task, with a column for everything that sinks report."""
    totals = {task.task_key: total_columns([attempt.columns for attempt in task.attempts]) for task in run.tasks}
    names = _numeric_columns(totals.values())
    table = Table(title=f"{run.job_name} · run {run.run_id}", title_justify="left")
    for name, right in (("task", False), ("state", False), ("attempts", True), ("time", True), ("peak memory", True)):
        table.add_column(name, justify="right" if right else "left")
    for name in names:
        table.add_column(word_column(name), justify="right")
    for task in in_order(run.tasks):
        state = Text(word_state(task.state, task.result), style=style_state(task.state, task.result))
        cells = [word_value(totals[task.task_key][name]) if name in totals[task.task_key] else "" for name in names]
        seconds = word_seconds(task.seconds) if task.attempts else ""
        table.add_row(Text(task.task_key), state, str(len(task.attempts) or ""), seconds, _peak(task), *cells)
    _add_totals(table, run, [total_columns(list(totals.values())).get(name) for name in names])
    return table


def _numeric_columns(rows: Iterable[Mapping[str, object]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name, value in row.items() if is_number(value)))


def sink_notes(run: Run) -> list[str]:
    """What sinks report in words, each with the tasks that it holds for."""
    tasks_by_note: dict[str, list[str]] = {}
    for task in in_order(run.tasks):
        for name, value in total_columns([attempt.columns for attempt in task.attempts]).items():
            if value is not None and not is_number(value):
                tasks_by_note.setdefault(f"{word_column(name)}: {word_value(value)}", []).append(task.task_key)
    return [f"{note} ({', '.join(tasks)})" for note, tasks in tasks_by_note.items()]


def _add_totals(table: Table, run: Run, totals: list[object]) -> None:
    table.add_section()
    seconds = ((run.ended_at or run.started_at) - run.started_at).total_seconds()
    sums = [word_value(total) if is_number(total) else "" for total in totals]
    table.add_row("whole run", "", "", word_seconds(seconds), "", *sums)


def _peak(task: Task) -> str:
    peaks = [attempt.peak_memory_bytes for attempt in task.attempts if attempt.peak_memory_bytes]
    return f"{max(peaks) / 2**20:,.0f} MiB" if peaks else ""


def value_table(tasks: Iterable[Task]) -> Table:
    """Everything that tasks set as task values."""
    table = Table(title="task values", title_justify="left")
    table.add_column("task")
    table.add_column("key")
    table.add_column("value", overflow="fold")
    for task in in_order(tuple(tasks)):
        for number, (key, value) in enumerate(task.values.items()):
            table.add_row(Text(task.task_key if number == 0 else ""), Text(key), Text(word_value(value)))
    return table


def in_order(tasks: tuple[Task, ...]) -> list[Task]:
    """Tasks as they started; those that never did keep their place at the end."""
    return sorted(
        tasks, key=lambda task: (task.started_at is None, task.started_at.timestamp() if task.started_at else 0)
    )


def _print_failure(run: Run, task: Task, bundle_root: Path, console: Console) -> None:
    log = log_file(bundle_root, run.run_id, task.task_key, task.attempts[-1].number)
    console.print(Text(f"{task.task_key}: {task.result}: {task.message}", style="red"))
    for line in tail(log, TAIL_LINES):
        console.print(Text(f"  │ {line}"), soft_wrap=True)
    console.print(Text(f"  log: {log}"), soft_wrap=True)


def tail(log: Path, lines: int) -> list[str]:
    """The last lines of a log; none if nothing was printed."""
    if not log.is_file():
        return []
    return log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
