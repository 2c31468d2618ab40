"""A resolved bundle, as `localjobs resolve -o json` or `databricks bundle validate -o json` prints it."""

import io
import json
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runcosts.errors import BundleError

STANDARD_INPUT = Path("-")
Tree = Mapping[str, Any]


def read_bundle(file: Path) -> Tree:
    """The tree in a file, or on standard input for `-`.

    Raises:
        BundleError: it is no JSON object with resources.
    """
    try:
        text = sys.stdin.read() if file == STANDARD_INPUT else file.read_text(encoding="utf-8")
    except OSError as unreadable:
        raise BundleError(f"{file}: expected a resolved bundle, found: {unreadable}") from unreadable
    return parse_bundle(text, str(file))


def parse_bundle(text: str, source: str) -> Tree:
    """The tree in a text.

    Raises:
        BundleError: it is no JSON object with resources.
    """
    try:
        tree = json.loads(text)
    except ValueError as broken:
        raise BundleError(f"{source}: expected the JSON of a resolved bundle, found: {broken}") from broken
    if not isinstance(tree, dict) or not isinstance(tree.get("resources"), dict):
        raise BundleError(f"{source}: expected a resolved bundle, a JSON object with resources")
    return tree


def resolve_bundle(root: Path, target: str | None, command: str) -> Tree:
    """Run the command that resolves the bundle in that folder, with `-t TARGET` at its end.

    Raises:
        BundleError: there is no such command, or it refused the bundle.
    """
    words = [*shlex.split(command), *(["-t", target] if target else [])]
    program = _find_program(words[0])
    done = subprocess.run([program, *words[1:]], cwd=root, capture_output=True, text=True, check=False)  # noqa: S603 - the owner's setting
    if done.returncode != 0:
        raise BundleError(f"`{shlex.join(words)}` in {root.resolve()} refused the bundle: {done.stderr.strip()}")
    return parse_bundle(done.stdout, f"`{shlex.join(words)}`")


def resolve_branch(root: Path, branch: str, target: str | None, command: str) -> Tree:
    """The bundle as it is on a branch (or at a commit), without touching the checkout.

    Raises:
        BundleError: git knows no such branch here, or the bundle there is refused.
    """
    if branch.startswith("-"):
        raise BundleError(f"{branch!r} is no branch; expected a name that git does not take for an option")
    git = _find_program("git")
    archive = [git, "-C", str(root), "archive", "--format=tar", branch, "--", "."]
    done = subprocess.run(archive, capture_output=True, check=False)  # noqa: S603 - git, told what to read
    if done.returncode != 0:
        raise BundleError(f"{branch!r} is no file and no branch here: {done.stderr.decode(errors='replace').strip()}")
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=io.BytesIO(done.stdout)) as files:
        files.extractall(folder, filter="data")
        return resolve_bundle(Path(folder), target, command)


def _find_program(name: str) -> str:
    """A program beside this Python, else on the path."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        raise BundleError(f"found no program {name!r}: install it, set [tool.runcosts] resolve, or give --bundle FILE")
    return found


def resources_by_id(tree: Tree, kind: str) -> dict[str, Mapping[str, Any]]:
    """The resources of a kind, by the reference to their id that other resources hold before deployment."""
    return {f"${{resources.{kind}.{key}.id}}": one for key, one in (tree["resources"].get(kind) or {}).items()}
