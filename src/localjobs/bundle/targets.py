"""Targets: one of them is chosen and laid over the rest of the bundle."""

from typing import Any

from localjobs.bundle.merge import merge
from localjobs.bundle.source import place_of
from localjobs.errors import BundleError

_OVERRIDES = (
    *("artifacts", "bundle", "experimental", "permissions", "presets", "resources", "run_as", "sync", "workspace"),
)
_OTHER_KEYS = ("cluster_id", "compute_id", "default", "git", "mode", "variables")
_VARIABLE_KEYS = {"default", "description", "lookup", "type"}
_MODES = ("development", "production")


def choose_target(tree: dict[str, Any], wanted: str | None) -> str:
    """The target that was asked for, else the default one, else the only one."""
    targets = tree.get("targets") or {"default": {}}
    defaults = [str(name) for name, target in targets.items() if (target or {}).get("default")]
    if wanted is not None and wanted not in targets:
        raise BundleError(f"no target {wanted!r}; the targets are: {', '.join(targets)}")
    if len(defaults) > 1:
        raise BundleError(f"more than one target is the default: {', '.join(defaults)}")
    if wanted is None and not defaults and len(targets) > 1:
        raise BundleError(f"no target is the default; choose one with -t: {', '.join(targets)}")
    return wanted or str(next(iter(defaults or targets)))


def apply_target(tree: dict[str, Any], name: str) -> dict[str, Any]:
    """Lay the target `name` over the bundle; `targets` is gone afterwards."""
    target = ((tree.get("targets") or {}).get(name)) or {}
    _check_keys(target, name)
    variables = _override_variables(tree.get("variables") or {}, target.get("variables") or {}, name)
    bundle = {"target": name, "environment": name} | ({"mode": target["mode"]} if target.get("mode") else {})
    rest = {key: value for key, value in tree.items() if key not in {"targets", "variables"}}
    overrides = {key: target[key] for key in _OVERRIDES if key in target}
    git = {"git": target["git"]} if target.get("git") else {}
    merged: dict[str, Any] = merge(merge(rest, overrides), {"bundle": bundle | git})
    return {**merged, "variables": variables}


def _check_keys(target: dict[str, Any], name: str) -> None:
    for key in target:
        if key not in {*_OVERRIDES, *_OTHER_KEYS}:
            known = ", ".join(sorted({*_OVERRIDES, *_OTHER_KEYS}))
            raise BundleError(f"{place_of(target, (key,))}: target {name}: unknown key {key!r}; known are: {known}")
    if target.get("mode") not in {None, *_MODES}:
        place = place_of(target, ("mode",))
        raise BundleError(f"{place}: target {name}: mode {target['mode']!r} is neither {' nor '.join(_MODES)}")


def _override_variables(declared: dict[str, Any], overrides: dict[str, Any], target: str) -> dict[str, Any]:
    variables = {key: dict(value or {}) for key, value in declared.items()}
    for name, value in overrides.items():
        if name not in variables:
            place = place_of(overrides, (name,))
            raise BundleError(f"{place}: target {target} sets the variable {name!r}, which is not declared")
        variables[name] |= _as_definition(value, variables[name])
    return variables


def _as_definition(value: Any, declared: dict[str, Any]) -> dict[str, Any]:
    is_definition = isinstance(value, dict) and bool(value) and set(value) <= _VARIABLE_KEYS
    if is_definition and declared.get("type") != "complex":
        return {key: value[key] for key in ("default", "lookup") if key in value}
    return {"default": value["default"] if is_definition and "default" in value else value}
