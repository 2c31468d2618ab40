"""Names of Unity Catalog objects that hang on a schema of the same bundle."""

from typing import Any

from localjobs.bundle.interpolate import interpolate

_IN_SCHEMA = ("registered_models", "volumes")


def capture_schemas(tree: dict[str, Any]) -> dict[str, Any]:
    """Where a resource names a schema that this bundle makes, refer to it: so it follows the schema's prefix."""
    resources = dict(tree.get("resources") or {})
    schemas = {
        (schema.get("catalog_name"), schema.get("name")): f"${{resources.schemas.{key}.name}}"
        for key, schema in (resources.get("schemas") or {}).items()
    }
    for kind in _IN_SCHEMA:
        if kind in resources:
            resources[kind] = {key: _captured(item, schemas) for key, item in resources[kind].items()}
    if "quality_monitors" in resources:
        resources["quality_monitors"] = {
            key: _captured_output(item, schemas) for key, item in resources["quality_monitors"].items()
        }
    return {**tree, "resources": resources}


def _captured(resource: dict[str, Any], schemas: dict[tuple[Any, Any], str]) -> dict[str, Any]:
    reference = schemas.get((resource.get("catalog_name"), resource.get("schema_name")))
    return {**resource, "schema_name": reference} if reference else resource


def _captured_output(monitor: dict[str, Any], schemas: dict[tuple[Any, Any], str]) -> dict[str, Any]:
    catalog, _, schema = str(monitor.get("output_schema_name", "")).partition(".")
    reference = schemas.get((catalog, schema))
    return {**monitor, "output_schema_name": f"{catalog}.{reference}"} if reference else monitor


def add_volume_paths(tree: dict[str, Any]) -> dict[str, Any]:
    """Tell each volume its path, with the schema's final name in it."""
    resources = tree.get("resources") or {}
    volumes = resources.get("volumes")
    if not volumes:
        return tree
    named = {kind: resources[kind] for kind in ("schemas", "volumes") if kind in resources}
    resolved = interpolate({"resources": named}, ("resources",))["resources"]["volumes"]
    paths = {
        key: f"/Volumes/{volume.get('catalog_name')}/{volume.get('schema_name')}/{volume.get('name')}"
        for key, volume in resolved.items()
    }
    added = {key: {**volume, "volume_path": paths[key]} for key, volume in volumes.items()}
    return {**tree, "resources": {**tree["resources"], "volumes": added}}
