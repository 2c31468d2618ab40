"""The result record: without one, an attempt has failed, however its process ended."""

import re
import time
import traceback
from pathlib import Path
from types import TracebackType
from typing import Self

from .attempt import RESULT_FILE, write_json

_STATUS = Path("/proc/self/status")


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
        used = {"peak_memory_bytes": peak_memory_bytes(), "cpu_seconds": time.process_time()}
        record = {"state": state, "error": cause, "output": self.output, **used}
        write_json(self.file, record)


def peak_memory_bytes() -> int:
    """The most that this process ever held in memory; 0 where the system does not tell.

    `ru_maxrss` would not do: it survives exec, so that it may be the runner's.
    """
    found = re.search(r"^VmHWM:\s*(\d+) kB$", _STATUS.read_text(), re.MULTILINE) if _STATUS.exists() else None
    return int(found[1]) * 1024 if found else 0


def _cause(error: BaseException | None) -> str:
    if error is None or (isinstance(error, SystemExit) and error.code in {None, 0}):
        return ""
    if isinstance(error, SystemExit):
        return f"exit status {error.code}" if isinstance(error.code, int) else str(error.code)
    return f"{type(error).__name__}: {str(error) or _place(error)}"


def _place(error: BaseException) -> str:
    """Where an error that says nothing was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"raised without a message at {frames[-1].filename}:{frames[-1].lineno}" if frames else "without a message"
