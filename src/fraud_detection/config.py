"""Settings: frozen values from YAML, checked when they are loaded."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from fraud_detection.errors import ConfigurationError


@dataclass(frozen=True)
class DataSettings:
    """What input is accepted.

    Attributes:
        label_delay_days: days between a transaction and its label, where a label names no time of its own.
        future_tolerance_hours: how far an event may lie after its file was written before it counts as an error.
        max_file_bytes: files above this size are refused: a file is read whole, so that its lines can be numbered.
    """

    label_delay_days: int = 7
    future_tolerance_hours: int = 24
    max_file_bytes: int = 512 * 1024 * 1024


def load_section[T](kind: type[T], values: object, section: str) -> T:
    """Build one frozen settings value.

    Raises:
        ConfigurationError: it is no mapping, a key is unknown (the message names the known ones) or a value has the
            wrong type.
    """
    if not isinstance(values, Mapping):
        raise ConfigurationError(f"{section} is {values!r}; expected a mapping of settings")
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    unknown = sorted(map(str, set(values) - set(known)))
    if unknown:
        raise ConfigurationError(f"{section} has no setting {', '.join(unknown)}; known are {', '.join(known)}")
    try:
        return TypeAdapter(kind).validate_python(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ConfigurationError(f"{section}.{place} is {first['input']!r}: {first['msg']}") from error


def read_yaml(path: Path) -> dict[str, Any]:
    """A settings file as a mapping of sections.

    Raises:
        ConfigurationError: the file is missing, is no YAML, or holds no mapping.
    """
    if not path.is_file():
        raise ConfigurationError(f"found no settings file {path}; expected a YAML file, or leave --settings out")
    try:
        values = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8")) or {}
    except YAMLError as error:
        raise ConfigurationError(f"{path} is not YAML: {error}") from error
    if not isinstance(values, dict):
        raise ConfigurationError(f"{path} holds {type(values).__name__}; expected a mapping of sections")
    return values
