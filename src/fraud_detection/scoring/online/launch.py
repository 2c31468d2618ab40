"""How a worker of the app is made: from settings, the environment and the registry, in a process without Spark."""

import json
import logging
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Final

import mlflow
from fastapi import FastAPI
from mlflow import MlflowClient

from fraud_detection.card_numbers import read_keys
from fraud_detection.config import load_section, read_yaml
from fraud_detection.errors import ConfigurationError
from fraud_detection.features.definition import fingerprint
from fraud_detection.features.settings import FeatureSettings
from fraud_detection.models.versions import find_model
from fraud_detection.scoring.online.app import Parts, build_app
from fraud_detection.scoring.online.champion import registered_line_up
from fraud_detection.scoring.online.credentials import APP, read_tokens
from fraud_detection.scoring.online.postgres import PostgresStore
from fraud_detection.scoring.online.settings import ServingSettings
from fraud_detection.scoring.online.sqlite import SqliteStore
from fraud_detection.scoring.online.store import Store
from fraud_detection.scoring.settings import ScoringSettings

OPTIONS: Final = "FRAUD_SERVE_OPTIONS"
LOCAL_FOLDER: Final = "FRAUD_LOCAL_FOLDER"
APP_PREFIX: Final = "/api"
LOOPBACK: Final = "127.0.0.1"
LOG_FORMAT: Final = "%(asctime)s %(levelname)s %(message)s"
POSTGRES_LANES: Final = 3


@dataclass(frozen=True)
class Options:
    """What `fraud-serve` was told, for its workers.

    Attributes:
        settings: a YAML file with the sections features, serving and scoring; empty for the defaults.
        model_name: in the registry; empty for its only model.
        as_of: the day that counts as today, for data of the past; empty for the real one.
    """

    settings: str = ""
    model_name: str = ""
    as_of: str = ""


@dataclass(frozen=True)
class Settings:
    """The sections that the app reads."""

    features: FeatureSettings
    serving: ServingSettings
    scoring: ScoringSettings


def make_worker() -> FastAPI:
    """What uvicorn calls in each worker.

    Raises:
        ConfigurationError: there is no token, or a setting cannot be used.
    """
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT)
    options = Options(**json.loads(os.environ.get(OPTIONS, "{}")))
    tokens, settings = read_tokens(), load_settings(options.settings)
    choose_registry()
    return build_app(
        Parts(
            settings=settings.serving,
            features=settings.features,
            store=open_store(settings),
            models=registered_line_up(options.model_name or find_model(MlflowClient()), settings.scoring),
            tokens=tokens,
            now=make_clock(options.as_of),
            prefix=APP_PREFIX if is_app() else "",
            lanes=POSTGRES_LANES if settings.serving.store == "postgres" else 1,
            card_keys=read_keys(),
        )
    )


def load_settings(file: str) -> Settings:
    """The sections features, serving and scoring of a settings file; others are for tasks.

    Raises:
        ConfigurationError: the file or a value cannot be used.
    """
    values = read_yaml(Path(file)) if file else {}
    features = load_section(FeatureSettings, values.get("features") or {}, "features")
    serving = load_section(ServingSettings, values.get("serving") or {}, "serving")
    return Settings(features, serving, load_section(ScoringSettings, values.get("scoring") or {}, "scoring"))


def open_store(settings: Settings) -> Store:
    """The store that the settings name; nothing is opened before it is used.

    Histories are of cards by their tokens, so other keys of card numbers make it another store, to be filled anew.
    """
    marks = read_keys().marks
    definition = fingerprint(settings.features) + (f"+{marks}" if marks else "")
    if settings.serving.store == "postgres":
        return PostgresStore(definition)
    return SqliteStore(local_folder() / settings.serving.store_file, definition)


def choose_registry() -> None:
    """The registry of the workspace for an app on Databricks, else one SQLite file."""
    if is_app():
        mlflow.set_tracking_uri("databricks")
        mlflow.set_registry_uri("databricks-uc")
    else:
        mlflow.set_tracking_uri(f"sqlite:///{local_folder() / 'mlflow.db'}")


def make_clock(as_of: str) -> Callable[[], datetime]:
    """The real clock, or one that starts now at the end of the day before `as_of`.

    Raises:
        ConfigurationError: as_of is no ISO date.
    """
    if not as_of:
        return lambda: datetime.now(UTC)
    try:
        start = datetime.combine(date.fromisoformat(as_of), time(), UTC)
    except ValueError as error:
        raise ConfigurationError(f"--as-of is {as_of!r}; expected a day such as 2018-10-01") from error
    shift = datetime.now(UTC) - start
    return lambda: datetime.now(UTC) - shift


def address(port: int) -> tuple[str, int]:
    """Host and port: those that Databricks gives an app, else this machine alone."""
    return ("0.0.0.0", int(os.environ[APP])) if is_app() else (LOOPBACK, port)  # noqa: S104  the platform's proxy is in front


def is_app() -> bool:
    """Whether this is an app on Databricks."""
    return APP in os.environ


def local_folder() -> Path:
    """As `session.local_folder`, which needs Spark to be there."""
    return Path(os.environ.get(LOCAL_FOLDER, ".local")).resolve()


def pass_on(options: Options) -> None:
    """Leave the options to the workers, which are processes of their own."""
    os.environ[OPTIONS] = json.dumps(asdict(options))
