"""How states, durations and values read, on a screen and on the page."""

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from localjobs.state.records import Run, Task
from localjobs.states import LifeCycle, Result

_ABBREVIATION = 3
_LONG_LINE = 1000
_SIGNIFICANT = 6
_PRECISE = 4


def word_state(state: LifeCycle, result: Result | None) -> str:
    """The result once there is one, else how far things have come; a task that was left out is SKIPPED."""
    skipped = state is LifeCycle.SKIPPED and result is Result.EXCLUDED
    return str(state if skipped else result or state)


def word_seconds(seconds: float) -> str:
    """`0.42 s`, `12.3 s`, `3 m 05 s`, `2 h 07 m`."""
    minutes, rest = divmod(round(seconds), 60)
    if seconds < 10:  # noqa: PLR2004 - below that, tenths are too coarse
        return f"{seconds:.2f} s"
    if minutes == 0:
        return f"{seconds:.1f} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} m" if hours else f"{minutes} m {rest:02d} s"


def word_number(value: float) -> str:
    """A number with as many digits as help to read it: `1,750,000`, `0.8731`, `0.000042`."""
    if not math.isfinite(value):
        return str(value)
    if float(value).is_integer():
        return f"{int(value):,}"
    small = -math.floor(math.log10(abs(value))) + 1
    return f"{value:,.{max(_PRECISE, small)}f}"


def word_column(name: str) -> str:
    """The heading of a sink's column: `estimated_cost_usd` is `estimated cost (USD)`, `dbu` is `DBU`."""
    words = name.removesuffix("_usd").replace("_", " ")
    words = words.upper() if len(words) <= _ABBREVIATION else words
    return f"{words} (USD)" if name.endswith("_usd") else words


def word_value(value: Any) -> str:
    """A task value or a sink's column: numbers rounded, structures as compact JSON."""
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, int | float):
        return word_number(value)
    return value if isinstance(value, str) else json.dumps(_rounded(value), ensure_ascii=False)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{_SIGNIFICANT}g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value


def word_memory(task: Task) -> str:
    """The peak of a task's attempts."""
    peaks = [attempt.peak_memory_bytes for attempt in task.attempts if attempt.peak_memory_bytes]
    return f"{max(peaks) / 2**20:,.0f} MiB" if peaks else ""


def is_number(value: object) -> bool:
    """Whether a column's value can be added up."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def total_columns(columns: list[dict[str, Any]]) -> dict[str, Any]:
    """The columns of several attempts as one: numbers added, of other values the last."""
    total: dict[str, Any] = {}
    for row in columns:
        for name, value in row.items():
            total[name] = total.get(name, 0) + value if is_number(value) else value
    return total


def columns_of(task: Task) -> dict[str, Any]:
    """What sinks report of a task, over all its attempts."""
    return total_columns([attempt.columns for attempt in task.attempts])


def values_of(task: Task) -> dict[str, Any]:
    """The task values, after them what a notebook ended with."""
    output = task.attempts[-1].output if task.attempts else ""
    return {**task.values, "dbutils.notebook.exit": output} if output else task.values


def numeric_columns(tasks: Iterable[Task]) -> list[str]:
    """The names of the columns that can be added up."""
    rows = [columns_of(task) for task in tasks]
    return list(dict.fromkeys(name for row in rows for name, value in row.items() if is_number(value)))


def sink_notes(run: Run) -> list[str]:
    """What sinks report in words, each with the tasks that it holds for."""
    tasks_by_note: dict[str, list[str]] = {}
    for task in in_order(run.all_tasks):
        for name, value in columns_of(task).items():
            if value is not None and not is_number(value):
                tasks_by_note.setdefault(f"{word_column(name)}: {word_value(value)}", []).append(task.name)
    return [f"{note} ({', '.join(tasks)})" for note, tasks in tasks_by_note.items()]


def in_order(tasks: Iterable[Task]) -> list[Task]:
    """Tasks as they started; those that never did keep their place at the end."""
    return sorted(tasks, key=lambda task: task.started_at.timestamp() if task.started_at else math.inf)


def tail(log: Path, lines: int) -> list[str]:
    """The last lines of a log; none if nothing was printed."""
    if not log.is_file():
        return []
    with log.open("rb") as file:
        file.seek(max(log.stat().st_size - lines * _LONG_LINE, 0))
        return file.read().decode(errors="replace").splitlines()[-lines:]
