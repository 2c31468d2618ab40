"""From files to the resolved bundle: the steps of `databricks bundle validate`, in their order."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any

from localjobs.bundle.defaults import apply_defaults
from localjobs.bundle.deployment import deploy_locally
from localjobs.bundle.files import load_files
from localjobs.bundle.git import complete_git, drop_empty_git, refuse_other_branch
from localjobs.bundle.identity import Identity, local_identity
from localjobs.bundle.interpolate import interpolate
from localjobs.bundle.merge import merge_keyed_lists
from localjobs.bundle.paths import translate_paths
from localjobs.bundle.permissions import apply_permissions, apply_run_as
from localjobs.bundle.presets import apply_presets, complete_presets
from localjobs.bundle.schemas import add_volume_paths, capture_schemas
from localjobs.bundle.targets import apply_target, choose_target
from localjobs.bundle.variables import set_variables
from localjobs.bundle.workspace import complete_workspace
from localjobs.errors import BundleError

_NAMESPACES = ("bundle", "workspace", "var", "variables")


@dataclass(frozen=True)
class Request:
    """What decides how a bundle resolves, besides its files."""

    root: Path
    target: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    user: Identity = field(default_factory=local_identity)
    force: bool = False
    """Whether another git branch than the target's may be deployed to production."""


@dataclass(frozen=True)
class Bundle:
    """A resolved bundle."""

    root: Path
    name: str
    target: str
    tree: dict[str, Any]
    given: Mapping[str, str] = field(default_factory=dict)
    """The variables that the request gave."""

    @property
    def jobs(self) -> dict[str, dict[str, Any]]:
        """The settings of every job, by resource key."""
        found: dict[str, dict[str, Any]] = (self.tree.get("resources") or {}).get("jobs") or {}
        return found


def resolve(request: Request) -> Bundle:
    """The bundle as the CLI would validate it: `${resources.…}` still stands."""
    return _bundle(request, _resolve(request, files_at=None))


def deploy(request: Request) -> Bundle:
    """The bundle as it would be deployed, with this machine as the workspace: nothing is left to resolve.

    A target in production mode that names another git branch is refused, unless the request forces it.
    """
    tree = _resolve(request, files_at=request.root)
    if not request.force:
        refuse_other_branch(tree)
    return _bundle(request, deploy_locally(tree))


def _bundle(request: Request, tree: dict[str, Any]) -> Bundle:
    return Bundle(request.root, tree["bundle"]["name"], tree["bundle"]["target"], tree, request.variables)


def _resolve(request: Request, files_at: Path | None) -> dict[str, Any]:
    tree = load_files(request.root)
    tree = apply_target(tree, choose_target(tree, request.target))
    if not tree["bundle"].get("name"):
        raise BundleError(f"{request.root}: the bundle has no name; give it `bundle: {{name: …}}`")
    tree = set_variables(_merge_jobs(tree), request.root, request.variables, request.environment)
    tree = complete_git(complete_workspace(tree, request.user, files_at), request.root)
    tree = drop_empty_git(interpolate(tree, _NAMESPACES))
    steps = (
        capture_schemas,
        complete_presets,
        apply_presets,
        apply_run_as,
        apply_permissions,
        apply_defaults,
        add_volume_paths,
    )
    return translate_paths(reduce(lambda done, step: step(done), steps, tree), request.root)


def _merge_jobs(tree: dict[str, Any]) -> dict[str, Any]:
    resources = dict(tree.get("resources") or {})
    if resources.get("jobs"):
        resources["jobs"] = {key: merge_keyed_lists(job or {}) for key, job in resources["jobs"].items()}
    return {**tree, "resources": resources}
