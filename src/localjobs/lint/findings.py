"""What lint finds, and what its rules look at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from localjobs.bundle.files import ROOT_FILE
from localjobs.bundle.resolve import Bundle
from localjobs.bundle.source import Place, place_of
from localjobs.spec.job import Job

Steps = tuple[str | int, ...]


@dataclass(frozen=True)
class Rule:
    """One thing that lint looks for."""

    rule_id: str
    why: str
    mend: str


@dataclass(frozen=True)
class Finding:
    """One thing that lint found."""

    rule: Rule
    message: str
    place: Place

    @property
    def where(self) -> str:
        """The file and the line."""
        return str(self.place)


@dataclass(frozen=True)
class Subject:
    """A job as lint sees it."""

    bundle: Bundle
    key: str
    job: Job
    settings: dict[str, Any]
    mode: str | None

    def place(self, path: Steps = ()) -> Place:
        """The line of the setting at `path`, or of what encloses it."""
        found = place_of({"jobs": self.bundle.jobs}, ("jobs", self.key, *path))
        return found or Place(self.bundle.root / ROOT_FILE, 1)


Check = Callable[[Subject], Iterator[tuple[Steps, str]]]
"""Yields the path in the job's settings and what is wrong there."""
