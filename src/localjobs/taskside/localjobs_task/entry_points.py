"""Finds what a python_wheel_task calls, as Databricks does."""

import importlib
from collections.abc import Callable
from importlib import metadata
from typing import Any


def find_entry_point(package: str, name: str) -> Callable[[], Any]:
    """The entry point `name` of the installed `package`, else its function of that name."""
    declared = {point.name: point for point in _declared(package)}
    if name in declared:
        loaded: Callable[[], Any] = declared[name].load()
        return loaded
    return _function(package, name, sorted(declared))


def _declared(package: str) -> metadata.EntryPoints | tuple[metadata.EntryPoint, ...]:
    try:
        return metadata.distribution(package).entry_points
    except metadata.PackageNotFoundError:
        return ()


def _function(package: str, name: str, declared: list[str]) -> Callable[[], Any]:
    try:
        found = getattr(importlib.import_module(package), name, None)
    except ModuleNotFoundError as error:
        if error.name != package.partition(".")[0] and error.name != package:
            raise
        found = None
    if not callable(found):
        known = ", ".join(declared) or "none"
        message = f"package {package!r} has neither an entry point nor a function {name!r}; entry points: {known}"
        raise LookupError(message)  # noqa: TRY004 - what is missing is the name
    function: Callable[[], Any] = found
    return function
