"""What tests of several folders share: one Spark session with Delta, and tables of one's own in it."""

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from pyspark.sql import SparkSession

from fraud_detection.features.contract import KEYS
from fraud_detection.features.feature import FeatureGroup
from fraud_detection.features.online import compute_features_now, plan_online, to_history, to_incoming
from fraud_detection.features.registry import GROUPS
from fraud_detection.features.settings import FeatureSettings
from fraud_detection.features.stages import plan_stages
from fraud_detection.local_spark import build_local_session
from fraud_detection.session import get_session, uses_connect
from fraud_detection.tables import Tables
from small import INTERPRETED, JAVA_OPTIONS, environment_of_tasks

FAST_START = ("JAVA_TOOL_OPTIONS", JAVA_OPTIONS)
os.environ.pop("COLUMNS", None)  # pytest-xdist tells its workers a width, and our commands heed it


def pytest_addoption(parser):
    """`make faults` asks for the long ones too."""
    parser.addoption("--nightly", action="store_true", help="run what is too long for every change, too")


def pytest_runtest_setup(item):
    """Skip what is for the night, and on Connect what says that it needs a classic session; each says why."""
    nightly, classic = item.get_closest_marker("nightly"), item.get_closest_marker("classic")
    if nightly and not item.config.getoption("--nightly"):
        pytest.skip(f"in the night only (make faults): {nightly.args[0]}")
    if classic and uses_connect():
        pytest.skip(f"needs a classic session: {classic.args[0]}")


@pytest.fixture(scope="session")
def task_environment() -> dict[str, str]:
    """The environment of tasks that run as processes of their own."""
    return environment_of_tasks()


@pytest.fixture(scope="session")
def spark(tmp_path_factory) -> Iterator[SparkSession]:
    """The session that runs already, or one for all tests, on Connect where the environment names a server.

    Tiny frames want few partitions.
    """
    running = get_session(Path()) if uses_connect() else SparkSession.getActiveSession()
    if running is None:
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv(*FAST_START)
            session = build_local_session(tmp_path_factory.mktemp("spark") / "warehouse", cores="2")
    else:
        session = running
    for setting, value in {**INTERPRETED, "spark.sql.shuffle.partitions": "1"}.items():
        session.conf.set(setting, value)
    yield session
    if running is None:
        session.stop()


def _new_tables(warehouse: Path) -> Tables:
    return Tables("spark_catalog", f"test_{uuid.uuid4().hex}", warehouse)


@pytest.fixture(scope="session")
def make_tables() -> Callable[[Path], Tables]:
    """Tables that no other test knows: the session's catalog is shared, so the schema has a new name."""
    return _new_tables


@pytest.fixture
def tables(tmp_path) -> Tables:
    return _new_tables(tmp_path / "warehouse")


def _compute_online(
    transactions: pl.DataFrame,
    histories: dict[str, pl.DataFrame],
    settings: FeatureSettings = FeatureSettings(),  # noqa: B008  frozen
    groups: tuple[FeatureGroup, ...] = GROUPS,
) -> pl.DataFrame:
    held = {
        stage.entity: {key[0]: to_history(rows, stage) for key, rows in histories[stage.entity].group_by(stage.entity)}
        for stage in plan_stages(groups)
    }
    features = compute_features_now(to_incoming(transactions), *held.values(), settings, plan_online(groups))
    return (
        transactions.select(KEYS).hstack(pl.DataFrame(features)).select(*KEYS, *(c for g in groups for c in g.columns))
    )


@pytest.fixture(scope="session")
def compute_online() -> Callable[..., pl.DataFrame]:
    """The online function on frames: transactions, and by entity the rows of their cards and terminals."""
    return _compute_online


class Registry:
    """MLflow's registry on SQLite, and what puts scorers into it."""

    def __init__(self, folder: Path) -> None:
        from mlflow import MlflowClient  # noqa: PLC0415  takes seconds that most tests need not wait

        self.folder, self.client = folder, MlflowClient()

    def add(self, name, scorer, *aliases: str) -> int:
        """A version that holds the scorer's files, as those of a stored model."""
        if not self.client.search_registered_models(f"name='{name}'"):
            self.client.create_registered_model(name)
        source = self.folder / uuid.uuid4().hex
        scorer.save(source / "artifacts" / "boosters")
        version = int(self.client.create_model_version(name, source.as_uri()).version)
        for alias in aliases:
            self.client.set_registered_model_alias(name, alias, str(version))
        return version


@pytest.fixture(scope="session")
def registry_folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("registry")


@pytest.fixture
def registry(registry_folder) -> Iterator[Registry]:
    """A registry that this session's tests share: give each model a name of its own."""
    import mlflow  # noqa: PLC0415  the same

    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    database = f"sqlite:///{registry_folder / 'mlflow.db'}"
    mlflow.set_tracking_uri(database)
    mlflow.set_registry_uri(database)
    yield Registry(registry_folder)
    mlflow.set_tracking_uri(before[0])
    mlflow.set_registry_uri(before[1])
