"""Builders of attempts, events, shapes and rows, and a local Spark session."""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from fraud_detection.local_spark import build_local_session
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
    peak_memory_bytes: int | None = 3 * 2**30
    cpu_seconds: float | None = 1800.0


@pytest.fixture
def make_event() -> Callable[..., Event]:
    return Event


@pytest.fixture
def make_attempt() -> Callable[..., Attempt]:
    def make(**changes: Any) -> Attempt:
        event = Event()
        told = set(Attempt.__dataclass_fields__) - {"peak_memory_mib", "cpu_seconds"}
        defaults = {name: getattr(event, name) for name in told}
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
    """The session that other tests have started, or one of our own; with a schema for ledgers."""
    place, running = tmp_path_factory.mktemp("spark"), SparkSession.getActiveSession()
    session = running or build_local_session(place / "warehouse", cores="2")
    session.sql(f"CREATE SCHEMA costs LOCATION '{place / 'costs'}'")
    yield session
    session.sql("DROP SCHEMA costs CASCADE")
    if running is None:
        session.stop()
