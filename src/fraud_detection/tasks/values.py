"""Task values: what a task tells the tasks after it, and the people who read the run."""

import importlib.util
import logging
from collections.abc import Mapping

log = logging.getLogger(__name__)

Value = str | int | float | bool | list[str]


def set_task_values(values: Mapping[str, Value]) -> None:
    """Publish values of the running task; outside of a job there is nobody to tell, so they are only logged."""
    in_job = importlib.util.find_spec("dbruntime") is not None
    for key, value in values.items():
        log.info("%s = %s", key, value)
        if in_job:
            from databricks.sdk.runtime import dbutils  # noqa: PLC0415  outside of a job it would want a workspace

            dbutils.jobs.taskValues.set(key=key, value=value)
