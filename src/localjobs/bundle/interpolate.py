"""`${…}` references: each is replaced by the value that it names."""

import re
from typing import Any

from localjobs.bundle.source import place_of
from localjobs.errors import BundleError

_NAME = r"[a-zA-Z][a-zA-Z0-9]*(?:[-_]+[a-zA-Z0-9]+)*"
REFERENCE = re.compile(rf"\$\{{({_NAME}(?:\.{_NAME}(?:\[[0-9]+\])*)*)\}}")


def interpolate(tree: dict[str, Any], namespaces: tuple[str, ...]) -> dict[str, Any]:
    """Replace all references into `namespaces` (`var.x` is `variables.x.value`); others stay as they are.

    A reference that is the whole string keeps the type of its value. An unknown one, or a cycle, is a BundleError.
    """
    resolved: dict[str, Any] = _Interpolation(tree, namespaces).value(tree, (), ())
    return resolved


class _Interpolation:
    """One pass over a tree; values that references name are resolved once and kept."""

    def __init__(self, tree: dict[str, Any], namespaces: tuple[str, ...]) -> None:
        self.tree = tree
        self.namespaces = namespaces
        self.known: dict[str, Any] = {}

    def value(self, value: Any, path: tuple[str | int, ...], chain: tuple[str, ...]) -> Any:
        if isinstance(value, dict):
            return {key: self.value(item, (*path, key), chain) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item, (*path, index), chain) for index, item in enumerate(value)]
        return self.text(value, path, chain) if isinstance(value, str) else value

    def text(self, text: str, path: tuple[str | int, ...], chain: tuple[str, ...]) -> Any:
        whole = REFERENCE.fullmatch(text)
        if whole and self.covers(whole[1]):
            return self.look_up(whole[1], path, chain)
        return REFERENCE.sub(lambda found: self.inside(found, path, chain), text)

    def covers(self, reference: str) -> bool:
        return reference.split(".", maxsplit=1)[0] in self.namespaces

    def inside(self, found: re.Match[str], path: tuple[str | int, ...], chain: tuple[str, ...]) -> str:
        if not self.covers(found[1]):
            return found[0]
        value = self.look_up(found[1], path, chain)
        if isinstance(value, dict | list):
            raise BundleError(
                f"{self.where(path)}: {found[0]} is a {type(value).__name__} and must be the whole string"
            )
        return str(value).lower() if isinstance(value, bool) else str(value)

    def look_up(self, reference: str, path: tuple[str | int, ...], chain: tuple[str, ...]) -> Any:
        if reference in chain:
            circle = " → ".join((*chain[chain.index(reference) :], reference))
            raise BundleError(f"{self.where(path)}: references go in a circle: {circle}")
        if reference not in self.known:
            found, target = self.find(reference, path)
            self.known[reference] = self.value(found, target, (*chain, reference))
        return self.known[reference]

    def find(self, reference: str, path: tuple[str | int, ...]) -> tuple[Any, tuple[str | int, ...]]:
        steps = _steps(reference)
        value: Any = self.tree
        for depth, step in enumerate(steps):
            if not _has(value, step):
                known = ", ".join(sorted(map(str, value))) if isinstance(value, dict) else "nothing"
                inside = ".".join(str(part) for part in steps[:depth])
                raise BundleError(f"{self.where(path)}: ${{{reference}}} does not exist; {inside} has: {known}")
            value = value[step]
        return value, steps

    def where(self, path: tuple[str | int, ...]) -> str:
        dotted = ".".join(str(step) for step in path)
        place = place_of(self.tree, path)
        return f"{place}: {dotted}" if place else dotted


def _steps(reference: str) -> tuple[str | int, ...]:
    parts = [part for part in re.split(r"[.\[\]]", reference) if part]
    if parts[0] == "var":
        parts = ["variables", parts[1] if len(parts) > 1 else "", "value", *parts[2:]]
    return tuple(int(part) if part.isdigit() else part for part in parts)


def _has(value: Any, step: str | int) -> bool:
    if isinstance(value, list):
        return isinstance(step, int) and step < len(value)
    return isinstance(value, dict) and step in value
