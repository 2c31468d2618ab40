"""The composition root: builds, in one place, the real things that a task works with."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import mlflow
from pyspark.sql import SparkSession

from fraud_detection.config import DataSettings, load_section, read_yaml
from fraud_detection.errors import ConfigurationError
from fraud_detection.features.settings import FeatureSettings
from fraud_detection.models.costs import CostSettings
from fraud_detection.models.gate_settings import GateSettings
from fraud_detection.models.provenance import (
    Provenance,
    describe_runtime,
    find_commit,
    find_lock_file,
    find_wheel_hash,
    hash_code,
    hash_lock_file,
)
from fraud_detection.models.settings import TrainingSettings
from fraud_detection.monitoring.settings import MonitoringSettings
from fraud_detection.schemas import RUN_COSTS
from fraud_detection.scoring.online.settings import ServingSettings
from fraud_detection.scoring.settings import ScoringSettings
from fraud_detection.session import get_session, in_workspace, local_folder, naming_a_dead_jvm, on_databricks
from fraud_detection.tables import Tables, choose_schema
from fraud_detection.tasks.arguments import Arguments, parse_arguments

LOG_FORMAT = "%(asctime)s %(levelname)s %(message)s"
SECTIONS = {
    "data": DataSettings,
    "features": FeatureSettings,
    "training": TrainingSettings,
    "costs": CostSettings,
    "gate": GateSettings,
    "scoring": ScoringSettings,
    "serving": ServingSettings,
    "monitoring": MonitoringSettings,
}


@dataclass(frozen=True)
class Settings:
    """All settings, by section."""

    data: DataSettings = field(default_factory=DataSettings)
    features: FeatureSettings = field(default_factory=FeatureSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    costs: CostSettings = field(default_factory=CostSettings)
    gate: GateSettings = field(default_factory=GateSettings)
    scoring: ScoringSettings = field(default_factory=ScoringSettings)
    serving: ServingSettings = field(default_factory=ServingSettings)
    monitoring: MonitoringSettings = field(default_factory=MonitoringSettings)


@dataclass(frozen=True)
class Context:
    """What a task works with. The session starts when it is first asked for; not every task needs one."""

    task: str
    arguments: Arguments
    settings: Settings
    tables: Tables
    local: Path | None

    @cached_property
    def spark(self) -> SparkSession:
        """The session."""
        return get_session((self.local or Path()) / "warehouse")

    def data_versions(self, *read: str) -> dict[str, int]:
        """The Delta versions of tables, by name."""
        return {name: self.tables.version(self.spark, name) for name in read}

    def provenance(self, versions: Mapping[str, int]) -> Provenance:
        """What a model made now comes from, with the versions of the tables read."""
        lock = find_lock_file()
        return Provenance(
            data_versions=versions,
            settings={"arguments": asdict(self.arguments), **asdict(self.settings)},
            commit=find_commit(Path.cwd()),
            lock_hash=hash_lock_file(lock),
            lock_file=lock if lock.is_file() else None,
            code_hash=hash_code(),
            wheel_hash=find_wheel_hash(),
            runtime=describe_runtime(),
        )


@contextmanager
def task_context(task: str, argv: Sequence[str] | None = None) -> Iterator[Context]:
    """Build what the task needs, and keep its attempt as an MLflow run while it works.

    Raises:
        ConfigurationError: a parameter or a setting cannot be used.
        MachineError: the JVM has ended while the task worked.
    """
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT)
    logging.getLogger("py4j").setLevel(logging.WARNING)
    context = build_context(task, parse_arguments(task, argv))
    connect_mlflow(context.arguments.experiment, context.local)
    started = datetime.now(UTC)
    with mlflow.start_run(run_name=task, tags=attempt_tags(context)):
        state = "FAILED"
        try:
            with naming_a_dead_jvm():
                yield context
            state = "SUCCESS"
        finally:
            if on_databricks():
                record_cost(context, started, state)


def build_context(task: str, arguments: Arguments) -> Context:
    """Arguments to the things that they name."""
    local = None if in_workspace() else local_folder()
    warehouse = local / "warehouse" if local else None
    arguments = replace(arguments, schema=arguments.schema or choose_schema(warehouse))
    tables = Tables(arguments.catalog, arguments.schema, warehouse)
    return Context(task, arguments, load_settings(arguments), tables, local)


def load_settings(arguments: Arguments) -> Settings:
    """The settings file, if there is one, with what parameters say put on top.

    Raises:
        ConfigurationError: an unknown section or key, or a value that cannot be used.
    """
    settings = build_settings(read_yaml(Path(arguments.settings)) if arguments.settings else {})
    if not arguments.trials:
        return settings
    trials = arguments.whole_number("trials")
    return replace(settings, training=replace(settings.training, trials=trials))


def build_settings(values: Mapping[str, Any]) -> Settings:
    """Settings from mappings by section; an absent section has its defaults.

    Raises:
        ConfigurationError: an unknown section or key, or a value that cannot be used.
    """
    unknown = sorted(set(values) - set(SECTIONS))
    if unknown:
        raise ConfigurationError(f"settings have no section {', '.join(unknown)}; known are {', '.join(SECTIONS)}")
    return Settings(**{name: load_section(kind, values.get(name) or {}, name) for name, kind in SECTIONS.items()})


def connect_mlflow(experiment: str, local: Path | None) -> None:
    """Choose the tracking store and the registry, and make the experiment if it is not there."""
    choose_stores(local)
    if local and mlflow.get_experiment_by_name(experiment) is None:
        mlflow.create_experiment(experiment, artifact_location=(local / "mlartifacts").as_uri())
    mlflow.set_experiment(experiment)


def choose_stores(local: Path | None) -> None:
    """The tracking store and the registry: those of the workspace, or one SQLite file."""
    if local is None:
        mlflow.set_tracking_uri("databricks")
        mlflow.set_registry_uri("databricks-uc")
    else:
        local.mkdir(parents=True, exist_ok=True)
        database = f"sqlite:///{local / 'mlflow.db'}"
        mlflow.set_tracking_uri(database)
        mlflow.set_registry_uri(database)


def attempt_tags(context: Context) -> dict[str, str]:
    """What identifies the attempt; by these the costs find the run."""
    arguments = context.arguments
    identity = {name: getattr(arguments, name) for name in ("job_run_id", "task_run_id", "attempt", "as_of")}
    return {"task": context.task, **{name: value for name, value in identity.items() if value}}


def record_cost(context: Context, started: datetime, state: str) -> None:
    """Write what the attempt cost; on a laptop the runner does, which also sees attempts that were killed."""
    from runcosts.attempt import Attempt  # noqa: PLC0415  needed on a cluster only
    from runcosts.on_cluster import record_attempt  # noqa: PLC0415

    arguments = context.arguments
    attempt = Attempt(
        workspace=arguments.workspace_id,
        target=None,
        job_id=arguments.job_id,
        job_name=arguments.job_name,
        job_run_id=arguments.job_run_id,
        task_key=context.task,
        task_run_id=arguments.task_run_id,
        attempt=arguments.whole_number("attempt") - 1,
        started_at=started,
        ended_at=datetime.now(UTC),
        result_state=state,
    )
    mlflow.log_metrics(record_attempt(context.spark, context.tables.plain_name(RUN_COSTS), attempt).metrics())
