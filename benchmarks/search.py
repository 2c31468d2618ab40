"""Where to search: the same objective in threads and on Spark's workers, by joblib and by MLflow's study.

    python benchmarks/search.py --seed 1 --trials 12 --workers 2
    python benchmarks/search.py --customers 1000 --terminals 2000 --json

The reference is the default: one trial at a time, XGBoost with as many threads as there are workers elsewhere. The
other places run as many trials at a time as there are workers, each with one thread, and get the same proposals; only
MLflow's study proposes for itself, so compare its overhead and not its sum of judging. Overhead is the wall time that
no worker spent judging, by trial; trials as MLflow runs are part of it everywhere. Python workers start cold. On a
busy machine compare with the default measured again at the end.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
import polars as pl
from mlflow import MlflowClient

from fraud_detection.data.generator import World, generate_transactions
from fraud_detection.features.registry import MODEL_FEATURES
from fraud_detection.local_spark import build_local_session
from fraud_detection.models.search.runs import log_trials
from fraud_detection.models.settings import TrainingSettings
from fraud_detection.models.split import protocol_test_folds
from fraud_detection.models.training import find_parameters
from protocol import add_features, with_known_at

REFERENCE = "one at a time (default)"
AGAIN = "the default again"
PLACES = ("threads", "joblib_spark", "mlflow_spark")
MEAN = "mean_after_"


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    options = _parse(argv)
    world = World(seed=options.seed, customers=options.customers, terminals=options.terminals)
    rows = add_features(with_known_at(generate_transactions(world).drop("scenario")))
    alone = TrainingSettings(trials=options.trials, threads=options.workers)
    shared = replace(alone, threads=1, search_workers=options.workers)
    asked = {REFERENCE: alone} | {place: replace(shared, search_in=place) for place in PLACES} | {AGAIN: alone}
    with tempfile.TemporaryDirectory() as folder:
        build_local_session(Path(folder) / "warehouse", str(options.workers)).range(1).count()
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        mlflow.set_experiment("search")
        found = {name: _measure(rows, settings, Path(folder) / name) for name, settings in asked.items()}
    for name, result in found.items():
        _print(name, result, found[REFERENCE])
    if options.json:
        print(json.dumps({"rows": rows.height, "trials": options.trials, "places": found}))


def _measure(rows: pl.DataFrame, settings: TrainingSettings, keep: Path) -> dict[str, Any]:
    with mlflow.start_run() as run:
        began = time.perf_counter()
        study = find_parameters(rows, MODEL_FEATURES, protocol_test_folds()[0], settings, keep)
        searched = time.perf_counter()
        log_trials(MlflowClient(), run.info.run_id, study)
        logged = time.perf_counter()
    judged = float(study.trials["seconds"].sum())
    steps = sum(study.trials[name].count() for name in study.trials.columns if name.startswith(MEAN))
    return {
        "wall_seconds": logged - began,
        "logging_seconds": logged - searched,
        "judging_seconds": judged,
        "overhead_a_trial": (logged - began - judged / settings.search_workers) / study.trials.height,
        "steps": steps,
        "pruned": study.trials["state"].to_list().count("pruned"),
        "best": study.value,
        "workers": len({worker for cell in study.trials["workers"] for worker in cell.split()}),
    }


def _print(name: str, found: dict[str, Any], reference: dict[str, Any]) -> None:
    ratio = found["wall_seconds"] / reference["wall_seconds"]
    tried = f"{found['steps']} steps, {found['pruned']} pruned, {found['workers']} workers, best {found['best']:.4f}"
    print(f"{name:<24} {found['wall_seconds']:6.1f} s, {ratio:5.2f} of the default; {tried}", end="; ")
    print(f"judging {found['judging_seconds']:.1f} s, overhead a trial {found['overhead_a_trial']:.2f} s")


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="of the generated world")
    parser.add_argument("--customers", type=int, default=World().customers)
    parser.add_argument("--terminals", type=int, default=World().terminals)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--workers", type=int, default=2, help="trials at a time, where there are several")
    parser.add_argument("--json", action="store_true", help="make the last line one JSON object")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
