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

# What runs for seconds isn't worth the best code; and code without room for it would stop being compiled at all.
FAST_START = ("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m")


@pytest.fixture(scope="session")
def task_environment() -> dict[str, str]:
    """The environment of tasks that run as processes of their own."""
    kept = {name: value for name, value in os.environ.items() if name != "FRAUD_LOCAL_FOLDER"}
    return {**kept, "FRAUD_DRIVER_MEMORY": "1g", FAST_START[0]: FAST_START[1]}


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
    session.conf.set("spark.sql.shuffle.partitions", "1")
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
