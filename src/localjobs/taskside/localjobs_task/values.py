"""Task values, with the limits of `dbutils.jobs.taskValues`."""

import json
from typing import Any

from .attempt import VALUES_FILE, attempt_folder, read_context, read_json, write_json

MAX_BYTES = 48 * 1024


class TaskValues:
    """Small results that a task hands to later tasks of the same run."""

    def set(self, key: str, value: Any) -> None:
        """Store a JSON value of at most 48 KiB; outside a job nothing happens."""
        encoded = _encode(key, value)
        if read_context() is None:
            return
        file = attempt_folder() / VALUES_FILE
        write_json(file, {**(read_json(file) if file.exists() else {}), key: json.loads(encoded)})

    def get(self, taskKey: str, key: str, default: Any = None, debugValue: Any = None) -> Any:  # noqa: N803
        """The value that the task `taskKey` set; without it the default, and without that a ValueError.

        Outside a job `debugValue` is returned, and without one a TypeError is raised, as on Databricks.
        """
        context = read_context()
        if context is None:
            if debugValue is None:
                raise TypeError(
                    "Must pass debugValue when calling get outside of a job context. debugValue cannot be None."
                )
            return debugValue
        values = context["values"].get(taskKey, {})
        if key not in values and default is None:
            known = ", ".join(sorted(values)) or "nothing"
            raise ValueError(
                f"No task value found with task key '{taskKey}' and key '{key}'; {taskKey} has set: {known}."
            )
        return values.get(key, default)


def _encode(key: str, value: Any) -> str:
    try:
        encoded = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"The task value '{key}' cannot be represented as JSON: {error}") from error
    size = len(encoded.encode())
    if size > MAX_BYTES:
        raise ValueError(f"The task value '{key}' has {size} bytes of JSON; the limit is {MAX_BYTES} (48 KiB).")
    return encoded
