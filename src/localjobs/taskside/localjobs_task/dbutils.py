"""The parts of `dbutils` that a job's task can use on this machine."""

import os
import re

from .values import TaskValues

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


class DBUtils:
    """`dbutils`."""

    def __init__(self) -> None:
        """Offer jobs and secrets."""
        self.jobs = Jobs()
        self.secrets = Secrets()


def secret_variable(scope: str, key: str) -> str:
    """The environment variable that stands for a secret."""
    return SECRET_PREFIX + re.sub(r"[^A-Z0-9]", "_", f"{scope}_{key}".upper())
