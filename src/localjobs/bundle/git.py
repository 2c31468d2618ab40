"""The git checkout that holds a bundle: what `${bundle.git…}` speaks of."""

import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from localjobs.errors import BundleError

_EMPTY = {"branch": "", "commit": "", "origin_url": ""}


def complete_git(tree: dict[str, Any], root: Path) -> dict[str, Any]:
    """Fill in `bundle.git` from the checkout; what the bundle says itself stays.

    As with the CLI, outside a checkout everything is empty. Where there is a checkout and no `git` that can read it,
    nothing is: a reference is then refused as one to something that does not exist.
    """
    given = tree["bundle"].get("git") or {}
    return {**tree, "bundle": {**tree["bundle"], "git": {**_read_checkout(root), **given}}}


def drop_empty_git(tree: dict[str, Any]) -> dict[str, Any]:
    """Leave out again what nobody knows, once references to it are resolved."""
    known = {key: value for key, value in tree["bundle"]["git"].items() if value}
    return {**tree, "bundle": {**tree["bundle"], "git": known}}


def refuse_other_branch(tree: dict[str, Any]) -> None:
    """Refuse to deploy to production from a branch that the target does not name, as the CLI does without --force."""
    wanted, actual = (tree["bundle"]["git"].get(name) for name in ("branch", "actual_branch"))
    if tree["bundle"].get("mode") == "production" and actual and wanted != actual:
        target = tree["bundle"]["target"]
        raise BundleError(
            f"target {target} is deployed from the branch {wanted!r} (bundle.git.branch), and this is {actual!r}:"
            " check out that branch, or use --force"
        )


def _read_checkout(root: Path) -> dict[str, str]:
    top = next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), None)
    if top is None:
        return {**_EMPTY, "bundle_root_path": "."}
    inside = {"bundle_root_path": root.relative_to(top).as_posix()}
    if _ask(root, "rev-parse", "--git-dir") is None:
        return inside
    branch = _ask(root, "symbolic-ref", "--short", "--quiet", "HEAD") or ""  # none where HEAD is detached
    return {
        **inside,
        "branch": branch,
        "actual_branch": branch,
        "commit": _ask(root, "rev-parse", "--verify", "--quiet", "HEAD") or "",
        "origin_url": _without_user(_ask(root, "config", "--get", "remote.origin.url") or ""),
    }


def _ask(root: Path, *question: str) -> str | None:
    """What git answers, None if it cannot."""
    git = shutil.which("git")
    if git is None:
        return None
    # In a container a mounted checkout belongs to somebody else; nothing of it is run by these questions.
    command = [git, "-c", "safe.directory=*", "-C", str(root), *question]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words, no shell
    return answer.stdout.strip() if answer.returncode == 0 else None


def _without_user(url: str) -> str:
    """The URL without a user and a password: it is shown, and kept with runs."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if parts.scheme and parts.netloc else url
