"""The parts of `dbutils` that a job's task can use on this machine."""

import os
import re
from collections.abc import Mapping
from functools import cache
from typing import NoReturn

from .attempt import read_context
from .values import TaskValues
from .widgets import Widgets

SECRET_PREFIX = "LOCALJOBS_SECRET_"  # noqa: S105 - the name of a variable, not a secret


class Jobs:
    """`dbutils.jobs`."""

    def __init__(self) -> None:
        """Offer task values."""
        self.taskValues = TaskValues()


class Secrets:
    """`dbutils.secrets`, read from environment variables."""

    def get(self, scope: str, key: str) -> str:
        """The secret, from LOCALJOBS_SECRET_<SCOPE>_<KEY> in capitals, other characters replaced by `_`."""
        name = secret_variable(scope, key)
        if name not in os.environ:
            raise ValueError(f"Secret does not exist with scope: {scope} and key: {key}; set the variable {name}.")
        return os.environ[name]


class NotebookExit(Exception):  # noqa: N818 - no error: the notebook has said all that it had to say
    """Ends a notebook; like the platform's, a careless `except Exception` of the notebook catches it."""

    def __init__(self, value: str) -> None:
        """End with `value`."""
        super().__init__(value)
        self.value = value


class Notebook:
    """`dbutils.notebook`."""

    def exit(self, value: object) -> NoReturn:
        """End the notebook; `value` becomes the task's output."""
        raise NotebookExit(str(value))


class DBUtils:
    """`dbutils`."""

    def __init__(self, parameters: Mapping[str, str] | None = None) -> None:
        """Offer jobs, secrets, notebook, and widgets that have these values."""
        self.jobs = Jobs()
        self.notebook = Notebook()
        self.secrets = Secrets()
        self.widgets = Widgets(parameters or {})


@cache
def shared_dbutils() -> DBUtils:
    """The one `dbutils` of this process."""
    return DBUtils((read_context() or {}).get("parameters", {}))


def secret_variable(scope: str, key: str) -> str:
    """The environment variable that stands for a secret."""
    return SECRET_PREFIX + re.sub(r"[^A-Z0-9]", "_", f"{scope}_{key}".upper())
