"""What is known of a run, its tasks and their attempts. Times are UTC."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from localjobs.states import ENDED, OK, LifeCycle, Result

_BEGAN_AT, _BEGAN = datetime.now(UTC), time.monotonic()


def now() -> datetime:
    """This moment, in UTC, by a clock that is set when the process starts and never again.

    So a clock of the machine that jumps neither ends an attempt nor falsifies how long it took. While a laptop sleeps
    this clock stands still: an attempt may go on afterwards, and what follows bears times that lag by the sleep.
    """
    return _BEGAN_AT + timedelta(seconds=time.monotonic() - _BEGAN)


class Record(BaseModel):
    """A frozen value that is stored as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)  # at first use: --help needs none


class Process(Record):
    """A process, told apart from a later one of the same number by its time of creation."""

    pid: int
    created: float


class Attempt(Record):
    """One attempt of a task, with the run id that the platform would give to it."""

    task_run_id: int
    number: int
    state: LifeCycle = LifeCycle.RUNNING
    result: Result | None = None
    message: str = ""
    started_at: datetime
    ended_at: datetime | None = None
    exit_code: int | None = None
    peak_memory_bytes: int | None = None
    cpu_seconds: float | None = None
    """Processor time of all its processes."""
    process: Process | None = None
    output: str = ""
    """What a notebook gave to `dbutils.notebook.exit`."""
    started_run_id: int | None = None
    """The run of the other job that a run_job_task started."""
    columns: dict[str, Any] = Field(default_factory=dict)
    """What the sinks say of the attempt, for instance its cost."""

    @property
    def seconds(self) -> float:
        """How long the attempt took, or has taken so far."""
        return ((self.ended_at or now()) - self.started_at).total_seconds()


class Dependency(Record):
    """An edge of the graph."""

    task_key: str
    outcome: str | None = None


class Task(Record):
    """One task of a run."""

    task_key: str
    kind: str
    depends_on: tuple[Dependency, ...] = ()
    run_if: str = "ALL_SUCCESS"
    max_retries: int = 0
    state: LifeCycle = LifeCycle.BLOCKED
    result: Result | None = None
    message: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    attempts: tuple[Attempt, ...] = ()
    values: dict[str, Any] = Field(default_factory=dict)
    outcome: str | None = None
    """The answer of a condition."""
    compute: dict[str, Any] | None = None
    iteration: int | None = None
    """Which iteration of a for_each_task this is."""
    input: Any = None
    iterations: tuple["Task", ...] = ()
    """The iterations of a for_each_task."""

    @property
    def name(self) -> str:
        """The key, and for an iteration its number: `score[3]`."""
        return self.task_key if self.iteration is None else f"{self.task_key}[{self.iteration}]"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to the task."""
        return self.state in ENDED

    @property
    def succeeded(self) -> bool:
        """Whether the task has run and succeeded."""
        return self.result in OK

    def restarted(self) -> "Task":
        """The task before it runs once more: what it did so far stays, what came of it is forgotten."""
        blank = {"state": LifeCycle.BLOCKED, "result": None, "message": "", "ended_at": None}
        return self.model_copy(update={**blank, "values": {}, "outcome": None})

    @property
    def seconds(self) -> float:
        """Seconds of all attempts together."""
        return sum(attempt.seconds for attempt in self.attempts)


class Parameter(Record):
    """A job parameter, as declared and as this run has it."""

    name: str
    default: str
    value: str


class Notification(Record):
    """Somebody who is told of something."""

    occasion: str
    """As in the settings: `on_failure`."""
    task: str | None = None
    """The task or iteration that it is about; None for the run."""
    channel: Literal["email", "webhook"]
    to: str
    """An address, or the id of a destination."""
    text: str
    at: datetime
    delivery: str = "under way"


class Repair(Record):
    """One repair of a run."""

    repair_id: int
    started_at: datetime
    ended_at: datetime | None = None
    state: LifeCycle = LifeCycle.RUNNING
    result: Result | None = None
    task_keys: tuple[str, ...] = ()
    """The tasks that were run again."""


class Run(Record):
    """One run of a job."""

    run_id: int
    job_id: int
    job_key: str
    job_name: str
    bundle: str
    target: str
    trigger: str = "ONE_TIME"
    state: LifeCycle = LifeCycle.PENDING
    result: Result | None = None
    message: str = ""
    created_at: datetime
    started_at: datetime
    ended_at: datetime | None = None
    parameters: tuple[Parameter, ...] = ()
    tags: dict[str, str] = Field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    variables: dict[str, str] = Field(default_factory=dict)
    """The values given by --var."""
    only: str | None = None
    """The part of the job that was asked for."""
    original: Repair | None = None
    """How the run stood before its first repair."""
    repairs: tuple[Repair, ...] = ()
    notifications: tuple[Notification, ...] = ()
    runner: Process
    tasks: tuple[Task, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether the run is over."""
        return self.state in ENDED

    @property
    def seconds(self) -> float:
        """How long the run took, or has taken so far."""
        return ((self.ended_at or now()) - self.started_at).total_seconds()

    @property
    def all_tasks(self) -> tuple[Task, ...]:
        """All tasks, each followed by its iterations."""
        return tuple(one for task in self.tasks for one in (task, *task.iterations))

    def task(self, name: str) -> Task | None:
        """The task or iteration with this name, if the run has one."""
        return next((task for task in self.all_tasks if task.name == name), None)
