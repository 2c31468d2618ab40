"""The aliases of a model: who is champion, challenger, previous, and how that changes; every step can be repeated."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST, ErrorCode

from fraud_detection.errors import GateError, ModelError
from fraud_detection.models.integrity import fetch_model

Alias = Literal["champion", "challenger", "previous"]
Candidacy = Literal["champion", "challenger"]
Load = Callable[[str], Any]

CHAMPION: Final = "champion"
CHALLENGER: Final = "challenger"
PREVIOUS: Final = "previous"
AUDIT: Final = "audit_"
ROLLED_BACK: Final = "rolled_back"
SUCCEEDS: Final = "succeeds"
"""Tag of a version that is about to become champion, until the champion before is called previous."""
NO_SUCH_MODEL: Final = ErrorCode.Name(RESOURCE_DOES_NOT_EXIST)
NO_SUCH_ALIAS: Final = (NO_SUCH_MODEL, ErrorCode.Name(INVALID_PARAMETER_VALUE))


@dataclass(frozen=True)
class Order:
    """Who asks for a change of aliases, when, and why."""

    by: str
    at: datetime
    why: str = ""

    def note(self, what: str) -> tuple[str, str]:
        """Key and value of the tag that records it; keys hold only what Unity Catalog allows."""
        reason = f": {self.why}" if self.why else ""
        return f"{AUDIT}{self.at:%Y%m%dT%H%M%S%f}", f"{what}, ordered by {self.by}{reason}"


@dataclass(frozen=True)
class Change:
    """Which version an alias points to now, and which it pointed to before; the same where nothing changed."""

    alias: Alias
    version: int
    before: int | None


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
        require_absence(error, (NO_SUCH_MODEL,), f"model {name}")
        return None
    if listed is not None:
        return int(listed)
    try:
        return int(client.get_model_version_by_alias(name, alias).version)
    except MlflowException as error:
        require_absence(error, NO_SUCH_ALIAS, f"alias {name}@{alias}")
        return None


def promote(
    client: MlflowClient,
    name: str,
    version: int,
    order: Order,
    alias: Candidacy = CHAMPION,
    load: Load = mlflow.pyfunc.load_model,
) -> Change:
    """Point an alias to a version that loads; the champion before is called previous.

    The note is written before the alias moves, so that no change is without one; a note without its change is an order
    that was cut short, and giving it again completes it.

    Raises:
        ModelError: the version cannot be loaded, so no alias moves.
        GateError: the registry doesn't say where the alias points.
    """
    before = find_version(client, name, alias)
    if before != version:
        require_loads(name, version, load)
        key, value = order.note(f"{alias} instead of {before or 'none'}")
        client.set_model_version_tag(name, str(version), key, value)
        if alias == CHAMPION:
            _prepare_succession(client, name, version, before)
        client.set_registered_model_alias(name, alias, str(version))
    if alias == CHAMPION:
        _complete_succession(client, name, version)
        _remove_alias(client, name, CHALLENGER, version)
        _remove_tag(client, name, version, ROLLED_BACK)
    return Change(alias, version, before)


def roll_back(client: MlflowClient, name: str, order: Order, load: Load = mlflow.pyfunc.load_model) -> Change:
    """Make the previous version champion again, and mark the one that was, so that no retry brings it back.

    Then nothing is previous: rolling back twice is rolling back once.

    Raises:
        ModelError: there is no champion, or the previous version cannot be loaded.
        GateError: the registry doesn't say where an alias points.
    """
    champion = find_version(client, name, CHAMPION)
    if champion is None:
        raise ModelError(f"{name} has no champion; expected one to roll back from: promote a version")
    _complete_succession(client, name, champion)
    previous = find_version(client, name, PREVIOUS)
    if previous is None or previous == champion:
        _remove_alias(client, name, PREVIOUS, champion)
        return Change(CHAMPION, champion, champion)
    require_loads(name, previous, load)
    key, value = order.note(f"rolled back from {champion} to {previous}")
    client.set_model_version_tag(name, str(champion), ROLLED_BACK, value)
    client.set_model_version_tag(name, str(previous), key, value)
    client.set_registered_model_alias(name, CHAMPION, str(previous))
    client.delete_registered_model_alias(name, PREVIOUS)
    return Change(CHAMPION, previous, champion)


def require_loads(name: str, version: int, load: Load) -> None:
    """Refuse a version that is no model, or not the one that was trained; what loading raises goes on."""
    uri = f"models:/{name}/{version}"
    if load(str(fetch_model(uri))) is None:
        raise ModelError(f"{uri} loads as nothing; expected a model")


def _prepare_succession(client: MlflowClient, name: str, version: int, before: int | None) -> None:
    """Note who is succeeded; a note of a promotion that was cut and never given again says nothing any more."""
    if before is None:
        _remove_tag(client, name, version, SUCCEEDS)
        return
    _remove_tag(client, name, before, SUCCEEDS)
    client.set_model_version_tag(name, str(version), SUCCEEDS, str(before))


def _complete_succession(client: MlflowClient, name: str, champion: int) -> None:
    """Call the champion before previous, also where the promotion was cut before that."""
    before = client.get_model_version(name, str(champion)).tags.get(SUCCEEDS)
    if before is not None:
        client.set_registered_model_alias(name, PREVIOUS, before)
        client.delete_model_version_tag(name, str(champion), SUCCEEDS)


def _remove_alias(client: MlflowClient, name: str, alias: Alias, version: int) -> None:
    if find_version(client, name, alias) == version:
        client.delete_registered_model_alias(name, alias)


def _remove_tag(client: MlflowClient, name: str, version: int, key: str) -> None:
    if key in client.get_model_version(name, str(version)).tags:
        client.delete_model_version_tag(name, str(version), key)


def require_absence(error: MlflowException, codes: tuple[str, ...], what: str) -> None:
    """Let "no such thing" pass and make every other answer an error."""
    if error.error_code in codes:
        return
    raise GateError(
        f"the registry answered {error.error_code} for {what}; expected it, or {NO_SUCH_MODEL}: nothing is promoted"
    ) from error
