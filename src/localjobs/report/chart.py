"""The Gantt chart of a run: every attempt as a bar, in per cent of the run's time."""

from dataclasses import dataclass

from localjobs.state.records import Attempt, Run, Task
from localjobs.wording import in_order, word_seconds, word_state

_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
_MOST_TICKS = 6
_NARROWEST = 0.4


@dataclass(frozen=True)
class Bar:
    """One attempt."""

    left: float
    width: float
    state: str
    label: str


@dataclass(frozen=True)
class Row:
    """The attempts of one task."""

    task_key: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Tick:
    """A mark of the time axis."""

    left: float
    label: str


@dataclass(frozen=True)
class Chart:
    """All rows, and the axis above them."""

    rows: tuple[Row, ...]
    ticks: tuple[Tick, ...]


def draw_chart(run: Run) -> Chart:
    """The attempts of a run over time."""
    length = max(run.seconds, 0.001)
    rows = tuple(
        Row(task.name, tuple(_bar(run, task, attempt, length) for attempt in task.attempts))
        for task in in_order(run.all_tasks)
        if task.attempts
    )
    step = next((step for step in _STEPS if length / step <= _MOST_TICKS), length / _MOST_TICKS)
    marks = [index * step for index in range(int(length / step) + 1)]
    return Chart(rows, tuple(Tick(100 * mark / length, _word_mark(mark)) for mark in marks if mark / length < 0.95))  # noqa: PLR2004 - a label beyond would leave the page


def _bar(run: Run, task: Task, attempt: Attempt, length: float) -> Bar:
    left = max((attempt.started_at - run.started_at).total_seconds(), 0) / length * 100
    width = max(min(attempt.seconds / length * 100, 100 - left), _NARROWEST)
    state = word_state(attempt.state, attempt.result)
    label = f"{task.name}, attempt {attempt.number + 1}: {state} in {word_seconds(attempt.seconds)}"
    return Bar(round(min(left, 100 - _NARROWEST), 3), round(width, 3), state, label)


def _word_mark(seconds: float) -> str:
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:g} s"
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}:{rest // 60:02d} h" if hours else f"{rest // 60}:{rest % 60:02d} min"
