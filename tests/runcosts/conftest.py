"""Builders of attempts, events, shapes and rows, and one local Spark session."""

import datetime as dt
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from runcosts.attempt import Attempt
from runcosts.cluster import ClusterShape
from runcosts.estimate import estimate
from runcosts.ledger import RunCost, run_cost
from runcosts.prices import Prices, Terms, load_prices

STARTED_AT = dt.datetime(2018, 10, 1, 2, 30, tzinfo=dt.UTC)


@dataclass
class Event:
    """An attempt as localjobs tells it."""

    workspace: str = "local"
    target: str = "local"
    bundle_root: Path = Path()
    job_key: str = "training"
    job_name: str = "fraud training"
    job_id: str = "11"
    job_run_id: str = "22"
    task_key: str = "train"
    task_run_id: str = "33"
    attempt: int = 0
    started_at: dt.datetime = STARTED_AT
    ended_at: dt.datetime = STARTED_AT + dt.timedelta(minutes=20)
    result_state: str = "SUCCESS"
    message: str = ""
    compute: dict[str, Any] | None = field(default_factory=lambda: {"node_type_id": "m5d.xlarge", "num_workers": 2})
    job_parameters: dict[str, str] = field(default_factory=lambda: {"schema": "fraud"})
    tags: dict[str, str] = field(default_factory=dict)


@pytest.fixture
def make_event() -> Callable[..., Event]:
    return Event


@pytest.fixture
def make_attempt() -> Callable[..., Attempt]:
    def make(**changes: Any) -> Attempt:
        event = Event()
        defaults = {name: getattr(event, name) for name in Attempt.__dataclass_fields__}
        return Attempt(**(defaults | changes))

    return make


@pytest.fixture
def make_shape() -> Callable[..., ClusterShape]:
    def make(workers: int = 2, node: str = "m5d.xlarge", **changes: Any) -> ClusterShape:
        defaults = {
            "node_type": node,
            "driver_node_type": node,
            "min_workers": workers,
            "max_workers": workers,
            "expected_workers": Decimal(workers),
        }
        return ClusterShape(**(defaults | changes))

    return make


@pytest.fixture(scope="session")
def prices() -> Prices:
    return load_prices()


@pytest.fixture
def make_row(make_attempt, make_shape, prices) -> Callable[..., RunCost]:
    def make(**changes: Any) -> RunCost:
        attempt, shape, terms = make_attempt(**changes), make_shape(), Terms()
        return run_cost(attempt, shape, estimate(shape, attempt.seconds, prices, terms), terms)

    return make


@pytest.fixture(scope="session")
def spark(tmp_path_factory) -> Iterator[Any]:
    from delta import configure_spark_with_delta_pip
    from pyspark.sql import SparkSession

    place = tmp_path_factory.mktemp("spark")
    builder = (
        SparkSession.builder.master("local[2]")
        .appName("runcosts")
        .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
        .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
        .config("spark.sql.warehouse.dir", str(place / "warehouse"))
        .config("spark.databricks.delta.snapshotPartitions", "2")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.ui.enabled", "false")
        .config("spark.pyspark.python", sys.executable)
        .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
    )
    session = configure_spark_with_delta_pip(builder).getOrCreate()
    session.sql(f"CREATE SCHEMA IF NOT EXISTS costs LOCATION '{place / 'costs'}'")
    yield session
    session.stop()
