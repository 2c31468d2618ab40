"""What tests of several folders share: one Spark session with Delta, and tables of one's own in it."""

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

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
