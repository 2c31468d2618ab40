"""How many runs of a job may be under way at once, and what becomes of one more."""

from collections.abc import Callable

from localjobs.runner.job_run import JobRun
from localjobs.runner.plan import Plan
from localjobs.runner.processes import is_alive
from localjobs.state.records import Run
from localjobs.state.store import Store
from localjobs.states import LifeCycle, Result


def take_turn(plan: Plan, run: JobRun, store: Store, wait: Callable[[], None]) -> bool:
    """Begin the run when its job allows one more; with a queue it waits, without one the answer is False."""
    while not run.cancelled:
        with store.transaction():
            if _active_before(run.record, store) < max(plan.job.max_concurrent_runs, 1):
                run.begin()
                return True
        if not plan.job.queue.enabled:
            return False
        if run.record.state is not LifeCycle.QUEUED:
            run.wait_in_queue(f"waits: max_concurrent_runs is {plan.job.max_concurrent_runs}")
        wait()
    run.begin()
    return True


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
