"""`localjobs schedule`."""

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from localjobs.cli.console import explaining_errors, output_console, progress_console
from localjobs.cli.options import Force, Root, Target, Variables, make_request

if TYPE_CHECKING:
    from rich.console import Console

    from localjobs.runner.drive import Interrupts
    from localjobs.scheduling import Timer

TRIGGER = "PERIODIC"
POLL_SECONDS = 0.2

JobOption = Annotated[str | None, typer.Option("--job", help="Only this job.")]
EvenPaused = Annotated[bool, typer.Option("--even-paused", help="Also schedules that are paused.")]
Next = Annotated[int, typer.Option("--next", min=0, metavar="N", help="Only print the next N times, and end.")]


def schedule(
    target: Target = None,
    bundle_root: Root = None,
    var: Variables = None,
    job: JobOption = None,
    *,
    even_paused: EvenPaused = False,
    force: Force = False,
    upcoming: Next = 0,
) -> None:
    """Run jobs by their quartz cron or periodic trigger, in the foreground, until Ctrl-C.

    A run that is due while an earlier one goes on waits or is skipped, as the job's queue says. Exit status: 0 after
    Ctrl-C or SIGTERM, 2 for a bundle that is refused.

    Example: localjobs schedule --job training --even-paused
    """
    from localjobs.bundle.resolve import deploy
    from localjobs.scheduling import make_timers

    with explaining_errors():
        request = make_request(bundle_root, target, var, force=force)
        bundle = deploy(request)
        timers = make_timers(bundle, job, _now(), even_paused=even_paused)
        variables = [word for name, value in request.variables.items() for word in ("--var", f"{name}={value}")]
        if upcoming:
            _print_upcoming(timers, upcoming)
            return
        options = ["--trigger", TRIGGER, "-t", bundle.target, *variables, *(["--force"] if force else [])]
        command = [sys.executable, "-m", "localjobs", "run", *options]
        _run_when_due(timers, command, bundle.root, progress_console())


def _print_upcoming(timers: "list[Timer]", count: int) -> None:
    console = output_console()
    for due, timer in _upcoming(timers, count):
        console.print(f"{due.isoformat(timespec='seconds')}  {timer.job_key}")


def _upcoming(timers: "list[Timer]", count: int) -> "Iterator[tuple[datetime, Timer]]":
    moment = _now()
    for _ in range(count):
        due = _next(timers, moment)
        if not due:
            return
        moment = due[0][0]
        yield from due


def _next(timers: "list[Timer]", moment: datetime) -> "list[tuple[datetime, Timer]]":
    """The timers that are due next, at the same time."""
    times = [(due, timer) for timer in timers if (due := timer.next_after(moment)) is not None]
    first = min((due for due, _ in times), default=None)
    return [(due, timer) for due, timer in times if due == first]


def _run_when_due(timers: "list[Timer]", command: list[str], root: Path, console: "Console") -> None:
    from localjobs.runner.drive import catching_signals

    running: list[subprocess.Popen[bytes]] = []
    with catching_signals() as interrupts:
        while not interrupts.count:
            due = _next(timers, _now())
            if not due:
                break
            names = ", ".join(timer.job_key for _, timer in due)
            console.print(f"next: {names} at {due[0][0].isoformat(timespec='seconds')}")
            if _wait_until(due[0][0], interrupts):
                running += [subprocess.Popen([*command, timer.job_key], cwd=root) for _, timer in due]  # noqa: S603 - this very program
            running = [process for process in running if process.poll() is None]
        for process in running:
            process.terminate()
        for process in running:
            process.wait()


def _wait_until(moment: datetime, interrupts: "Interrupts") -> bool:
    """False if a signal came first."""
    while not interrupts.count and _now() < moment:
        time.sleep(min(POLL_SECONDS, max((moment - _now()).total_seconds(), 0.0)))
    return not interrupts.count


def _now() -> datetime:
    """The time of the machine's clock, which is what a schedule goes by."""
    return datetime.now(UTC)
