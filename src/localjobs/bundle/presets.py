"""What a mode and presets do to every resource: prefixes, tags, paused schedules, concurrency."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from localjobs.bundle.source import place_of
from localjobs.errors import BundleError

DEVELOPMENT_CONCURRENCY = 4

_KNOWN = frozenset(
    (
        *("artifacts_dynamic_version", "jobs_max_concurrent_runs", "name_prefix", "pipelines_development"),
        *("source_linked_deployment", "tags", "trigger_pause_status"),
    )
)
_NAME_OF = {
    "alerts": "display_name",
    "clusters": "cluster_name",
    "dashboards": "display_name",
    "instance_pools": "instance_pool_name",
    "jobs": "name",
    "pipelines": "name",
    "sql_warehouses": "name",
}
_IDENTIFIERS = ("model_serving_endpoints", "registered_models", "schemas")
_TAGS_OF = {"clusters": "custom_tags", "instance_pools": "custom_tags", "jobs": "tags", "pipelines": "tags"}

Resource = dict[str, Any]


def complete_presets(tree: dict[str, Any]) -> dict[str, Any]:
    """Add the presets of development mode; what the bundle presets itself stays."""
    presets = tree.get("presets") or {}
    for key in presets:
        if key not in _KNOWN:
            place = place_of(tree, ("presets", key))
            raise BundleError(f"{place}: unknown preset {key!r}; known are: {', '.join(sorted(_KNOWN))}")
    if tree["bundle"].get("mode") != "development":
        return tree
    user = tree["workspace"]["current_user"]["short_name"]
    development = {
        "name_prefix": f"[dev {user}] ",
        "jobs_max_concurrent_runs": DEVELOPMENT_CONCURRENCY,
        "pipelines_development": True,
        "trigger_pause_status": "PAUSED",
    }
    tags = {"dev": user, **(presets.get("tags") or {})}
    bundle = {**tree["bundle"], "deployment": {"lock": {"enabled": False}} | (tree["bundle"].get("deployment") or {})}
    return {**tree, "bundle": bundle, "presets": {**development, **presets, "tags": tags}}


def apply_presets(tree: dict[str, Any]) -> dict[str, Any]:
    """Mark every resource of the bundle as the presets say."""
    presets = tree.get("presets") or {}
    resources = {
        kind: {key: _preset(kind, resource or {}, presets) for key, resource in (group or {}).items()}
        for kind, group in (tree.get("resources") or {}).items()
    }
    return {**tree, "resources": resources}


def _preset(kind: str, resource: Resource, presets: Mapping[str, Any]) -> Resource:
    named = _named(kind, resource, presets.get("name_prefix") or "")
    tagged = _tagged(kind, named, presets.get("tags") or {})
    special = _SPECIAL.get(kind)
    return special(tagged, presets) if special else tagged


def _named(kind: str, resource: Resource, prefix: str) -> Resource:
    if kind in _NAME_OF:
        field = _NAME_OF[kind]
        return {**resource, field: prefix + resource[field]} if field in resource else resource
    if kind in _IDENTIFIERS and "name" in resource:
        return {**resource, "name": as_identifier(prefix) + resource["name"]}
    if kind == "experiments" and "name" in resource:
        folder, slash, name = resource["name"].rpartition("/")
        return {**resource, "name": f"{folder}{slash}{prefix}{name}"}
    return resource


def as_identifier(prefix: str) -> str:
    """A name prefix as part of an identifier: `[dev me] ` is `dev_me_`."""
    words = re.sub(r"[^a-zA-Z0-9]+", "_", prefix).strip("_")
    return f"{words}_" if words else ""


def _tagged(kind: str, resource: Resource, tags: Mapping[str, str]) -> Resource:
    if not tags:
        return resource
    if kind == "experiments":
        own = resource.get("tags") or []
        names = {tag.get("key") for tag in own}
        return {**resource, "tags": [*own, *({"key": k, "value": v} for k, v in tags.items() if k not in names)]}
    if kind in _TAGS_OF:
        field = _TAGS_OF[kind]
        return {**resource, field: {**tags, **(resource.get(field) or {})}}
    return resource


def _preset_job(job: Resource, presets: Mapping[str, Any]) -> Resource:
    pause = presets.get("trigger_pause_status")
    triggers = {
        name: {"pause_status": pause, **job[name]} for name in ("schedule", "trigger", "continuous") if job.get(name)
    }
    concurrency = presets.get("jobs_max_concurrent_runs")
    limit = {"max_concurrent_runs": concurrency} if concurrency and not job.get("max_concurrent_runs") else {}
    return {**job, **(triggers if pause else {}), **limit}


def _preset_pipeline(pipeline: Resource, presets: Mapping[str, Any]) -> Resource:
    return {"development": True, **pipeline} if presets.get("pipelines_development") else pipeline


_SPECIAL: Mapping[str, Callable[[Resource, Mapping[str, Any]], Resource]] = {
    "jobs": _preset_job,
    "pipelines": _preset_pipeline,
}
