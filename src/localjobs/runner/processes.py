"""A process in a session of its own, which is measured and ended whole."""

import contextlib
import math
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

import psutil

from localjobs.state.records import Process, now

MEASURE_SECONDS = 0.5
GRACE_SECONDS = 5.0
"""How long a task has between SIGTERM and SIGKILL."""


class SessionProcess:
    """A command with all the processes that it starts; they share its session even where they leave its group."""

    def __init__(self, command: list[str], cwd: Path, environment: Mapping[str, str], log: Path, pipe: int) -> None:
        """Start the command; standard output and standard error go to `log`, `pipe` stays open in it."""
        with log.open("ab") as output:
            self._popen = subprocess.Popen(  # noqa: S603 - the command is the runner's own
                command,
                cwd=cwd,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(pipe,),
            )
        self.identity = identify(self._popen.pid)
        self.peak_memory_bytes = 0
        self._cpu: dict[int, float] = {}
        self.ended_at: datetime | None = None
        self._measured_at = 0.0
        self._kill_at = math.inf
        self._waiter = threading.Thread(target=self._wait, name=f"wait-{self._popen.pid}", daemon=True)
        self._waiter.start()

    def poll(self) -> int | None:
        """The exit code once the command has ended and nothing of its session is left; negative for a signal."""
        if self.ended_at is None:
            self._measure()
            if time.monotonic() >= self._kill_at:
                self.kill()
            return None
        return self._popen.returncode if self._is_clear(self.ended_at) else None

    @property
    def cpu_seconds(self) -> float:
        """Processor time of all processes so far; what one did after it was last looked at is not in it."""
        return sum(self._cpu.values())

    def terminate(self) -> None:
        """Ask the session to end; what is left after the grace period is killed."""
        self._kill_at = time.monotonic() + GRACE_SECONDS
        signal_session(self.identity.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End the session at once."""
        signal_session(self.identity.pid, signal.SIGKILL)

    def _wait(self) -> None:
        """In a thread of its own, so that the end is noted when it happens, whatever the runner is busy with."""
        self._popen.wait()
        self.ended_at = now()

    def _is_clear(self, ended_at: datetime) -> bool:
        """Kill whatever the command left running; True when it is gone, or has resisted for too long."""
        if not members(self.identity.pid):
            return True
        self.kill()
        return (now() - ended_at).total_seconds() > GRACE_SECONDS

    def _measure(self) -> None:
        if time.monotonic() - self._measured_at < MEASURE_SECONDS:
            return
        self._measured_at = time.monotonic()
        pids = members(self.identity.pid)
        self.peak_memory_bytes = max(self.peak_memory_bytes, memory_of(pids))
        self._cpu |= cpu_of(pids)


def identify(pid: int) -> Process:
    """The process with its time of creation."""
    try:
        return Process(pid=pid, created=_born(psutil.Process(pid)))
    except psutil.NoSuchProcess:
        return Process(pid=pid, created=0.0)


def is_alive(process: Process) -> bool:
    """Whether this very process still runs."""
    try:
        found = psutil.Process(process.pid)
        return _born(found) == process.created and found.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _born(process: psutil.Process) -> float:
    """When a process was created, by a number that does not change when the clock is set: ticks since the boot."""
    stat = Path(f"/proc/{process.pid}/stat")
    if not stat.exists():  # no Linux, or ended this moment
        return process.create_time()
    with contextlib.suppress(OSError):
        return float(stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19])
    raise psutil.NoSuchProcess(process.pid)


def members(session: int) -> list[int]:
    """The processes of a session, those that have ended and wait to be reaped left out."""
    found = []
    for pid in psutil.pids():
        with contextlib.suppress(OSError, psutil.Error):
            if os.getsid(pid) == session and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                found.append(pid)
    return found


def memory_of(pids: Iterable[int]) -> int:
    """Resident bytes of the processes together; pages that they share count for each."""
    total = 0
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            total += psutil.Process(pid).memory_info().rss
    return total


def cpu_of(pids: Iterable[int]) -> dict[int, float]:
    """Seconds of processor time that each process has had."""
    found = {}
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            times = psutil.Process(pid).cpu_times()
            found[pid] = times.user + times.system
    return found


def signal_session(session: int, number: signal.Signals) -> None:
    """Send a signal to every process of a session."""
    for pid in members(session):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
