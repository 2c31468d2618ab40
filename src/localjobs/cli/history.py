"""`localjobs runs`, `show`, `logs` and `cancel`: commands on runs that exist."""

import json
import os
import sys
import time
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from localjobs.cli.console import explaining_errors, output_console
from localjobs.cli.options import Format, Output, Root, RunId
from localjobs.cli.options import bundle_root as find_bundle
from localjobs.errors import RunError

if TYPE_CHECKING:
    from rich.table import Table

    from localjobs.state.records import Run
    from localjobs.state.store import Store

POLL_SECONDS = 0.5

JobFilter = Annotated[str | None, typer.Option("--job", help="Only runs of this job.")]
Limit = Annotated[int, typer.Option(help="How many, the newest first.")]
Open = Annotated[bool, typer.Option("--open", help="Open the run's page in a browser.")]
TaskKey = Annotated[str, typer.Argument(help="Key of the task.")]
AttemptNumber = Annotated[int | None, typer.Option("--attempt", min=0, help="From 0; the last one by default.")]


def open_store(bundle_root: Path) -> "Store":
    """The runs of the bundle, after those whose runner died have been ended."""
    from localjobs.state.store import Store

    store = Store(bundle_root)
    _end_dead_runs(store)
    return store


def _end_dead_runs(store: "Store") -> None:
    from localjobs.notifiers.notifier import installed_notifiers
    from localjobs.report.page import write_page
    from localjobs.runner.recovery import recover
    from localjobs.sinks import Sinks, installed_factories

    root = store.bundle_root
    for run in recover(
        store, lambda target: Sinks(installed_factories(), root, target), installed_notifiers(os.environ)
    ):
        write_page(run, root)


def await_end(store: "Store", run_id: int) -> "Run":
    """The run once it has ended, be it because its runner died."""
    while not (run := store.load(run_id)).ended:
        time.sleep(POLL_SECONDS)
        _end_dead_runs(store)
    return run


def runs(bundle_root: Root = None, job: JobFilter = None, limit: Limit = 20, output: Format = Output.TEXT) -> None:
    """List the runs of the bundle, the newest first.

    Exit status: 0, or 2 where there is no bundle.

    Example: localjobs runs --job training
    """
    from localjobs.api import as_api

    with explaining_errors():
        store = open_store(find_bundle(bundle_root))
        found = [store.load(run_id) for run_id in store.run_ids(job, limit=limit)]
        if output is Output.JSON:
            print(json.dumps({"runs": [as_api(run, store) for run in found]}, indent=2))  # noqa: T201
        else:
            console = output_console()
            console.print(_runs_table(found, console.width))


def _runs_table(found: "list[Run]", width: int) -> "Table":
    from rich.text import Text

    from localjobs.cli.styles import style_state
    from localjobs.cli.tables import make_table
    from localjobs.wording import word_seconds, word_state

    table = make_table(width)
    for name in ("run", "job", "target", "state", "started (UTC)", "time"):
        table.add_column(name, no_wrap=name not in {"job", "state"}, min_width=len(name), overflow="fold")
    for run in found:
        state = Text(word_state(run.state, run.result).replace("_", " "), style=style_state(run.state, run.result))
        started = run.started_at.strftime("%Y-%m-%d %H:%M")
        table.add_row(str(run.run_id), run.job_key, run.target, state, started, word_seconds(run.seconds))
    return table


def show(run_id: RunId, bundle_root: Root = None, output: Format = Output.TEXT, *, open_page: Open = False) -> None:
    """Show one run: its tasks, their values, its result.

    Exit status: 0, 1 for a run that does not exist, 2 where there is no bundle.

    Example: localjobs show 482219034512345 -o json
    """
    from localjobs.api import as_api
    from localjobs.cli.tables import print_run
    from localjobs.report.page import write_page

    with explaining_errors():
        store = open_store(find_bundle(bundle_root))
        run = store.load(run_id)
        if output is Output.JSON:
            print(json.dumps(as_api(run, store), indent=2))  # noqa: T201 - the result of the command
        else:
            print_run(run, store.bundle_root, output_console())
        if open_page:
            webbrowser.open(write_page(run, store.bundle_root).as_uri())


def logs(run_id: RunId, task: TaskKey, attempt: AttemptNumber = None, bundle_root: Root = None) -> None:
    """Print what an attempt of a task printed.

    Exit status: 0, 1 for a run, a task or an attempt that does not exist, 2 where there is no bundle.

    Example: localjobs logs 482219034512345 train --attempt 0
    """
    with explaining_errors():
        store = open_store(find_bundle(bundle_root))
        log = _find_log(store, store.load(run_id), task, attempt)
        sys.stdout.write(log.read_text(encoding="utf-8", errors="replace"))


def _find_log(store: "Store", run: "Run", task_key: str, number: int | None) -> Path:
    from localjobs.state.folders import log_file

    task = run.task(task_key)
    if task is None:
        raise RunError(
            f"run {run.run_id} has no task {task_key!r}; its tasks: {', '.join(t.task_key for t in run.tasks)}"
        )
    if not task.attempts:
        raise RunError(f"{task_key} has had no attempt: {task.result or task.state} {task.message}")
    log = log_file(store.bundle_root, run.run_id, task_key, task.attempts[-1].number if number is None else number)
    if not log.is_file():
        numbers = ", ".join(str(attempt.number) for attempt in task.attempts)
        raise RunError(f"no log of that attempt of {task_key}; its attempts: {numbers}")
    return log


def cancel(run_id: RunId, bundle_root: Root = None) -> None:
    """Cancel a run that is under way; its runner ends all tasks.

    Exit status: 0, 1 for a run that does not exist or has ended, 2 where there is no bundle.

    Example: localjobs cancel 482219034512345
    """
    with explaining_errors():
        open_store(find_bundle(bundle_root)).request_cancel(run_id)
        output_console().print(f"run {run_id}: asked to cancel")
