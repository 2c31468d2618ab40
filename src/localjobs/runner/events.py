"""Attempt events, made from what is recorded of a run."""

from pathlib import Path

from localjobs.sinks import AttemptEvent
from localjobs.state.records import Attempt, Run, Task, now

WORKSPACE = "local"


def attempt_event(bundle_root: Path, run: Run, task: Task, attempt: Attempt) -> AttemptEvent:
    """The event of an attempt that has ended."""
    return AttemptEvent(
        workspace=WORKSPACE,
        target=run.target,
        bundle_root=bundle_root,
        job_key=run.job_key,
        job_name=run.job_name,
        job_id=run.job_id,
        job_run_id=run.run_id,
        task_key=task.task_key,
        task_run_id=attempt.task_run_id,
        attempt=attempt.number,
        started_at=attempt.started_at,
        ended_at=attempt.ended_at or now(),
        result_state=str(attempt.result),
        message=attempt.message,
        compute=task.compute,
        job_parameters={parameter.name: parameter.value for parameter in run.parameters},
        tags=run.tags,
        peak_memory_bytes=attempt.peak_memory_bytes,
        cpu_seconds=attempt.cpu_seconds,
    )
