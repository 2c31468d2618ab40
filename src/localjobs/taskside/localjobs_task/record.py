"""The result record: without one, an attempt has failed, however its process ended."""

from pathlib import Path
from types import TracebackType
from typing import Self

from .attempt import RESULT_FILE, write_json


class ResultRecord:
    """Writes how the body of a `with` ended; exceptions go on, so that Python prints them and sets the exit status."""

    def __init__(self, folder: Path) -> None:
        """Record into `folder`."""
        self.file = folder / RESULT_FILE
        self.output = ""

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write the record."""
        cause = _cause(error)
        state = "FAILED" if cause else "SUCCESS"
        write_json(self.file, {"state": state, "error": cause, "output": self.output})


def _cause(error: BaseException | None) -> str:
    if error is None or (isinstance(error, SystemExit) and error.code in {None, 0}):
        return ""
    if isinstance(error, SystemExit):
        return f"exit status {error.code}" if isinstance(error.code, int) else str(error.code)
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
