"""What Prometheus may ask for; with several workers their numbers are added up."""

import os
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client import generate_latest as render
from prometheus_client.multiprocess import MultiProcessCollector

SHARED_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
SECONDS: Final = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
DISTANCES: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
MEDIA_TYPE: Final = CONTENT_TYPE_LATEST

REQUESTS: Final = Counter("fraud_requests", "requests by address and status", ["path", "status"])
LATENCY: Final = Histogram("fraud_request_seconds", "time to the whole answer", ["path"], buckets=SECONDS)
SCORED: Final = Counter("fraud_transactions_scored", "transactions that got a score")
ALERTS: Final = Counter("fraud_alerts", "of these, how many are worth a review")
FLAGS: Final = Counter("fraud_flags", "scores with a flag, by flag", ["flag"])
BATCH: Final = Histogram("fraud_batch_size", "transactions computed together", buckets=(1, 2, 4, 8, 16, 32))
STORE_ERRORS: Final = Counter("fraud_store_errors", "times the store did not answer")
RELOADS: Final = Counter("fraud_model_reloads", "times a model was looked for and changed, by outcome", ["outcome"])
VERSION: Final = Gauge("fraud_model_version", "version in use; 0 for none", multiprocess_mode="mostrecent")
CHALLENGER_VERSION: Final = Gauge(
    "fraud_challenger_version", "the same of the challenger", multiprocess_mode="mostrecent"
)
DECIDED: Final = Counter("fraud_decisions", "decisions by who decided and what", ["variant", "is_alert"])
STOOD_IN: Final = Counter("fraud_champion_stood_in", "decisions of the champion, because the challenger gave none")
SHADOWED: Final = Counter(
    "fraud_shadow_decisions", "what the shadow would have decided, beside what was", ["shadow", "decided"]
)
SHADOW_DISTANCE: Final = Histogram(
    "fraud_shadow_distance", "between the probabilities of shadow and champion", buckets=DISTANCES
)
SHADOW_LOST: Final = Counter("fraud_shadow_lost", "transactions that the shadow did not score, by reason", ["reason"])


def collect() -> bytes:
    """All numbers, of all workers."""
    if SHARED_FOLDER not in os.environ:
        return render(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return render(registry)
