"""What localjobs calls for each attempt that has ended, by entry point: estimate, keep the row, tell MLflow."""

import warnings
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, Protocol

from runcosts.attempt import Attempt
from runcosts.bundle import Tree, resolve_bundle
from runcosts.cluster import ClusterShape, UnknownShape, declared_shape
from runcosts.compute import POOLS, declared_task_shape
from runcosts.errors import BundleError, NoLedgerWarning, UnpricedWarning
from runcosts.estimate import estimate
from runcosts.ledger import RunCost, run_cost
from runcosts.prices import Prices, load_prices
from runcosts.settings import Settings, check_settings, ledger_folder, load_settings
from runcosts.tracking import finish_run, open_client

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from runcosts.local_ledger import LocalLedger

SLOW_IMPORTS = {"runcosts.local_ledger": "ledger", "mlflow": "tracking_uri"}


class AttemptEvent(Protocol):
    """What the sink reads of an attempt that has ended, in success, failure or by a kill. Times are in UTC."""

    workspace: str
    target: str
    job_key: str
    job_id: int | str
    job_name: str
    job_run_id: int | str
    task_key: str
    task_run_id: int | str
    attempt: int
    started_at: datetime
    ended_at: datetime
    result_state: str
    compute: Mapping[str, Any] | None
    job_parameters: Mapping[str, str]
    peak_memory_bytes: int | None
    cpu_seconds: float | None


class CostSink:
    """Estimates attempts; holds the ledgers and the MLflow client open between them."""

    def __init__(self, bundle_root: Path, settings: Settings, prices: Prices) -> None:
        """Take what to estimate by; nothing is opened before the first attempt."""
        self._root = bundle_root
        self._settings = settings
        self._prices = prices
        self._ledgers: dict[Path, LocalLedger] = {}
        self._client: MlflowClient | None = None
        self._trees: dict[str, Tree] = {}

    def attempt_finished(self, event: AttemptEvent) -> Mapping[str, object]:
        """Estimate an attempt, write its row, complete its MLflow run; return what a display shows."""
        attempt = attempt_of(event)
        row = self._estimate(attempt, self._shape(event))
        if self._settings.ledger is not None:
            self._ledger(self._settings.ledger, event.job_parameters).write([row])
        self._tell_mlflow(attempt, row, event.job_parameters.get("experiment"))
        if row.estimated_usd is None or row.dbu is None:
            return {"cost_reason": row.reason}
        return {"estimated_cost_usd": float(row.estimated_usd), "dbu": float(row.dbu)}

    def close(self) -> None:
        """Leave the ledgers tidy."""
        for ledger in self._ledgers.values():
            ledger.close()
        self._ledgers.clear()

    def _shape(self, event: AttemptEvent) -> ClusterShape | UnknownShape:
        """As the event declares it; the nodes of a pool are declared elsewhere in the bundle, which is read then."""
        shape = declared_shape(event.compute)
        if isinstance(shape, ClusterShape) or not any((event.compute or {}).get(pool) for pool in POOLS):
            return shape
        try:
            tree = self._trees.get(event.target) or resolve_bundle(self._root, event.target, self._settings.resolve)
        except BundleError as refused:
            return UnknownShape(f"{shape.reason}: {refused}")
        self._trees[event.target] = tree
        return declared_task_shape(tree, event.job_key, event.task_key) or shape

    def _estimate(self, attempt: Attempt, shape: ClusterShape | UnknownShape) -> RunCost:
        terms = self._settings.terms
        row = run_cost(attempt, shape, estimate(shape, attempt.seconds, self._prices, terms), terms)
        if row.reason:
            warnings.warn(f"{row.task_key}: no cost estimate: {row.reason}", UnpricedWarning, stacklevel=3)
        return row

    def _ledger(self, pattern: str, parameters: Mapping[str, str]) -> "LocalLedger":
        from runcosts.local_ledger import LocalLedger  # noqa: PLC0415 - loaded in the background meanwhile

        folder = ledger_folder(self._root, pattern, parameters)
        return self._ledgers.setdefault(folder, LocalLedger(folder))

    def _tell_mlflow(self, attempt: Attempt, row: RunCost, experiment: str | None) -> None:
        if self._settings.tracking_uri is None:
            return
        self._client = self._client or open_client(self._settings.tracking_uri, self._root)
        if self._client is not None:
            finish_run(self._client, attempt, row.metrics(), experiment)


def make_sink(bundle_root: Path, target: str) -> CostSink:  # noqa: ARG001 - part of the entry point's contract
    """The sink of a bundle.

    Raises:
        SettingsError, PricesError: costs could not be estimated as [tool.runcosts] asks.
    """
    settings, prices = load_settings(bundle_root), load_prices()
    check_settings(settings, prices)
    if settings.ledger is None:
        message = f"{bundle_root / 'pyproject.toml'} has no [tool.runcosts] ledger: estimates are shown, not kept"
        warnings.warn(message, NoLedgerWarning, stacklevel=2)
    slow = [name for name, setting in SLOW_IMPORTS.items() if getattr(settings, setting)]
    Thread(target=lambda: [import_module(name) for name in slow], name="runcosts-imports", daemon=True).start()
    return CostSink(bundle_root, settings, prices)


def attempt_of(event: AttemptEvent) -> Attempt:
    """The part of an event that goes into the ledger, where ids are text whatever the runner makes of them."""
    ids: dict[str, Any] = {name: str(getattr(event, name)) for name in ("job_id", "job_run_id", "task_run_id")}
    used: dict[str, Any] = {
        "peak_memory_mib": None if event.peak_memory_bytes is None else round(event.peak_memory_bytes / 2**20),
        "cpu_seconds": None if event.cpu_seconds is None else Decimal(str(round(event.cpu_seconds, 3))),
    }
    rest: dict[str, Any] = {
        field.name: getattr(event, field.name) for field in fields(Attempt) if field.name not in ids | used
    }
    return Attempt(**ids, **used, **rest)
