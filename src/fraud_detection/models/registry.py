"""The model registry: versions, tags, aliases; the same on MLflow's SQLite and on Unity Catalog."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import mlflow
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST, ErrorCode

from fraud_detection.errors import GateError, ModelError
from fraud_detection.models.verdict import Verdict

CHAMPION: Final = "champion"
PREVIOUS: Final = "previous"
RUN_TAG: Final = "run_id"
NO_SUCH_MODEL: Final = ErrorCode.Name(RESOURCE_DOES_NOT_EXIST)
NO_SUCH_ALIAS: Final = (NO_SUCH_MODEL, ErrorCode.Name(INVALID_PARAMETER_VALUE))


@dataclass(frozen=True)
class Registered:
    """What the registry holds after a registration."""

    name: str
    version: int
    verdict: str
    aliases: tuple[str, ...]


def find_version(client: MlflowClient, name: str, alias: str = CHAMPION) -> int | None:
    """The version behind an alias; None only where the registry says that there is no such model or alias.

    MLflow's SQL store answers a missing alias with the same code as any bad parameter, so the list of the model's
    aliases is asked first, and only its "no" makes that code mean "no such alias".

    Raises:
        GateError: the registry gave any other error, so nobody knows.
    """
    try:
        listed = client.get_registered_model(name).aliases.get(alias)
    except MlflowException as error:
        _require_absence(error, (NO_SUCH_MODEL,), f"model {name}")
        return None
    if listed is not None:
        return int(listed)
    try:
        return int(client.get_model_version_by_alias(name, alias).version)
    except MlflowException as error:
        _require_absence(error, NO_SUCH_ALIAS, f"alias {name}@{alias}")
        return None


def register(
    client: MlflowClient,
    name: str,
    run_id: str,
    model_uri: str,
    verdict: Verdict,
    tags: Mapping[str, str],
    load: Callable[[str], Any] = mlflow.pyfunc.load_model,
) -> Registered:
    """Register a judged candidate: a version with tags, and for one that passed the alias `champion`.

    Every step can be repeated: a second call for the same run finds the version and completes what is missing.

    Raises:
        ModelError: the version cannot be loaded, so no alias moves.
        GateError: the registry doesn't say who is champion.
    """
    version = _ensure_version(client, name, run_id, model_uri)
    for key, value in {**tags, **_verdict_tags(verdict), RUN_TAG: run_id}.items():
        client.set_model_version_tag(name, str(version), key, value)
    if verdict.passed:
        _promote(client, name, version, load)
    return Registered(name, version, verdict.word, _aliases_of(client, name, version))


def _ensure_version(client: MlflowClient, name: str, run_id: str, model_uri: str) -> int:
    known = _version_of_run(client, name, run_id)
    if known is not None:
        return known
    created = mlflow.register_model(model_uri, name, tags={RUN_TAG: run_id})
    return int(created.version)


def _version_of_run(client: MlflowClient, name: str, run_id: str) -> int | None:
    """The version that a run was registered as; the search filters by name only, as Unity Catalog allows no more."""
    if not _model_exists(client, name):
        return None
    versions = [version for version in client.search_model_versions(f"name='{name}'") if _usable(version, run_id)]
    return min((int(version.version) for version in versions), default=None)


def _usable(version: ModelVersion, run_id: str) -> bool:
    return bool(version.run_id == run_id and version.status != "FAILED_REGISTRATION")


def _model_exists(client: MlflowClient, name: str) -> bool:
    try:
        client.get_registered_model(name)
    except MlflowException as error:
        _require_absence(error, (NO_SUCH_MODEL,), f"model {name}")
        return False
    return True


def _promote(client: MlflowClient, name: str, version: int, load: Callable[[str], Any]) -> None:
    """Move the aliases; never back to an older version, whose retry may come after a newer one took over."""
    champion = find_version(client, name)
    if champion is not None and champion >= version:
        return
    uri = f"models:/{name}/{version}"
    if load(uri) is None:
        raise ModelError(f"{uri} loads as nothing; expected a model")
    if champion is not None:
        client.set_registered_model_alias(name, PREVIOUS, str(champion))
    client.set_registered_model_alias(name, CHAMPION, str(version))


def _verdict_tags(verdict: Verdict) -> dict[str, str]:
    metrics = {f"test_{key}": f"{value:.6g}" for key, value in verdict.metrics.items()}
    return {"verdict": verdict.word, **metrics}


def _aliases_of(client: MlflowClient, name: str, version: int) -> tuple[str, ...]:
    aliases = client.get_registered_model(name).aliases
    return tuple(sorted(alias for alias, holder in aliases.items() if int(holder) == version))


def _require_absence(error: MlflowException, codes: tuple[str, ...], what: str) -> None:
    """Let "no such thing" pass and make every other answer an error."""
    if error.error_code in codes:
        return
    raise GateError(
        f"the registry answered {error.error_code} for {what}; expected it, or {NO_SUCH_MODEL}: nothing is promoted"
    ) from error
