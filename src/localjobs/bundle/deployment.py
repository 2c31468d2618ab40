"""The deployment that localjobs plays: every resource gets the name and the id that it would have."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from localjobs.bundle.interpolate import interpolate

_FIRST_ID = 10**14  # ids have 15 digits, like the platform's
_FULL_NAMES: Mapping[str, Callable[[dict[str, Any]], str]] = {
    "schemas": lambda item: _dotted(item, "catalog_name", "name"),
    "volumes": lambda item: _dotted(item, "catalog_name", "schema_name", "name"),
    "registered_models": lambda item: _dotted(item, "catalog_name", "schema_name", "name"),
    "model_serving_endpoints": lambda item: str(item.get("name")),
    "secret_scopes": lambda item: str(item.get("name")),
    "apps": lambda item: str(item.get("name")),
    "quality_monitors": lambda item: str(item.get("table_name")),
}


def _dotted(item: dict[str, Any], *parts: str) -> str:
    return ".".join(str(item.get(part)) for part in parts)


def stable_id(*parts: str) -> int:
    """A numeric id that is the same on every machine and in every run, in the range of the platform's own."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return _FIRST_ID + int.from_bytes(digest[:8]) % (9 * _FIRST_ID)


def deploy_locally(tree: dict[str, Any]) -> dict[str, Any]:
    """Give every resource an id and replace all `${resources.…}`, as a deployment does."""
    bundle = tree["bundle"]
    names = interpolate({"resources": _with_ids(tree, bundle, {})}, ("resources",))["resources"]
    return interpolate({**tree, "resources": _with_ids(tree, bundle, names)}, ("resources",))


def _with_ids(tree: dict[str, Any], bundle: dict[str, Any], named: dict[str, Any]) -> dict[str, Any]:
    """The resources with ids; those whose id is a full name need `named`, the resources with their names resolved."""
    return {
        kind: {
            key: {**item, "id": _id(kind, key, named.get(kind, {}).get(key, item), bundle)}
            for key, item in group.items()
        }
        for kind, group in (tree.get("resources") or {}).items()
    }


def _id(kind: str, key: str, item: dict[str, Any], bundle: dict[str, Any]) -> str:
    if kind in _FULL_NAMES:
        return _FULL_NAMES[kind](item)
    return str(stable_id(str(bundle.get("name")), str(bundle["target"]), kind, key))
