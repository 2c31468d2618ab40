"""Attempt events, and the sinks that receive them: plug-ins of the entry-point group `localjobs.sinks`."""

import json
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

GROUP = "localjobs.sinks"
DEVELOPERS_WARNINGS = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)


@dataclass(frozen=True)
class AttemptEvent:
    """An attempt that has ended, however it ended. Conditions use no compute, so there are none of theirs."""

    workspace: str
    target: str
    bundle_root: Path
    job_key: str
    job_name: str
    job_id: int
    job_run_id: int
    task_key: str
    task_run_id: int
    attempt: int
    """From 0, like the API's attempt_number; `{{task.execution_count}}` is one more."""
    started_at: datetime
    ended_at: datetime
    result_state: str
    message: str
    compute: Mapping[str, Any] | None
    """The settings of the cluster or environment that the task has on Databricks."""
    job_parameters: Mapping[str, str]
    tags: Mapping[str, str]
    peak_memory_bytes: int | None = None
    """The most that all processes of the attempt held at a time, where somebody measured it."""
    cpu_seconds: float | None = None
    """Their processor time."""


class Sink(Protocol):
    """Receives attempts; may also have `close()`, called when the run has ended."""

    def attempt_finished(self, event: AttemptEvent) -> Mapping[str, object]:
        """Take note of an attempt; what is returned is kept with it and shown as columns."""


MakeSink = Callable[[Path, str], Sink]
"""What an entry point of the group names: called with the bundle's root and the target."""


class Sinks:
    """All sinks of a run. What a sink warns of, or fails of, becomes a warning of the run, never its result."""

    def __init__(self, factories: Mapping[str, Callable[[], MakeSink]], bundle_root: Path, target: str) -> None:
        """Make a sink by each factory; factories are loaded here, so that a broken one only warns."""
        self._warnings: list[str] = []
        self._sinks: dict[str, Sink] = {}
        for name, load in factories.items():
            sink = self._guard(name, partial(_make, load, bundle_root, target))
            if sink is not None:
                self._sinks[name] = sink

    def attempt_finished(self, event: AttemptEvent) -> dict[str, object]:
        """Tell all sinks, and gather what they return."""
        columns: dict[str, object] = {}
        for name, sink in self._sinks.items():
            columns |= self._guard(name, partial(_tell, sink, event)) or {}
        return columns

    def close(self) -> None:
        """Close the sinks that can be closed."""
        for name, sink in self._sinks.items():
            close = getattr(sink, "close", None)
            if close is not None:
                self._guard(name, close)

    def take_warnings(self) -> list[str]:
        """The warnings since this was last asked."""
        taken, self._warnings = self._warnings, []
        return taken

    def _guard(self, name: str, call: Callable[[], Any]) -> Any:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                result = call()
            except Exception as error:  # noqa: BLE001 - the code is a plug-in's: none of its faults may fail a run
                self._warnings.append(f"sink {name} failed: {type(error).__name__}: {error}")
                result = None
        self._warnings += [f"{name}: {warning.message}" for warning in caught if _concerns_user(warning)]
        return result


def _make(load: Callable[[], MakeSink], bundle_root: Path, target: str) -> Sink:
    return load()(bundle_root, target)


def _tell(sink: Sink, event: AttemptEvent) -> dict[str, object]:
    """What the sink answers, as JSON can hold it."""
    answer: dict[str, object] = json.loads(json.dumps(dict(sink.attempt_finished(event) or {}), default=str))
    return answer


def _concerns_user(warning: warnings.WarningMessage) -> bool:
    """Whether the sink warns its user, rather than a library its developers."""
    return not issubclass(
        warning.category, (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)
    )


def installed_factories() -> dict[str, Callable[[], MakeSink]]:
    """The factories of all installed sinks, not yet loaded."""
    return {point.name: point.load for point in entry_points(group=GROUP)}


@dataclass
class RecordingSink:
    """A sink for tests: keeps the events, and answers with `columns`."""

    columns: Mapping[str, object] = field(default_factory=dict)
    events: list[AttemptEvent] = field(default_factory=list)
    closed: bool = False

    def attempt_finished(self, event: AttemptEvent) -> Mapping[str, object]:
        """Keep the event."""
        self.events.append(event)
        return self.columns

    def close(self) -> None:
        """Note that it was closed."""
        self.closed = True

    def tasks(self) -> Iterable[str]:
        """The keys of the tasks whose attempts were received."""
        return [event.task_key for event in self.events]
