"""Where a model comes from: code, environment, data, settings."""

import hashlib
import json
import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Any, Final

import xgboost

import fraud_detection
from fraud_detection.errors import MachineError

COMMIT_VARIABLE: Final = "GIT_COMMIT"
RUNTIME_VARIABLE: Final = "DATABRICKS_RUNTIME_VERSION"
SERVERLESS_VARIABLE: Final = "IS_SERVERLESS"
PACKAGE: Final = Path(fraud_detection.__file__).parent
LOCK_FILE: Final = "requirements.txt"
CLUSTER_LOCK: Final = "requirements-databricks.txt"
SERVERLESS_LOCK: Final = "requirements-serverless.txt"
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
        code_hash: SHA-256 of every file of the package, so of what the wheel holds.
        wheel_hash: SHA-256 of the wheel, where pip installed one; else "unknown".
        runtime: what computed: the runtime of the cluster, Python, the machine, XGBoost.
    """

    data_versions: Mapping[str, int] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    commit: str = UNKNOWN
    lock_hash: str = UNKNOWN
    lock_file: Path | None = None
    code_hash: str = UNKNOWN
    wheel_hash: str = UNKNOWN
    runtime: str = UNKNOWN

    def tags(self) -> dict[str, str]:
        """As they are kept with a run, data versions aside."""
        return {
            "git_commit": self.commit,
            "lock_sha256": self.lock_hash,
            "code_sha256": self.code_hash,
            "wheel_sha256": self.wheel_hash,
            "runtime": self.runtime,
        }


def find_commit(folder: Path) -> str:
    """The commit from the environment (a job has no repository), else of the repository that holds the folder."""
    given = os.environ.get(COMMIT_VARIABLE, "").strip()
    git = shutil.which("git")
    if given or git is None:
        return given or UNKNOWN
    command = [git, "-C", str(folder), "rev-parse", "HEAD"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words, no shell
    return answer.stdout.strip() if answer.returncode == 0 else UNKNOWN


def find_lock_file() -> Path:
    """The file that locks what this runs in: on Databricks the one that the wheel carries, else the checkout's."""
    if RUNTIME_VARIABLE not in os.environ:
        return Path(LOCK_FILE)
    is_serverless = os.environ.get(SERVERLESS_VARIABLE, "").upper() == "TRUE"
    return PACKAGE / (SERVERLESS_LOCK if is_serverless else CLUSTER_LOCK)


def hash_lock_file(path: Path) -> str:
    """SHA-256 of the lock file."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else UNKNOWN


def hash_code(folder: Path = PACKAGE) -> str:
    """The hash of the package's files; compiled ones left out, and the locks that a wheel carries."""
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    code = {file.relative_to(folder).as_posix(): file for file in files}
    return hash_files({name: file for name, file in code.items() if name not in {CLUSTER_LOCK, SERVERLESS_LOCK}})


def hash_files(files: Mapping[str, Path]) -> str:
    """SHA-256 over names and contents, in the order of the names."""
    digest = hashlib.sha256()
    for name, file in sorted(files.items()):
        digest.update(f"{name}\0{file.stat().st_size}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def find_wheel_hash(package: str = "fraud-detection") -> str:
    """What pip noted of the wheel that it installed (PEP 610)."""
    try:
        note = json.loads(distribution(package).read_text("direct_url.json") or "{}")
    except PackageNotFoundError:
        return UNKNOWN
    return str(note.get("archive_info", {}).get("hashes", {}).get("sha256", UNKNOWN))


def describe_runtime() -> str:
    """What a result may depend on besides code and data."""
    runtime = os.environ.get(RUNTIME_VARIABLE, "local")
    return f"{runtime}; Python {platform.python_version()}; {platform.platform()}; XGBoost {xgboost.__version__}"


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
