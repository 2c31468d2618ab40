"""Settings: frozen values from YAML, checked when they are loaded."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, get_type_hints
from zoneinfo import available_timezones

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from fraud_detection.errors import ConfigurationError

TRANSACTION_FIELDS = ("transaction_id", "event_time", "customer_id", "terminal_id", "amount")
LABEL_FIELDS = ("transaction_id", "is_fraud", "known_at")
SAFE_RETENTION_HOURS = 168
IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,127}")
TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
KAFKA_USER, KAFKA_PASSWORD = "FRAUD_KAFKA_USER", "FRAUD_KAFKA_PASSWORD"
SECRET_OPTION = re.compile(r"jaas|password|secret|token|\.key$", re.IGNORECASE)
FIXED_OPTIONS = {"subscribe", "subscribePattern", "assign", "kafka.bootstrap.servers"}
ISO, EPOCH_SECONDS, EPOCH_MILLIS = "iso", "epoch_seconds", "epoch_millis"


@dataclass(frozen=True)
class FileMapping:
    """How the files of one kind name and write what the pipeline expects.

    Attributes:
        columns: field → its name in the files; a field that is not listed has its own name there.
        time_format: iso, epoch_seconds, epoch_millis, or a datetime pattern of Spark such as dd.MM.yyyy HH:mm:ss.
        time_zone: zone of times that name none.
        attributes: further columns: name in the tables → name in the files.
        delimiter: between the values of a CSV file.
        format: of files whose extension says none: json, csv or parquet; empty for the usual one.
    """

    columns: Mapping[str, str | None] = field(default_factory=dict)
    time_format: str = ISO
    time_zone: str = "UTC"
    attributes: Mapping[str, str] = field(default_factory=dict)
    delimiter: str = ","
    format: Literal["", "json", "csv", "parquet"] = ""

    def __post_init__(self) -> None:
        """Refuse zones that do not exist and names that no table can have."""
        if self.time_zone not in available_timezones():
            raise ConfigurationError(f"time_zone is {self.time_zone!r}; expected a name such as Europe/Berlin or UTC")
        if len(self.delimiter) != 1:
            raise ConfigurationError(f"delimiter is {self.delimiter!r}; expected one character")
        for name in self.attributes:
            if not IDENTIFIER.fullmatch(name):
                raise ConfigurationError(f"attribute {name!r} is no name; expected small letters, digits, underscores")

    def source(self, name: str) -> str | None:
        """What the files call a field; None where they have none."""
        return self.columns.get(name, name)

    def sources(self, fields: Sequence[str]) -> dict[str, str]:
        """Fields and attributes → their names in the files, without those that the files have not."""
        named = {name: self.source(name) for name in fields} | dict(self.attributes)
        return {name: source for name, source in named.items() if source is not None}


@dataclass(frozen=True)
class Mappings:
    """How files of transactions and of labels are written. A label's known_at may be null: then time + delay."""

    transactions: FileMapping = field(default_factory=FileMapping)
    labels: FileMapping = field(default_factory=FileMapping)

    def __post_init__(self) -> None:
        """Refuse fields that the contract does not know, or cannot do without."""
        _check_fields("transactions", self.transactions, TRANSACTION_FIELDS, optional=())
        _check_fields("labels", self.labels, LABEL_FIELDS, optional=("known_at",))
        if self.labels.attributes:
            raise ConfigurationError("labels have attributes; expected none: name them under transactions")


def _check_fields(kind: str, mapping: FileMapping, known: Sequence[str], optional: Sequence[str]) -> None:
    unknown = sorted(set(mapping.columns) - set(known))
    if unknown:
        raise ConfigurationError(f"{kind} have no field {', '.join(unknown)}; known are {', '.join(known)}")
    absent = sorted(name for name, source in mapping.columns.items() if not source and name not in optional)
    if absent:
        raise ConfigurationError(f"{kind} lack {', '.join(absent)}; expected the name of a column of the files")


@dataclass(frozen=True)
class KafkaSettings:
    """Which datasets arrive as records of a Kafka topic instead of files. Credentials come from the environment.

    Attributes:
        bootstrap_servers: host:port, several with commas between them.
        topics: transactions, labels → the topic of each; one that is not listed comes from the landing folder.
        options: of Spark's Kafka source, such as maxOffsetsPerTrigger or kafka.security.protocol.
    """

    bootstrap_servers: str = ""
    topics: Mapping[Literal["transactions", "labels"], str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what names no topic, secrets, and options that say again what stands beside them."""
        if self.topics and not self.bootstrap_servers:
            raise ConfigurationError("kafka has topics and no bootstrap_servers; expected host:port")
        for topic in self.topics.values():
            if not TOPIC.fullmatch(topic):
                raise ConfigurationError(f"kafka topic is {topic!r}; expected letters, digits, dots, - and _")
        secret = sorted(name for name in self.options if SECRET_OPTION.search(name))
        if secret:
            raise ConfigurationError(
                f"kafka.options has {', '.join(secret)}; expected no secret in settings: set the environment variables "
                f"{KAFKA_USER} and {KAFKA_PASSWORD}, on Databricks from a secret scope"
            )
        fixed = sorted(FIXED_OPTIONS & set(self.options))
        if fixed:
            raise ConfigurationError(f"kafka.options has {', '.join(fixed)}; expected bootstrap_servers and topics")


@dataclass(frozen=True)
class DataSettings:
    """What input is accepted.

    Attributes:
        label_delay_days: days between a transaction and its label, where a label names no time of its own.
        future_tolerance_hours: how far an event may lie after its file was written before it counts as an error.
        max_file_bytes: files above this size, unpacked, are refused: a file is read whole, to number its lines.
        max_quarantined_share: of the lines of a day; a batch with a worse day is not published.
        share_counts_from: days with fewer lines are not judged by their share.
        retention_hours: how long files that a table no longer needs are kept for those who still read them.
        mapping: how the files name and write what is expected.
        kafka: datasets that arrive in Kafka instead of files.
        streamed: whether the job `streaming` takes in transactions, all the time; data_prep then takes in labels only.
    """

    label_delay_days: int = 7
    future_tolerance_hours: int = 24
    max_file_bytes: int = 512 * 1024 * 1024
    max_quarantined_share: float = 0.1
    share_counts_from: int = 1000
    retention_hours: int = SAFE_RETENTION_HOURS
    mapping: Mappings = field(default_factory=Mappings)
    kafka: KafkaSettings = field(default_factory=KafkaSettings)
    streamed: bool = False

    def __post_init__(self) -> None:
        """Refuse what would lose rows of readers, or is no share."""
        if self.retention_hours < SAFE_RETENTION_HOURS:
            raise ConfigurationError(
                f"retention_hours is {self.retention_hours}; expected at least {SAFE_RETENTION_HOURS}: "
                "readers and streams may still need files of the last days"
            )
        if not 0 <= self.max_quarantined_share <= 1:
            raise ConfigurationError(f"max_quarantined_share is {self.max_quarantined_share}; expected 0 to 1")
        for dataset in self.kafka.topics:
            form = getattr(self.mapping, dataset).format
            if form not in {"", "json"}:
                raise ConfigurationError(
                    f"{dataset} come from Kafka as {form}; expected json: a record has no header, so send a JSON object"
                )


def load_section[T](kind: type[T], values: object, section: str) -> T:
    """Build one frozen settings value.

    Raises:
        ConfigurationError: it is no mapping, a key is unknown (the message names the known ones) or a value has the
            wrong type.
    """
    if not isinstance(values, Mapping):
        raise ConfigurationError(f"{section} is {values!r}; expected a mapping of settings")
    known = [known.name for known in fields(kind)]  # type: ignore[arg-type]
    unknown = sorted(map(str, set(values) - set(known)))
    if unknown:
        raise ConfigurationError(f"{section} has no setting {', '.join(unknown)}; known are {', '.join(known)}")
    built = {name: _load_nested(kind, name, value, section) for name, value in values.items()}
    try:
        return TypeAdapter(kind).validate_python(built)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ConfigurationError(f"{section}.{place} is {first['input']!r}: {first['msg']}") from error


def _load_nested(kind: type[Any], name: str, value: object, section: str) -> object:
    inner = get_type_hints(kind)[name]
    is_section = isinstance(inner, type) and is_dataclass(inner)
    return load_section(inner, value, f"{section}.{name}") if is_section else value


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
