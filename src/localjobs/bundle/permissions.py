"""Bundle-wide permissions and run_as, handed down to the resources."""

from typing import Any

_LEVELS = {
    "jobs": {"CAN_MANAGE": "CAN_MANAGE", "CAN_RUN": "CAN_MANAGE_RUN", "CAN_VIEW": "CAN_VIEW"},
    "pipelines": {"CAN_MANAGE": "CAN_MANAGE", "CAN_RUN": "CAN_RUN", "CAN_VIEW": "CAN_VIEW"},
    "experiments": {"CAN_MANAGE": "CAN_MANAGE", "CAN_VIEW": "CAN_READ"},
    "models": {"CAN_MANAGE": "CAN_MANAGE", "CAN_VIEW": "CAN_READ"},
    "model_serving_endpoints": {"CAN_MANAGE": "CAN_MANAGE", "CAN_RUN": "CAN_QUERY", "CAN_VIEW": "CAN_VIEW"},
    "dashboards": {"CAN_MANAGE": "CAN_MANAGE", "CAN_VIEW": "CAN_READ"},
    "apps": {"CAN_MANAGE": "CAN_MANAGE", "CAN_VIEW": "CAN_USE"},
    "clusters": {"CAN_MANAGE": "CAN_MANAGE", "CAN_RUN": "CAN_RESTART", "CAN_VIEW": "CAN_ATTACH_TO"},
    "instance_pools": {"CAN_MANAGE": "CAN_MANAGE", "CAN_VIEW": "CAN_ATTACH_TO"},
    "sql_warehouses": {"CAN_MANAGE": "CAN_MANAGE", "CAN_RUN": "CAN_MONITOR", "CAN_VIEW": "CAN_VIEW"},
    "secret_scopes": {"CAN_MANAGE": "MANAGE", "CAN_RUN": "READ", "CAN_VIEW": "READ"},
}
_OWNED = {"jobs", "pipelines"}
_WITHOUT_DEPLOYER = {"secret_scopes"}
_RUN_AS = ("jobs", "pipelines")

Resource = dict[str, Any]


def apply_permissions(tree: dict[str, Any]) -> dict[str, Any]:
    """Give each resource the bundle's permissions in its own words; whoever deploys keeps control."""
    wanted = tree.get("permissions") or []
    if not wanted:
        return tree
    user = tree["workspace"]["current_user"]["userName"]
    resources = {
        kind: {key: _permitted(kind, resource, wanted, user) for key, resource in group.items()}
        for kind, group in (tree.get("resources") or {}).items()
    }
    return {**tree, "resources": resources}


def _permitted(kind: str, resource: Resource, wanted: list[dict[str, str]], user: str) -> Resource:
    levels = _LEVELS.get(kind)
    if levels is None:
        return resource
    added = [{**grant, "level": levels[grant["level"]]} for grant in wanted if grant.get("level") in levels]
    own = resource.get("permissions") or []
    if kind in _WITHOUT_DEPLOYER or any(grant.get("user_name") == user for grant in (*own, *added)):
        deployer = []
    else:
        deployer = [{"level": "IS_OWNER" if kind in _OWNED else "CAN_MANAGE", "user_name": user}]
    return {**resource, "permissions": [*own, *added, *deployer]}


def apply_run_as(tree: dict[str, Any]) -> dict[str, Any]:
    """Jobs and pipelines run as the bundle says, unless they say otherwise."""
    run_as = tree.get("run_as")
    if not run_as:
        return tree
    resources = tree.get("resources") or {}
    changed = {
        kind: {key: {"run_as": run_as, **resource} for key, resource in resources[kind].items()}
        for kind in _RUN_AS
        if kind in resources
    }
    return {**tree, "resources": {**resources, **changed}}
