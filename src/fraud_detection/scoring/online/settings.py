"""What may be set about scoring online; load it by `config.load_section`, which refuses unknown keys."""

from typing import Literal

from pydantic.dataclasses import dataclass

from fraud_detection.errors import ConfigurationError

StoreKind = Literal["sqlite", "postgres"]


@dataclass(frozen=True)
class ServingSettings:
    """Settings of the app, the section `serving`. Secrets are none of them: those come from the environment.

    Attributes:
        store: where histories are: a file of SQLite, or PostgreSQL (Lakebase too), found by libpq's variables PG….
        store_file: of SQLite; a relative one lies in the local folder.
        keep_days: how many days of events the store keeps; a look-back plus max_age_days must fit.
        workers: processes of the app.
        reasons: most reasons given for a score.
        max_body_bytes: larger bodies are refused.
        max_transactions: most transactions of a request.
        body_seconds: how long a body may take to arrive.
        requests_per_second: the app as a whole answers so many on average; each worker has its part.
        burst: requests that may come at once beyond that.
        refusals_per_second: the same for requests without a valid token, so that guessing is slow.
        future_hours: how far an event may lie in the future; clocks differ.
        max_age_days: how far it may lie in the past.
        max_amount: largest amount, in major units.
        batch: most transactions that are computed together.
        reload_seconds: how often the champion is looked up.
        shutdown_seconds: how long requests that are being answered may take after a signal to stop.
        endpoint: whether the task register makes and updates a Model Serving endpoint, on Databricks.
        endpoint_name: its name; empty for that of the model.
        endpoint_size: its size, as the platform calls it.
    """

    store: StoreKind = "sqlite"
    store_file: str = "online.db"
    keep_days: int = 120
    workers: int = 1
    reasons: int = 3
    max_body_bytes: int = 1_048_576
    max_transactions: int = 100
    body_seconds: float = 10.0
    requests_per_second: float = 2000.0
    burst: int = 1000
    refusals_per_second: float = 20.0
    future_hours: float = 24.0
    max_age_days: float = 30.0
    max_amount: float = 1_000_000.0
    batch: int = 16
    reload_seconds: float = 30.0
    shutdown_seconds: int = 20
    endpoint: bool = False
    endpoint_name: str = ""
    endpoint_size: Literal["Small", "Medium", "Large"] = "Small"

    def __post_init__(self) -> None:
        """Refuse what would answer nobody."""
        counts = ("keep_days", "workers", "max_body_bytes", "max_transactions", "burst", "batch")
        rates = ("requests_per_second", "refusals_per_second", "reload_seconds", "body_seconds", "max_amount")
        for name in (*counts, *rates):
            if getattr(self, name) <= 0:
                raise ConfigurationError(f"serving.{name} is {getattr(self, name)}; expected more than 0")
        for name in ("reasons", "future_hours", "max_age_days", "shutdown_seconds"):
            if getattr(self, name) < 0:
                raise ConfigurationError(f"serving.{name} is {getattr(self, name)}; expected at least 0")
