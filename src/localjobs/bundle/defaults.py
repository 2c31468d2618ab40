"""The values that a deployment gives to settings that the bundle leaves out."""

from typing import Any

Resource = dict[str, Any]


def apply_defaults(tree: dict[str, Any]) -> dict[str, Any]:
    """Complete jobs, dashboards and volumes as the CLI does."""
    workspace = tree["workspace"]
    resources = dict(tree.get("resources") or {})
    if "jobs" in resources:
        resources["jobs"] = {key: _complete_job(job, workspace["state_path"]) for key, job in resources["jobs"].items()}
    if "dashboards" in resources:
        resources["dashboards"] = {
            key: {"embed_credentials": False, "parent_path": workspace["resource_path"], **dashboard}
            for key, dashboard in resources["dashboards"].items()
        }
    return {**tree, "resources": resources, "sync": {"paths": ["."]} | (tree.get("sync") or {})}


def _complete_job(job: Resource, state_path: str) -> Resource:
    defaults = {"max_concurrent_runs": 1, "queue": {"enabled": True}}
    fixed = {
        "deployment": {"kind": "BUNDLE", "metadata_file_path": f"{state_path}/metadata.json"},
        "edit_mode": "UI_LOCKED",
        "format": "MULTI_TASK",
    }
    triggers = {
        name: {"pause_status": "UNPAUSED", **job[name]}
        for name in ("schedule", "trigger", "continuous")
        if job.get(name)
    }
    return {**defaults, **job, **fixed, **triggers}
