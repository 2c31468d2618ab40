"""Custom variables: where each one's value comes from."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localjobs.bundle.source import place_of
from localjobs.errors import BundleError, SourceError, UnsupportedError

ENVIRONMENT_PREFIX = "BUNDLE_VAR_"
_KEYS = {"default", "description", "lookup", "type"}


def set_variables(
    tree: dict[str, Any], root: Path, given: Mapping[str, str], environment: Mapping[str, str]
) -> dict[str, Any]:
    """Give every variable its value: `--var`, then BUNDLE_VAR_x, then variable-overrides.json, then its default."""
    declared = tree.get("variables") or {}
    overrides = _read_overrides(root, tree["bundle"]["target"])
    for source, names in (("--var", given), ("variable-overrides.json", overrides)):
        for name in names:
            if name not in declared:
                raise BundleError(f"{source} sets {name!r}, which is no variable; these are: {', '.join(declared)}")
    values = {
        name: _value(name, definition or {}, given, environment, overrides) for name, definition in declared.items()
    }
    _check_definitions(declared)
    return {**tree, "variables": {name: {**(declared[name] or {}), "value": value} for name, value in values.items()}}


def _check_definitions(declared: dict[str, Any]) -> None:
    for name, definition in declared.items():
        for key in definition or {}:
            if key not in _KEYS:
                place = place_of(declared, (name, key))
                raise BundleError(
                    f"{place}: variable {name}: unknown key {key!r}; known are: {', '.join(sorted(_KEYS))}"
                )


def _read_overrides(root: Path, target: str) -> dict[str, Any]:
    file = root / ".databricks" / "bundle" / target / "variable-overrides.json"
    if not file.is_file():
        return {}
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SourceError(f"{file}: not valid JSON: {error}") from error
    if not isinstance(found, dict):
        raise SourceError(f"{file}: holds {type(found).__name__}, not an object of variables")
    return found


def _value(
    name: str,
    definition: dict[str, Any],
    given: Mapping[str, str],
    environment: Mapping[str, str],
    overrides: Mapping[str, Any],
) -> Any:
    text = given.get(name, environment.get(ENVIRONMENT_PREFIX + name))
    if text is not None:
        if definition.get("type") == "complex":
            raise BundleError(f"variable {name} is complex: set it in a file, not by --var or the environment")
        return text
    if name in overrides:
        return overrides[name]
    if definition.get("lookup") is not None:
        raise UnsupportedError(f"variable {name}: `lookup` needs a workspace; give a value with --var {name}=…")
    if "default" not in definition:
        raise BundleError(
            f"variable {name} has no value: use --var {name}=… or {ENVIRONMENT_PREFIX}{name}, or a default"
        )
    return definition["default"]
