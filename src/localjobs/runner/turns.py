"""How many runs of a job may be under way at once, and what becomes of one more."""

from enum import Enum, auto

from localjobs.runner.job_run import JobRun
from localjobs.runner.processes import is_alive
from localjobs.state.records import Run
from localjobs.state.store import Store
from localjobs.states import LifeCycle, Result

QUEUE_SECONDS = 0.5
"""How often a run that waits asks again."""


class Turn(Enum):
    """What a run is told that asks to begin."""

    BEGUN = auto()
    WAIT = auto()
    REFUSED = auto()


def ask_turn(run: JobRun) -> Turn:
    """Begin the run when its job allows one more; with a queue it waits, without one it is refused."""
    job, store = run.plan.job, run.means.store
    with store.transaction():
        if run.cancelled or _active_before(run.record, store) < max(job.max_concurrent_runs, 1):
            run.begin()
            return Turn.BEGUN
    if not job.queue.enabled:
        return Turn.REFUSED
    if run.record.state is not LifeCycle.QUEUED:
        run.wait_in_queue(f"waits: max_concurrent_runs is {job.max_concurrent_runs}")
    return Turn.WAIT


def refuse_turn(run: JobRun) -> Run:
    """End a run that found no place."""
    return run.skip(Result.MAXIMUM_CONCURRENT_RUNS_REACHED, "the job has as many runs under way as it allows")


def _active_before(run: Run, store: Store) -> int:
    """Runs of the same job that are under way, or that wait for their turn and came earlier."""
    others = [other for other in store.unfinished() if other.job_id == run.job_id and other.run_id != run.run_id]
    return sum(
        is_alive(other.runner) and (other.state is LifeCycle.RUNNING or other.created_at < run.created_at)
        for other in others
    )
