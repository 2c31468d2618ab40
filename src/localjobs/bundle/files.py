"""databricks.yml and the files that it includes, merged into one tree."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from localjobs.bundle.merge import merge, refuse_duplicates
from localjobs.bundle.source import Key, place_of, read_yaml
from localjobs.errors import BundleError, SourceError, UnsupportedError

ROOT_FILE = "databricks.yml"
_SECTIONS = frozenset(
    (
        *("artifacts", "bundle", "environments", "experimental", "include", "permissions", "presets", "python"),
        *("resources", "run_as", "scripts", "sync", "targets", "variables", "workspace"),
    )
)
_NEEDS_CLI = ("python", "scripts")


def find_root(start: Path) -> Path:
    """The folder of the nearest databricks.yml at `start` or above."""
    for folder in (start.resolve(), *start.resolve().parents):
        if (folder / ROOT_FILE).is_file():
            return folder
    raise SourceError(
        f"no {ROOT_FILE} in {start.resolve()} or in a folder above it; name the folder with --bundle-root"
    )


def load_files(root: Path) -> dict[str, Any]:
    """Read databricks.yml with its includes; `include` of the result lists the files that were included."""
    tree = _read(root / ROOT_FILE, root)
    included = list(dict.fromkeys(_included(root, tree)))
    owners = _resource_keys(tree, {})
    for name in included:
        part = _read(root / name, root)
        owners = _resource_keys(part, owners)
        tree = merge(tree, {key: value for key, value in part.items() if key != "include"})
    return {**tree, "include": included} if "include" in tree else tree


def _read(file: Path, root: Path) -> dict[str, Any]:
    tree = read_yaml(file)
    if not isinstance(tree, dict):
        raise SourceError(f"{file}: a bundle file holds a mapping, this one {type(tree).__name__}")
    for key in tree:
        if key not in _SECTIONS:
            known = ", ".join(sorted(_SECTIONS))
            raise BundleError(f"{place_of(tree, (key,))}: unknown section {key!r}; known are: {known}")
    _refuse_code(tree, file.relative_to(root))
    refuse_duplicates(tree)
    for target in (tree.get("targets") or {}).values():
        refuse_duplicates(target)
    return tree


def _refuse_code(tree: dict[str, Any], file: Path) -> None:
    experimental = tree.get("experimental") or {}
    found = "python" if tree.get("python") else next((key for key in _NEEDS_CLI if experimental.get(key)), None)
    if found:
        raise UnsupportedError(f"{file}: `{found}` code changes the bundle at deployment, which only the CLI can do")


def _included(root: Path, tree: dict[str, Any]) -> Iterator[str]:
    for pattern in tree.get("include") or []:
        if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
            raise BundleError(f"{place_of(tree, ('include',))}: include {pattern!r} leaves the bundle")
        found = sorted(file.relative_to(root).as_posix() for file in root.glob(pattern) if file.is_file())
        if not found and not any(sign in pattern for sign in "*?["):
            raise BundleError(f"{place_of(tree, ('include',))}: the included file {pattern!r} does not exist")
        yield from (name for name in found if name != ROOT_FILE)


def _resource_keys(tree: dict[str, Any], owners: dict[str, str]) -> dict[str, str]:
    """All resource keys so far with the place of each; one key for two resources is refused, whatever their kinds."""
    owners = dict(owners)
    for resources in (tree.get("resources") or {}).values():
        for key in resources or {}:
            place = str(key.place) if isinstance(key, Key) else "?"
            if key in owners:
                raise BundleError(f"{place}: the resource key {key!r} is already used at {owners[key]}")
            owners[str(key)] = place
    return owners
