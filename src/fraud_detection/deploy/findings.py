"""What the doctor looks at, and what it found."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from databricks.sdk.errors.base import DatabricksError

from fraud_detection.deploy.workspace import Workspace

Level = Literal["ok", "fails", "skipped"]

# What reading an answer of any shape raises: a refusal, no connection, no JSON, or JSON of another form.
UNREADABLE = (DatabricksError, OSError, ValueError, TypeError, AttributeError, LookupError)


class Lacking(Exception):  # noqa: N818 - no fault of the program: the workspace lacks something
    """The workspace answered, and is not as expected; the message says what was found."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `mend` says what makes a failing one pass."""

    kind: str
    subject: str
    level: Level
    found: str
    expected: str
    mend: str


@dataclass(frozen=True)
class Check:
    """One thing to look at. `look` says what it found, or raises `Lacking`; it only reads."""

    kind: str
    subject: str
    expected: str
    mend: str
    look: Callable[[Workspace], str]


def examine(check: Check, workspace: Workspace) -> Finding:
    """The finding of one check; an answer that cannot be read is a failure that says so, never a pass."""
    try:
        return _finding(check, "ok", check.look(workspace))
    except Lacking as lacking:
        return _finding(check, "fails", str(lacking))
    except UNREADABLE as error:
        return failure(check, error)


def failure(check: Check, error: Exception) -> Finding:
    """Of a question that was refused, not answered, or answered in another form than the documented one."""
    said = " ".join(str(error).split())[:300]
    return _finding(check, "fails", f"no answer that can be read: {type(error).__name__}: {said}")


def skip(check: Check) -> Finding:
    """Of what nobody wants to know."""
    return _finding(check, "skipped", "not asked")


def _finding(check: Check, level: Level, found: str) -> Finding:
    return Finding(check.kind, check.subject, level, found, check.expected, check.mend)
