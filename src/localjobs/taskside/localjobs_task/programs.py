"""What each kind of task runs. Each function gets the context of the attempt and returns the task's output."""

import os
import runpy
import sys
from pathlib import Path
from typing import Any

from .entry_points import find_entry_point


def run_program(context: dict[str, Any]) -> str:
    """Run what the context describes, by its kind."""
    return _RUN[context["kind"]](context)


def _run_wheel(context: dict[str, Any]) -> str:
    function = find_entry_point(context["package_name"], context["entry_point"])
    sys.argv = [context["entry_point"], *context["argv"]]
    returned = function()  # its value means nothing on Databricks either
    if returned not in {None, 0}:
        sys.stderr.write(f"localjobs: {context['entry_point']} returned {returned!r}, which does not fail a task\n")
    return ""


def _run_file(context: dict[str, Any]) -> str:
    file = _enter_folder_of(context)
    sys.argv = [str(file), *context["argv"]]
    runpy.run_path(str(file), run_name="__main__")
    return ""


def _run_notebook(context: dict[str, Any]) -> str:
    from .notebooks import run_notebook  # noqa: PLC0415 - a task pays for its own kind only

    return run_notebook(_enter_folder_of(context))


def _run_sql(context: dict[str, Any]) -> str:
    from .sql_files import run_sql_file  # noqa: PLC0415 - the same

    run_sql_file(Path(context["path"]), context["parameters"])
    return ""


def _enter_folder_of(context: dict[str, Any]) -> Path:
    """The folder of a script or notebook is the working directory, and modules beside it can be imported."""
    file = Path(context["path"])
    os.chdir(file.parent)
    sys.path.insert(0, str(file.parent))
    return file


_RUN = {
    "python_wheel_task": _run_wheel,
    "spark_python_task": _run_file,
    "notebook_task": _run_notebook,
    "sql_task": _run_sql,
}
