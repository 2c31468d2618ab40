"""What is to run: a job with the parameters, the choices and the limits of one run."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from localjobs.bundle.resolve import Bundle
from localjobs.errors import BundleError
from localjobs.references import render
from localjobs.runner.facts import run_facts
from localjobs.runner.loading import load_job
from localjobs.runner.processes import identify
from localjobs.runner.selection import select_tasks
from localjobs.spec.job import Job
from localjobs.spec.task import Task
from localjobs.state import records

_FIRST_ID = 10**14  # ids have 15 digits, like the platform's


@dataclass(frozen=True)
class Plan:
    """A job that is fit to run, and the record with which its run begins."""

    bundle: Bundle
    job: Job
    run: records.Run
    max_parallel: int
    skip_unsupported: bool = False
    search: tuple[Path, ...] = ()
    """Folders in which tasks find Python packages before anywhere else."""

    def with_search(self, search: tuple[Path, ...]) -> "Plan":
        """The same plan, with packages to be found there first."""
        return replace(self, search=search)


def make_plan(
    bundle: Bundle,
    job_key: str,
    parameters: Mapping[str, str],
    only: str | None = None,
    max_parallel: int | None = None,
    *,
    skip_unsupported: bool = False,
    trigger: str = "ONE_TIME",
) -> Plan:
    """Check the job and fix everything that one run of it needs to know."""
    job = select_tasks(load_job(bundle, job_key, skip_unsupported=skip_unsupported), only)
    moment = records.now()
    run = records.Run(
        run_id=new_id(),
        job_id=int(job.id),
        job_key=job_key,
        job_name=job.name,
        bundle=bundle.name,
        target=bundle.target,
        created_at=moment,
        started_at=moment,
        tags=job.tags,
        trigger=trigger,
        variables=dict(bundle.given),
        only=only,
        runner=identify(os.getpid()),
        tasks=tuple(task_record(job, task) for task in job.tasks),
    )
    run = run.model_copy(update={"parameters": _parameters(job, run, parameters)})
    return Plan(bundle, job, run, max_parallel or os.cpu_count() or 1, skip_unsupported)


def new_id() -> int:
    """A fresh number in the range of the platform's run ids."""
    return _FIRST_ID + secrets.randbelow(9 * _FIRST_ID)


def task_record(job: Job, task: Task) -> records.Task:
    """The record with which a task begins."""
    return records.Task(
        task_key=task.task_key,
        kind=task.kinds[0],
        depends_on=tuple(records.Dependency(task_key=dep.task_key, outcome=dep.outcome) for dep in task.depends_on),
        run_if=task.run_if,
        max_retries=task.max_retries,
        compute=job.compute_of(task),
    )


def _parameters(job: Job, run: records.Run, given: Mapping[str, str]) -> tuple[records.Parameter, ...]:
    known = [parameter.name for parameter in job.parameters]
    for name in given:
        if name not in known:
            raise BundleError(f"job {run.job_key} has no parameter {name!r}; known are: {', '.join(known) or 'none'}")
    facts = run_facts(run)
    return tuple(
        records.Parameter(
            name=parameter.name,
            default=parameter.default,
            value=render(given.get(parameter.name, parameter.default), facts),
        )
        for parameter in job.parameters
    )
