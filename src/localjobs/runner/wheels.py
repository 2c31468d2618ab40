"""The bundle's own wheels: built as `artifacts` says, and unpacked where tasks find them before the source tree."""

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from localjobs.bundle.resolve import Bundle
from localjobs.errors import BundleError
from localjobs.state.folders import state_folder

_LEFT_OUT = frozenset(("__pycache__", "build", "dist", "node_modules", "spark-warehouse", "venv"))
_KEPT = 5
_SOURCES = (".py", ".toml", ".cfg", ".j2", ".sql", ".json")
_SHELL_SIGNS = frozenset(("|", "||", "&", "&&", ";", "<", ">", ">>"))


def provide_wheels(bundle: Bundle) -> tuple[Path, ...]:
    """A folder for each wheel artifact, which holds the unpacked wheel; built anew when its sources have changed."""
    artifacts = {key: item or {} for key, item in (bundle.tree.get("artifacts") or {}).items()}
    return tuple(_provide(bundle.root, key, item) for key, item in artifacts.items() if item.get("type") == "whl")


def _provide(root: Path, key: str, artifact: dict[str, Any]) -> Path:
    source = Path(artifact["path"])
    store = state_folder(root) / "wheels" / key
    folder = store / _fingerprint(source, str(artifact.get("build")))
    if not folder.is_dir():
        draft = store / f"draft-{os.getpid()}"
        shutil.rmtree(draft, ignore_errors=True)
        with zipfile.ZipFile(_build(source, key, artifact)) as wheel:
            wheel.extractall(draft)
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)
        _forget_old(store)
    return folder


def _forget_old(store: Path) -> None:
    """Earlier builds go; a few stay, because runs under way may still use them."""
    folders = sorted(store.iterdir(), key=lambda folder: folder.stat().st_mtime_ns)
    for folder in folders[:-_KEPT]:
        shutil.rmtree(folder, ignore_errors=True)


def _build(source: Path, key: str, artifact: dict[str, Any]) -> Path:
    command = artifact.get("build")
    if command:
        words = shlex.split(command)
        if not words or _SHELL_SIGNS & set(words):
            raise BundleError(f"artifacts.{key}.build: {command!r} needs a shell; name a program with its arguments")
        words = [sys.executable, *words[1:]] if words[0] in {"python", "python3"} else words
        done = subprocess.run(words, cwd=source, capture_output=True, text=True, check=False)  # noqa: S603 - the bundle's own command
        if done.returncode:
            end = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
            raise BundleError(f"artifacts.{key}: {command!r} ended with status {done.returncode}:\n{end}")
    patterns = [file["source"] for file in artifact.get("files", ())]
    wheels = [wheel for pattern in patterns for wheel in Path(source.anchor).glob(str(pattern).lstrip("/"))]
    if not wheels:
        raise BundleError(f"artifacts.{key}: no wheel at {', '.join(map(str, patterns))}; give it a build command")
    return max(wheels, key=lambda wheel: wheel.stat().st_mtime_ns)


def _fingerprint(source: Path, command: str) -> str:
    """Changes with every change of a file that the wheel may be built from."""
    digest = hashlib.sha256(command.encode())
    for file in sorted(_files(source)):
        status = file.stat()
        digest.update(f"{file}\0{status.st_mtime_ns}\0{status.st_size}\0".encode())
    return digest.hexdigest()[:16]


def _files(source: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(source):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in _LEFT_OUT]
        yield from (Path(folder, name) for name in names if name.endswith(_SOURCES))
