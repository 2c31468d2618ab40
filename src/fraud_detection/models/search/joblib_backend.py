"""joblib's road to Spark's workers; imported only where the search runs there."""

from collections.abc import Callable
from multiprocessing.pool import AsyncResult
from typing import Any, Final

from joblib import register_parallel_backend  # type: ignore[import-untyped]
from joblibspark.backend import SparkDistributedBackend

BACKEND: Final = "spark_by_default_profile"


class Answer:
    """What comes of a call on a worker; joblibspark gives a worker's error back as if it were a result."""

    def __init__(self, job: AsyncResult[Any]) -> None:
        """Wrap the call."""
        self._job = job

    def get(self, timeout: float | None = None) -> Any:
        """The result, or the error raised."""
        found = self._job.get(timeout)
        error = getattr(found, "exc", None)
        if isinstance(error, BaseException):
            raise error
        return found


class DefaultProfileBackend(SparkDistributedBackend):  # type: ignore[misc]  # joblibspark has no types
    """Asks Spark for no resource profile, and tells errors as they are.

    Behind Connect a server with a local master refuses every profile.
    """

    def apply_async(self, func: Callable[[], Any], callback: Callable[[Any], None] | None = None) -> Answer:
        """Run on a worker."""
        return Answer(super().apply_async(func, callback))

    def abort_everything(self, ensure_ready: bool = True) -> None:  # noqa: FBT001, FBT002  as joblib calls it
        """Cancel what runs; joblibspark asks for a field that joblib no longer has, and so hides why."""
        self._cancel_all_jobs()
        if ensure_ready:
            self.configure(n_jobs=self.parallel.n_jobs, parallel=self.parallel)

    def _is_support_stage_scheduling(self) -> bool:
        return False

    def _create_resource_profile(self, *_: Any) -> None:
        self._support_stage_scheduling = False  # on Connect the constructor has set it, whatever the server can do


def register_spark() -> str:
    """Make the backend known to joblib; its name."""
    register_parallel_backend(BACKEND, DefaultProfileBackend)
    return BACKEND
