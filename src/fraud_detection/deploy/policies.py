"""Cluster policies: read from files, compared with those of a workspace, installed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from databricks.sdk import WorkspaceClient
from databricks.sdk.service.compute import Policy as Installed

from fraud_detection.errors import ConfigurationError

Action = Literal["create", "change", "keep"]


@dataclass(frozen=True)
class Policy:
    """One policy; `definition` is the JSON text of its rules, keys sorted, as the API takes it."""

    name: str
    definition: str
    description: str = ""
    max_clusters_per_user: int | None = None


@dataclass(frozen=True)
class Step:
    """What is to be done about one policy."""

    action: Action
    policy: Policy
    policy_id: str | None = None


def read_policies(folder: Path) -> tuple[Policy, ...]:
    """Every policy of a folder, by name.

    Raises:
        ConfigurationError: there is none, two have one name, or a file is no policy.
    """
    policies = sorted((_read(file) for file in folder.glob("*.json")), key=lambda policy: policy.name)
    names = [policy.name for policy in policies]
    if not names or len(set(names)) < len(names):
        found = ", ".join(names) or "none"
        raise ConfigurationError(f"{folder} has the policies {found}; expected *.json, each with a name of its own")
    return tuple(policies)


def _read(file: Path) -> Policy:
    known = [field.name for field in fields(Policy)]
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigurationError(f"{file} is not JSON: {error}") from error
    if not isinstance(values, dict) or not {"name", "definition"} <= set(values) <= set(known):
        raise ConfigurationError(f"{file} holds {values!r:.80}; expected name, definition and no key but {known}")
    return Policy(**{**values, "definition": _canonical(values["definition"])})


def _canonical(definition: Mapping[str, Any]) -> str:
    return json.dumps(definition, sort_keys=True)


def plan_policies(wanted: Sequence[Policy], client: WorkspaceClient) -> tuple[Step, ...]:
    """What makes the workspace's policies the wanted ones; policies of other names are left alone."""
    installed = {policy.name: policy for policy in client.cluster_policies.list()}
    return tuple(_plan(policy, installed.get(policy.name)) for policy in wanted)


def _plan(policy: Policy, installed: Installed | None) -> Step:
    if installed is None:
        return Step("create", policy)
    return Step("keep" if _as_policy(installed) == policy else "change", policy, installed.policy_id)


def _as_policy(installed: Installed) -> Policy:
    rules = json.loads(installed.definition or "{}")
    description = installed.description or ""
    return Policy(installed.name or "", _canonical(rules), description, installed.max_clusters_per_user)


def apply_steps(steps: Sequence[Step], client: WorkspaceClient) -> None:
    """Create and change what is planned. Whoever does it has to administer the workspace."""
    for step in steps:
        if step.action == "create":
            client.cluster_policies.create(**asdict(step.policy))
        elif step.action == "change":
            client.cluster_policies.edit(str(step.policy_id), **asdict(step.policy))
