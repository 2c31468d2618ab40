"""joblib's road to Spark's workers; imported only where the search runs there."""

from typing import Any, Final

from joblib import register_parallel_backend  # type: ignore[import-untyped]
from joblibspark.backend import SparkDistributedBackend

BACKEND: Final = "spark_by_default_profile"


class DefaultProfileBackend(SparkDistributedBackend):  # type: ignore[misc]  # joblibspark has no types
    """Asks Spark for no resource profile: behind Connect a server with a local master refuses every one."""

    def _is_support_stage_scheduling(self) -> bool:
        return False

    def _create_resource_profile(self, *_: Any) -> None:
        self._support_stage_scheduling = False  # on Connect the constructor has set it, whatever the server can do


def register_spark() -> str:
    """Make the backend known to joblib; its name."""
    register_parallel_backend(BACKEND, DefaultProfileBackend)
    return BACKEND
