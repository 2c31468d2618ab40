"""Where a model comes from: code, environment, data, settings."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from fraud_detection.errors import MachineError

COMMIT_VARIABLE: Final = "GIT_COMMIT"
UNKNOWN: Final = "unknown"
SERVING_PACKAGES: Final = (("mlflow",), ("xgboost-cpu", "xgboost"), ("numpy",), ("pandas",))


@dataclass(frozen=True)
class Provenance:
    """What has to be known to train the same model again.

    Attributes:
        data_versions: the Delta version of each table that was read, by table name.
        settings: every setting of the run, of whatever layer.
        commit: of the code; "unknown" outside a repository.
        lock_hash: SHA-256 of the file that locks the environment; "unknown" where there is none.
        lock_file: that file, to be kept with the run.
    """

    data_versions: Mapping[str, int] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    commit: str = UNKNOWN
    lock_hash: str = UNKNOWN
    lock_file: Path | None = None


def find_commit(folder: Path) -> str:
    """The commit from the environment (a job has no repository), else of the repository that holds the folder."""
    given = os.environ.get(COMMIT_VARIABLE, "").strip()
    git = shutil.which("git")
    if given or git is None:
        return given or UNKNOWN
    command = [git, "-C", str(folder), "rev-parse", "HEAD"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words, no shell
    return answer.stdout.strip() if answer.returncode == 0 else UNKNOWN


def hash_lock_file(path: Path) -> str:
    """SHA-256 of the lock file."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else UNKNOWN


def serving_requirements() -> list[str]:
    """What serving a model takes, at the versions that trained it."""
    return [_pin(names) for names in SERVING_PACKAGES]


def _pin(names: tuple[str, ...]) -> str:
    for name in names:
        try:
            return f"{name}=={version(name)}"
        except PackageNotFoundError:
            continue
    raise MachineError(f"found none of the packages {', '.join(names)}; expected one: install requirements.txt")
