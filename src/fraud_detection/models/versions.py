"""What the registry knows of its versions, for people."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from fraud_detection.errors import ModelError
from fraud_detection.models.aliases import AUDIT, NO_SUCH_MODEL, require_absence

NAMED: Final = 20


@dataclass(frozen=True)
class Version:
    """One version of a model.

    Attributes:
        aliases: that point to it now.
        tags: its verdict, figures and origin.
        orders: the changes of aliases that were asked for, oldest first.
    """

    number: int
    created: datetime
    status: str
    run_id: str
    aliases: tuple[str, ...]
    tags: dict[str, str]
    orders: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """Of the gate; "unknown" for a version that was registered past it."""
        return self.tags.get("verdict", "unknown")


def find_model(client: MlflowClient) -> str:
    """The name of the only model that the registry holds.

    Raises:
        ModelError: it holds none, or several, which the message names.
    """
    names = sorted(model.name for model in client.search_registered_models(max_results=NAMED))
    if len(names) != 1:
        raise ModelError(f"the registry holds {', '.join(names) or 'no model'}; expected one: name it by --model-name")
    return str(names[0])


def list_versions(client: MlflowClient, name: str) -> list[Version]:
    """All versions, newest first.

    Raises:
        ModelError: there is no such model.
        GateError: the registry gave any other error.
    """
    try:
        aliases = client.get_registered_model(name).aliases
    except MlflowException as error:
        require_absence(error, (NO_SUCH_MODEL,), f"model {name}")
        raise ModelError(f"there is no model {name}; expected one: run the training job, or name another") from error
    # What is found in Unity Catalog has neither tags nor aliases, and raises when it is asked for them.
    whole = (client.get_model_version(name, str(found.version)) for found in search_versions(client, name))
    return sorted((_describe(version, aliases) for version in whole), key=lambda version: -version.number)


def search_versions(client: MlflowClient, name: str) -> Iterator[ModelVersion]:
    """All versions as far as a search knows them; it filters by name only, as Unity Catalog allows no more."""
    token: str | None = None
    while token is None or token:
        page = client.search_model_versions(f"name='{name}'", page_token=token)
        yield from page
        token = page.token or ""


def find_number(client: MlflowClient, name: str, number: int) -> Version:
    """One version.

    Raises:
        ModelError: there is no such model or version; the message names the known ones.
    """
    versions = {version.number: version for version in list_versions(client, name)}
    if number not in versions:
        known = ", ".join(map(str, sorted(versions))) or "none"
        raise ModelError(f"{name} has no version {number}; known are {known}")
    return versions[number]


def _describe(version: ModelVersion, aliases: dict[str, str]) -> Version:
    number = int(version.version)
    return Version(
        number=number,
        created=datetime.fromtimestamp(version.creation_timestamp / 1_000, UTC),
        status=version.status,
        run_id=version.tags.get("run_id", version.run_id or ""),
        aliases=tuple(sorted(alias for alias, holder in aliases.items() if int(holder) == number)),
        tags={key: value for key, value in version.tags.items() if not key.startswith(AUDIT)},
        orders=tuple(value for key, value in sorted(version.tags.items()) if key.startswith(AUDIT)),
    )
