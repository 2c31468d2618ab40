"""The states of runs and tasks, spelled as in the Jobs API."""

from enum import StrEnum


class LifeCycle(StrEnum):
    """How far a run, a task or an attempt has come."""

    BLOCKED = "BLOCKED"
    """Waits for the tasks it depends on."""
    QUEUED = "QUEUED"
    """Waits for a free slot."""
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    WAITING_FOR_RETRY = "WAITING_FOR_RETRY"
    TERMINATED = "TERMINATED"
    SKIPPED = "SKIPPED"
    """A further run of a job that allows no more at once."""
    INTERNAL_ERROR = "INTERNAL_ERROR"
    """The runner died before the run ended."""


ENDED = frozenset({LifeCycle.TERMINATED, LifeCycle.SKIPPED, LifeCycle.INTERNAL_ERROR})


class Result(StrEnum):
    """How a run, a task or an attempt ended."""

    SUCCESS = "SUCCESS"
    SUCCESS_WITH_FAILURES = "SUCCESS_WITH_FAILURES"
    FAILED = "FAILED"
    TIMEDOUT = "TIMEDOUT"
    CANCELED = "CANCELED"
    EXCLUDED = "EXCLUDED"
    UPSTREAM_FAILED = "UPSTREAM_FAILED"
    UPSTREAM_CANCELED = "UPSTREAM_CANCELED"
    DISABLED = "DISABLED"
    MAXIMUM_CONCURRENT_RUNS_REACHED = "MAXIMUM_CONCURRENT_RUNS_REACHED"


OK = frozenset({Result.SUCCESS, Result.SUCCESS_WITH_FAILURES})
"""Results that make the exit status of `localjobs run` 0."""
