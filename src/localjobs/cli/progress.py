"""Progress of a run: a live table on a terminal, one line for each change elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from localjobs.cli.styles import style_state
from localjobs.cli.tables import task_table
from localjobs.runner.means import Listener
from localjobs.state.records import Run, Task
from localjobs.states import LifeCycle
from localjobs.wording import word_seconds, word_state


@contextmanager
def showing_progress(console: Console) -> Iterator[Listener]:
    """A listener that shows what happens on `console`."""
    lines = _Lines(console)
    if not console.is_terminal:
        yield lines.hear
        return
    table = _Table(lines, console)
    with Live(console=console, get_renderable=table.render, refresh_per_second=2, transient=True):
        yield table.hear


class _Lines:
    """One line a change."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._warned = 0
        self._said: dict[str, str] = {}

    def hear(self, run: Run, task: Task | None) -> None:
        self.warn(run)
        if task is not None:
            self._say(f"{task.task_key}: ", task, _detail(task))
        elif run.state is not LifeCycle.RUNNING or run.message:
            self._say("run: ", run, run.message)

    def warn(self, run: Run) -> None:
        for warning in run.warnings[self._warned :]:
            self._console.print(Text(f"warning: {warning}", style="yellow"), soft_wrap=True)
        self._warned = len(run.warnings)

    def _say(self, prefix: str, what: Run | Task, detail: str) -> None:
        state = word_state(what.state, what.result)
        line = f"{prefix}{state}{f'  {detail}' if detail else ''}"
        shown = isinstance(what, Run) or what.state is not LifeCycle.QUEUED
        if shown and line != self._said.get(prefix):
            text = Text.assemble(prefix, (state, style_state(what.state, what.result)), f"  {detail}" if detail else "")
            self._console.print(text, soft_wrap=True)
        self._said[prefix] = line


class _Table:
    """The whole table, redrawn twice a second, so that its times go on."""

    def __init__(self, lines: _Lines, console: Console) -> None:
        self._lines = lines
        self._console = console
        self._run: Run | None = None

    def hear(self, run: Run, _task: Task | None) -> None:
        self._lines.warn(run)
        self._run = run

    def render(self) -> RenderableType:
        return Text("starting") if self._run is None else task_table(self._run, self._console.width)


def _detail(task: Task) -> str:
    number = len(task.attempts)
    attempt = f"attempt {number}" if number > 1 or task.state is LifeCycle.WAITING_FOR_RETRY else ""
    took = f"in {word_seconds(task.seconds)}" if task.ended and task.attempts else ""
    done = sum(one.ended for one in task.iterations)
    share = f"{done} of {len(task.iterations)} iterations" if task.iterations and not task.ended else ""
    return "  ".join(filter(None, (attempt, share, took, task.message)))
