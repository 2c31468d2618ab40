"""The workspace section: the user, and the folders that a deployment uses."""

from pathlib import Path
from typing import Any

from localjobs.bundle.identity import Identity

_FOLDERS = {"file_path": "files", "artifact_path": "artifacts", "resource_path": "resources", "state_path": "state"}


def complete_workspace(tree: dict[str, Any], user: Identity, files_at: Path | None) -> dict[str, Any]:
    """Fill in what the bundle leaves out of `workspace`; `files_at` is where files are when nothing is uploaded."""
    workspace = tree.get("workspace") or {}
    home = f"/Workspace/Users/{user.user_name}"
    root_path = workspace.get("root_path") or f"{home}/.bundle/${{bundle.name}}/${{bundle.target}}"
    folders = {name: f"${{workspace.root_path}}/{folder}" for name, folder in _FOLDERS.items()}
    if files_at is not None:
        folders |= {"file_path": str(files_at), "artifact_path": str(files_at / "dist")}
    given = {key: value for key, value in workspace.items() if not (files_at and key in {"file_path", "artifact_path"})}
    user_facts = {
        "userName": user.user_name,
        "short_name": user.short_name,
        "domain_friendly_name": user.short_name,
        "id": user.id,
    }
    return {**tree, "workspace": folders | given | {"root_path": _at_home(root_path, home), "current_user": user_facts}}


def _at_home(path: str, home: str) -> str:
    return home + path[1:] if path.startswith("~") else path
