"""The model registry: a version with tags for every judged candidate; the same on MLflow's SQLite and Unity Catalog."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import mlflow
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from fraud_detection.errors import ModelError
from fraud_detection.models.aliases import (
    CHAMPION,
    NO_SUCH_MODEL,
    ROLLED_BACK,
    Candidacy,
    Load,
    Order,
    find_version,
    promote,
    require_absence,
)
from fraud_detection.models.verdict import Verdict
from fraud_detection.models.versions import search_versions

RUN_TAG: Final = "run_id"
READY, PENDING, FAILED = "READY", "PENDING_REGISTRATION", "FAILED_REGISTRATION"
WAITED_SECONDS: Final = 300
POLL_SECONDS: Final = 5


@dataclass(frozen=True)
class Registered:
    """What the registry holds after a registration."""

    name: str
    version: int
    verdict: str
    aliases: tuple[str, ...]


def register(
    client: MlflowClient,
    name: str,
    run_id: str,
    model_uri: str,
    verdict: Verdict,
    tags: Mapping[str, str],
    order: Order,
    *,
    becomes: Candidacy = CHAMPION,
    load: Load = mlflow.pyfunc.load_model,
) -> Registered:
    """Register a judged candidate: a version with tags, and for one that passed the alias that it `becomes`.

    Every step can be repeated: a second call for the same run finds the version and completes what is missing.

    Raises:
        ModelError: the version cannot be loaded, or doesn't become ready, so no alias moves.
        GateError: the registry doesn't say who is champion.
    """
    version = _ensure_version(client, name, run_id, model_uri)
    for key, value in {**tags, **_verdict_tags(verdict), RUN_TAG: run_id}.items():
        client.set_model_version_tag(name, str(version), key, value)
    if verdict.passed and _is_newest(client, name, version, becomes):
        promote(client, name, version, order, becomes, load)
    return Registered(name, version, verdict.word, _aliases_of(client, name, version))


def _is_newest(client: MlflowClient, name: str, version: int, alias: str) -> bool:
    """Whether an alias may be here: not by the late retry of an older version, nor of one that was rolled back."""
    holder, champion = find_version(client, name, alias), find_version(client, name, CHAMPION)
    deposed = ROLLED_BACK in client.get_model_version(name, str(version)).tags
    is_later = champion is None or champion < version or (champion == version and alias == CHAMPION)
    return not deposed and is_later and (holder is None or holder <= version)


def _ensure_version(client: MlflowClient, name: str, run_id: str, model_uri: str) -> int:
    known = _version_of_run(client, name, run_id)
    if known is None:
        known = int(mlflow.register_model(model_uri, name, tags={RUN_TAG: run_id}).version)
    wait_until_ready(client, name, known)
    return known


def wait_until_ready(
    client: MlflowClient, name: str, version: int, sleep: Callable[[float], None] = time.sleep
) -> ModelVersion:
    """The version, once its files are in the registry: one that is still being copied must not be used.

    Raises:
        ModelError: it failed, or is still pending after five minutes.
    """
    for _ in range(WAITED_SECONDS // POLL_SECONDS):
        found = client.get_model_version(name, str(version))
        if found.status != PENDING:
            break
        sleep(POLL_SECONDS)
    if found.status != READY:
        raise ModelError(f"version {version} of {name} is {found.status}; expected {READY}: register its run again")
    return found


def _version_of_run(client: MlflowClient, name: str, run_id: str) -> int | None:
    """The version that a run was registered as."""
    if not _model_exists(client, name):
        return None
    versions = [version for version in search_versions(client, name) if _usable(version, run_id)]
    return min((int(version.version) for version in versions), default=None)


def _usable(version: ModelVersion, run_id: str) -> bool:
    return bool(version.run_id == run_id and version.status != FAILED)


def _model_exists(client: MlflowClient, name: str) -> bool:
    try:
        client.get_registered_model(name)
    except MlflowException as error:
        require_absence(error, (NO_SUCH_MODEL,), f"model {name}")
        return False
    return True


def _verdict_tags(verdict: Verdict) -> dict[str, str]:
    metrics = {f"test_{key}": f"{value:.6g}" for key, value in verdict.metrics.items()}
    return {"verdict": verdict.word, **metrics}


def _aliases_of(client: MlflowClient, name: str, version: int) -> tuple[str, ...]:
    aliases = client.get_registered_model(name).aliases
    return tuple(sorted(alias for alias, holder in aliases.items() if int(holder) == version))
