"""From the resolved tree to a typed job, with errors that name the line and the known keys."""

from collections.abc import Iterator
from textwrap import shorten
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from localjobs.bundle.source import place_of
from localjobs.errors import BundleError
from localjobs.spec.job import Job

_SHOWN = 80


def parse_job(key: str, settings: dict[str, Any]) -> Job:
    """The job `key`; a BundleError lists everything that is wrong with its settings."""
    try:
        return Job.model_validate(settings)
    except ValidationError as error:
        raise BundleError("\n".join(_explain(key, settings, problem) for problem in error.errors())) from error


def _explain(key: str, settings: dict[str, Any], problem: ErrorDetails) -> str:
    path = tuple(problem["loc"])
    place = place_of(settings, path)
    where = f"{place}: " if place else ""
    dotted = ".".join((f"jobs.{key}", *(str(step) for step in path)))
    if problem["type"] == "extra_forbidden":
        known = ", ".join(sorted(_known_keys(path[:-1])))
        return f"{where}{dotted}: unknown setting {str(path[-1])!r}; known are: {known}"
    if problem["type"] == "missing":
        return f"{where}{dotted}: is missing"
    return f"{where}{dotted}: {problem['msg']}, not {shorten(repr(problem['input']), _SHOWN, placeholder='…')}"


def _known_keys(path: tuple[str | int, ...]) -> list[str]:
    """The settings of the group at `path` in a job."""
    model: type[BaseModel] = Job
    for step in path:
        if isinstance(step, str) and step in model.model_fields:
            model = next(_models_in(model.model_fields[step].annotation), model)
    return list(model.model_fields)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The settings classes that occur in a type such as `tuple[Task, ...] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in getattr(annotation, "__args__", ()):
        yield from _models_in(part)
