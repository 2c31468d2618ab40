"""Rules on the Python that tasks name: read, never run or imported."""

import ast
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from localjobs.lint.findings import Steps, Subject
from localjobs.lint.options import options_in
from localjobs.spec.kinds import every_task
from localjobs.spec.task import PythonWheelTask

Found = Iterator[tuple[Steps, str]]
_SOURCES = ("src", ".")


def missing_entry_point(subject: Subject) -> Found:
    """Wheel tasks whose entry point the package does not have."""
    for path, task in every_task(subject.job):
        wheel = task.python_wheel_task
        if wheel is None or not _is_own(subject.bundle.root, wheel.package_name):
            continue
        declared = _entry_points(subject.bundle.root, wheel.package_name)
        if wheel.entry_point not in declared and not _defines(subject.bundle.root, wheel):
            known = ", ".join(sorted(declared)) or "none"
            yield (
                (*path, "python_wheel_task"),
                f"{wheel.package_name} has no entry point {wheel.entry_point!r}: {known}",
            )


def unknown_argument(subject: Subject) -> Found:
    """Named parameters that the entry point's argument parser does not know."""
    pushed = [parameter.name for parameter in subject.job.parameters]
    for path, task in every_task(subject.job):
        wheel = task.python_wheel_task
        if wheel is None or wheel.named_parameters is None:
            continue
        options = _options(subject.bundle.root, wheel)
        unknown = [name for name in {**wheel.named_parameters, **dict.fromkeys(pushed)} if f"--{name}" not in options]
        if options and unknown:
            listed = ", ".join(f"--{name}" for name in unknown)
            yield (*path, "python_wheel_task"), f"the parser of {wheel.entry_point} does not know {listed}"


def _is_own(root: Path, package: str) -> bool:
    """Whether the package is the bundle's own, so that its source can be read."""
    project = _project(root).get("name", "")
    return _flat(project) == _flat(package) or _module_file(root, package) is not None


def _flat(name: str) -> str:
    return name.lower().replace("-", "_").replace(".", "_")


@cache
def _project(root: Path) -> dict[str, Any]:
    file = root / "pyproject.toml"
    found: dict[str, Any] = tomllib.loads(file.read_text()).get("project", {}) if file.is_file() else {}
    return found


def _entry_points(root: Path, package: str) -> dict[str, str]:
    """Names of entry points and what they call, from pyproject.toml, else from the installed metadata."""
    project = _project(root)
    if _flat(str(project.get("name", ""))) == _flat(package):
        groups = dict(project.get("entry-points", {}))
        plugged = {name: call for group in groups.values() for name, call in dict(group).items()}
        return {**plugged, **project.get("scripts", {})}
    try:
        return {point.name: point.value for point in metadata.distribution(package).entry_points}
    except metadata.PackageNotFoundError:
        return {}


def _defines(root: Path, wheel: PythonWheelTask) -> bool:
    file = _module_file(root, wheel.package_name)
    names = {node.name for node in _tree(file).body if isinstance(node, ast.FunctionDef)} if file else set()
    return wheel.entry_point in names


def _options(root: Path, wheel: PythonWheelTask) -> set[str]:
    """Every option of the module that the entry point names and of what it imports; none if that cannot be told."""
    call = _entry_points(root, wheel.package_name).get(wheel.entry_point, f"{wheel.package_name}:{wheel.entry_point}")
    options: set[str] = set()
    seen: set[Path] = set()
    waiting = [call.partition(":")[0]]
    while waiting:
        file = _module_file(root, waiting.pop())
        if file is None or file in seen:
            continue
        seen.add(file)
        found, imported = _contents(file)
        if found is None:
            return set()
        options |= found
        waiting += imported
    return options


@cache
def _contents(file: Path) -> tuple[set[str] | None, frozenset[str]]:
    """The options that a file defines, if that can be told, and the modules that it imports."""
    tree = _tree(file)
    return options_in(tree), frozenset(name for node in ast.walk(tree) for name in _imports(node))


def _imports(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom) and node.module:
        return [node.module, *(f"{node.module}.{name.name}" for name in node.names)]
    return [name.name for name in node.names] if isinstance(node, ast.Import) else []


@cache
def _module_file(root: Path, module: str) -> Path | None:
    """The file of a module that the bundle holds."""
    steps = module.replace("-", "_").split(".")
    for source in _SOURCES:
        base = root.joinpath(source, *steps)
        for file in (base.with_suffix(".py"), base / "__init__.py"):
            if file.is_file():
                return file
    return None


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), str(file))
