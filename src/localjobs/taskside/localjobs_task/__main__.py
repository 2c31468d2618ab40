"""Runs one attempt of one task: `python -m localjobs_task`."""

import sys
from typing import Any

from .attempt import attempt_folder, read_context
from .entry_points import find_entry_point
from .record import ResultRecord
from .watch import watch_runner


def main() -> None:
    """Do what the context of the attempt says, and record how it ended."""
    watch_runner()
    context = read_context()
    if context is None:
        sys.exit("localjobs_task is started by localjobs only")
    with ResultRecord(attempt_folder()):
        _RUN[context["kind"]](context)


def _run_wheel(context: dict[str, Any]) -> None:
    function = find_entry_point(context["package_name"], context["entry_point"])
    sys.argv = [context["entry_point"], *context["argv"]]
    returned = function()  # its value means nothing on Databricks either
    if returned not in {None, 0}:
        sys.stderr.write(f"localjobs: {context['entry_point']} returned {returned!r}, which does not fail a task\n")


_RUN = {"python_wheel_task": _run_wheel}

if __name__ == "__main__":
    main()
