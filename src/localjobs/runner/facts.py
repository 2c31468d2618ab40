"""What `{{…}}` references can name in one run."""

from collections.abc import Iterable
from typing import Any

from localjobs.references import Facts, time_facts
from localjobs.state.records import Run, Task

LOCAL_WORKSPACE = {"workspace.id": "0", "workspace.url": "https://localhost"}


def run_facts(run: Run) -> dict[str, Any]:
    """Facts of the run itself, without its parameters."""
    return {
        **LOCAL_WORKSPACE,
        "job.id": run.job_id,
        "job.name": run.job_name,
        "job.run_id": run.run_id,
        "job.repair_count": len(run.repairs),
        "job.trigger.type": run.trigger.lower(),
        **time_facts("job.start_time", run.created_at),
    }


def attempt_facts(run: Run, task_key: str, task_run_id: int, number: int) -> Facts:
    """All facts that one attempt can refer to when it starts."""
    return {
        **run_facts(run),
        **{f"job.parameters.{parameter.name}": parameter.value for parameter in run.parameters},
        **_tasks_facts(run.tasks),
        "task.name": task_key,
        "task.run_id": task_run_id,
        "task.execution_count": number + 1,
    }


def _tasks_facts(tasks: Iterable[Task]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for task in tasks:
        if not task.ended or task.result is None:
            continue
        prefix = f"tasks.{task.task_key}"
        facts[f"{prefix}.result_state"] = task.result.lower()
        facts[f"{prefix}.error_code"] = "" if task.result == "SUCCESS" else str(task.result)
        facts[f"{prefix}.execution_count"] = len(task.attempts)
        facts[f"{prefix}.run_id"] = task.attempts[-1].task_run_id if task.attempts else 0
        facts |= {f"{prefix}.values.{key}": value for key, value in task.values.items()}
    return facts
