"""Paths in a bundle: relative to the file that names them, and never outside the bundle."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from localjobs.bundle.source import Key
from localjobs.errors import BundleError

Rewrite = Callable[[str, Key], str]

_REMOTE = ("/", "dbfs:", "s3:", "abfss:", "gs:", "http:", "https:", "file:")


def translate_paths(tree: dict[str, Any], root: Path) -> dict[str, Any]:
    """Make every local path relative to the bundle (libraries) or absolute where its files are (code, artifacts)."""
    rules = _Rules(root, Path(tree["workspace"]["file_path"]))
    resources = dict(tree.get("resources") or {})
    if "jobs" in resources:
        resources["jobs"] = {key: rules.job(job) for key, job in resources["jobs"].items()}
    if "dashboards" in resources:
        resources["dashboards"] = {
            key: _rewrite(item, ("file_path",), rules.relative) for key, item in resources["dashboards"].items()
        }
    translated = {**tree, "resources": resources}
    if tree.get("artifacts"):
        translated["artifacts"] = {key: rules.artifact(item or {}) for key, item in tree["artifacts"].items()}
    return translated


class _Rules:
    """How each kind of path is rewritten, for one bundle."""

    def __init__(self, root: Path, files_at: Path) -> None:
        self.root = root
        self.files_at = files_at

    def job(self, job: dict[str, Any]) -> dict[str, Any]:
        job = dict(_rewrite(job, ("environments", "*", "spec", "dependencies", "*"), self.dependency))
        if job.get("git_source") or "tasks" not in job:
            return job
        return {**job, "tasks": [self.task(task) for task in job["tasks"]]}

    def task(self, task: dict[str, Any]) -> dict[str, Any]:
        inner = (task.get("for_each_task") or {}).get("task")
        if inner:
            task = {**task, "for_each_task": {**task["for_each_task"], "task": self.task(inner)}}
        for name in ("whl", "jar", "egg"):
            task = _rewrite(task, ("libraries", "*", name), self.library)
        task = _rewrite(task, ("libraries", "*", "requirements"), self.file)
        task = _rewrite(task, ("notebook_task", "notebook_path"), self.notebook)
        task = _rewrite(task, ("spark_python_task", "python_file"), self.file)
        rewritten: dict[str, Any] = _rewrite(task, ("sql_task", "file", "path"), self.file)
        return rewritten

    def artifact(self, artifact: dict[str, Any]) -> dict[str, Any]:
        artifact = _rewrite(artifact, ("path",), self.absolute)
        folder = artifact.get("path", str(self.root))
        return {"files": [{"source": f"{folder}/dist/*.whl"}], **artifact, "path": folder}

    def relative(self, text: str, key: Key) -> str:
        folder = key.place.file.parent if isinstance(key, Key) else self.root
        path = Path(os.path.normpath(folder / text))
        if not path.is_relative_to(self.root) or not path.resolve().is_relative_to(self.root.resolve()):
            raise BundleError(f"{_where(key)}: the path {text!r} leaves the bundle at {self.root}")
        return path.relative_to(self.root).as_posix()

    def absolute(self, text: str, key: Key) -> str:
        return str(self.root / self.relative(text, key))

    def library(self, text: str, key: Key) -> str:
        return text if text.startswith(_REMOTE) else self.relative(text, key)

    def dependency(self, text: str, key: Key) -> str:
        flag, space, path = text.partition(" ") if text.startswith("-r ") else ("", "", text)
        if not (path.startswith(".") or path.endswith((".whl", ".txt"))) or path.startswith(_REMOTE):
            return text
        return f"{flag}{space}./{self.relative(path, key)}"

    def file(self, text: str, key: Key) -> str:
        if text.startswith(_REMOTE):
            return text
        relative = self.relative(text, key)
        if not (self.root / relative).is_file():
            raise BundleError(f"{_where(key)}: the file {text!r} does not exist")
        return str(self.files_at / relative)

    def notebook(self, text: str, key: Key) -> str:
        path = self.file(text, key)
        uploaded = self.files_at != self.root  # a notebook in a workspace has no extension
        return str(Path(path).with_suffix("")) if uploaded and path != text else path


def _where(key: str) -> str:
    return str(key.place) if isinstance(key, Key) else str(key)


def _rewrite(value: Any, pattern: tuple[str, ...], rewrite: Rewrite, key: str = "") -> Any:
    """`value` with `rewrite` applied to the strings at `pattern`; `*` stands for every entry of a list."""
    if not pattern:
        return rewrite(value, key) if isinstance(value, str) else value  # type: ignore[arg-type]
    step, rest = pattern[0], pattern[1:]
    if step == "*" and isinstance(value, list):
        return [_rewrite(item, rest, rewrite, key) for item in value]
    if isinstance(value, dict) and step in value:
        return {name: _rewrite(item, rest, rewrite, name) if name == step else item for name, item in value.items()}
    return value
