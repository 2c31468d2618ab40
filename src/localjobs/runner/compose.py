"""Starts an attempt of any kind: a loop over inputs, a run of another job, or one process."""

import os
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from localjobs.compute.lease import LeasedExecution
from localjobs.compute.shared import SharedCompute
from localjobs.errors import BundleError, TaskStartError
from localjobs.references import Facts, input_facts, render
from localjobs.runner.executions import Execution
from localjobs.runner.facts import attempt_facts
from localjobs.runner.for_each import ForEachExecution, read_inputs
from localjobs.runner.job_run import JobRun
from localjobs.runner.launch import Start, cluster_environment, start_attempt
from localjobs.runner.loading import find_job
from localjobs.runner.plan import make_plan
from localjobs.runner.run_job import RunJobExecution
from localjobs.runner.task_run import TaskRun
from localjobs.spec.task import ForEachTask, RunJobTask
from localjobs.state import records
from localjobs.state.folders import compute_log

RUN_JOB_TRIGGER = "RUN_JOB_TASK"


def start_any(run: JobRun, task: TaskRun, attempt: records.Attempt) -> Execution:
    """Start the attempt; a TaskStartError says why it cannot start."""
    facts = _facts(run, task, attempt)
    if task.task.for_each_task is not None:
        return _start_loop(run, task, task.task.for_each_task, facts)
    if task.task.run_job_task is not None:
        return _start_job(run, task.task.run_job_task, facts)
    compute = run.plan.job.compute_of(task.task) or {}
    plan, name = run.plan, task.record.name
    start = Start(plan.bundle.root, run.record, task.task, name, attempt.number, facts, compute, plan.search)
    if run.means.shared is None or not task.needs_slot:
        return start_attempt(start)
    return _start_leased(run.means.shared, run.plan.job.compute_key(task.task), start, f"attempt-{attempt.task_run_id}")


def _start_leased(shared: SharedCompute, compute_key: str, start: Start, user: str) -> Execution:
    """Start the attempt with a way to the server of its cluster."""
    root, run_id = start.bundle_root, start.run.run_id
    environment = cluster_environment(os.environ, start.compute, start.search)
    log = compute_log(root, run_id, compute_key)
    lease = shared.lease((run_id, compute_key), user, root, environment, log)
    with ExitStack() as undo:
        undo.callback(lease.release)
        execution = start_attempt(replace(start, lent=lease.environment))
        undo.pop_all()
    return LeasedExecution(execution, lease)


def _facts(run: JobRun, task: TaskRun, attempt: records.Attempt) -> Facts:
    facts = attempt_facts(run.record, task.record.task_key, attempt.task_run_id, attempt.number)
    return facts if task.record.iteration is None else {**facts, **input_facts(task.record.input)}


def _start_loop(run: JobRun, parent: TaskRun, loop: ForEachTask, facts: Facts) -> Execution:
    """Iterations that succeeded with the same input before are not run again."""
    earlier = {one.iteration: one for one in parent.record.iterations}
    fresh = records.Task(
        task_key=loop.task.task_key,
        kind=loop.task.kinds[0],
        max_retries=loop.task.max_retries,
        compute=run.plan.job.compute_of(loop.task),
    )
    iterations = []
    for number, value in enumerate(read_inputs(loop, facts)):
        known = earlier.get(number, fresh.model_copy(update={"iteration": number, "input": value}))
        kept = known.succeeded and known.input == value
        record = known if kept else known.restarted().model_copy(update={"input": value})
        iterations.append(TaskRun(loop.task, record, partial(start_any, run), _report_nothing))
    return ForEachExecution(parent, iterations, run.drive)


def _report_nothing(_record: records.Task) -> None:
    """The loop reports its iterations together."""


def _start_job(run: JobRun, settings: RunJobTask, facts: Facts) -> Execution:
    key, job = find_job(run.plan.bundle, settings.job_id)
    declared = {parameter.name for parameter in job.parameters}
    pushed = {one.name: one.value for one in run.record.parameters if one.name in declared}
    given = {name: render(text, facts) for name, text in settings.job_parameters.items()}
    try:
        skip = run.plan.skip_unsupported
        plan = make_plan(run.plan.bundle, key, {**given, **pushed}, skip_unsupported=skip, trigger=RUN_JOB_TRIGGER)
    except BundleError as error:
        raise TaskStartError(str(error)) from error
    return RunJobExecution(JobRun(plan.with_search(run.plan.search), run.means.lend()))
