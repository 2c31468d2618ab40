"""What a task does while it runs: each kind of task is an execution that is polled until it has an outcome."""

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from json import JSONDecodeError
from pathlib import Path
from typing import Any, Protocol

from localjobs.runner.processes import SessionProcess
from localjobs.state.records import Process
from localjobs.states import Result
from localjobs.taskside.localjobs_task.attempt import RESULT_FILE, VALUES_FILE, read_json


@dataclass(frozen=True)
class Outcome:
    """How an execution ended."""

    result: Result
    message: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    answer: str | None = None
    output: str = ""
    exit_code: int | None = None
    peak_memory_bytes: int | None = None
    cpu_seconds: float | None = None
    ended_at: datetime | None = None


class Execution(Protocol):
    """One attempt at work."""

    @property
    def process(self) -> Process | None:
        """The process that does the work, if there is one."""

    @property
    def started_run_id(self) -> int | None:
        """The run of another job that does the work, if there is one."""

    def poll(self) -> Outcome | None:
        """The outcome, once there is one."""

    def stop(self, result: Result, message: str) -> None:
        """Ask for an end; the outcome will be this one."""

    def kill(self) -> None:
        """Take the right to a tidy end away from an execution that was stopped."""


class Immediate:
    """An execution that was over as it began."""

    process = None
    started_run_id = None

    def __init__(self, outcome: Outcome) -> None:
        """Hold the outcome."""
        self._outcome = outcome

    def poll(self) -> Outcome:
        """The outcome."""
        return self._outcome

    def stop(self, result: Result, message: str) -> None:
        """Do nothing: it is over."""

    def kill(self) -> None:
        """Do nothing: it is over."""


class ProcessExecution:
    """A task in a process of its own, whose result record says how it ended."""

    started_run_id = None

    def __init__(self, command: list[str], cwd: Path, environment: Mapping[str, str], folder: Path, log: Path) -> None:
        """Start it; it ends if this process does, because it watches a pipe that only this process holds open."""
        reading, self._holding = os.pipe()
        try:
            self._session = SessionProcess(
                command, cwd, {**environment, "LOCALJOBS_RUNNER_PIPE": str(reading)}, log, reading
            )
        except OSError:
            os.close(self._holding)
            raise
        finally:
            os.close(reading)
        self._folder = folder
        self._stopped: tuple[Result, str] | None = None

    @property
    def process(self) -> Process:
        """The leader of the task's session."""
        return self._session.identity

    def poll(self) -> Outcome | None:
        """The outcome, once every process of the task has ended."""
        exit_code = self._session.poll()
        if exit_code is None:
            return None
        os.close(self._holding)
        values, problem = self._read(VALUES_FILE)
        result, message = self._stopped or self._judge(exit_code, problem)
        record = self._read(RESULT_FILE)[0]
        return Outcome(
            result,
            message,
            values,
            output=record.get("output", ""),
            exit_code=exit_code,
            peak_memory_bytes=max(self._session.peak_memory_bytes, record.get("peak_memory_bytes", 0)),
            cpu_seconds=max(self._session.cpu_seconds, record.get("cpu_seconds", 0.0)),
            ended_at=self._session.ended_at,
        )

    def stop(self, result: Result, message: str) -> None:
        """Send SIGTERM to the session, and SIGKILL after the grace period."""
        if self._stopped is None:
            self._stopped = (result, message)
            self._session.terminate()

    def kill(self) -> None:
        """Send SIGKILL to the session."""
        self._session.kill()

    def _judge(self, exit_code: int, problem: str) -> tuple[Result, str]:
        record, unreadable = self._read(RESULT_FILE)
        if record.get("state") == "SUCCESS" and exit_code == 0 and not problem:
            return Result.SUCCESS, ""
        return Result.FAILED, problem or unreadable or self._cause(exit_code, record)

    def _cause(self, exit_code: int, record: Mapping[str, Any]) -> str:
        if exit_code < 0:
            return _describe_signal(-exit_code, self._session.peak_memory_bytes)
        if record.get("state") == "FAILED":
            return str(record.get("error"))
        if record.get("state") == "SUCCESS":
            return f"the task succeeded, but its process then ended with exit status {exit_code}"
        return (
            f"the process ended with exit status {exit_code} and left no result: it did not return from its entry point"
        )

    def _read(self, name: str) -> tuple[dict[str, Any], str]:
        try:
            return read_json(self._folder / name), ""
        except FileNotFoundError:
            return {}, ""
        except (JSONDecodeError, UnicodeDecodeError) as error:
            return {}, f"{name} of the attempt is damaged: {error}"


def _describe_signal(number: int, peak: int) -> str:
    name = signal.Signals(number).name if number in set(signal.Signals) else str(number)
    text = f"the process was killed by {name}"
    if number == signal.SIGKILL:
        text += f", which is what the kernel does when memory runs out; the task's peak was {peak / 2**20:,.0f} MiB"
    return text
