"""The four-fold protocol: the plain 15-feature XGBoost against the full recipe, on the same rows.

    python benchmarks/protocol.py --seeds 1,2,3
    python benchmarks/protocol.py --transactions T.parquet --labels L.parquet --predictions OUT.parquet --json

Both are tuned on the four validation folds only, all of whose labels are known before the first test week: the plain
one by the published grid, the full one by the search of the training task.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from fraud_detection.data.generator import World, generate_transactions
from fraud_detection.features.registry import MODEL_FEATURES, REFERENCE_FEATURES
from fraud_detection.features.single_node import compute_features
from fraud_detection.models.boosting import Binned, draw_sample, feature_matrix, fit_booster
from fraud_detection.models.metrics import Metrics, Scores, evaluate
from fraud_detection.models.settings import TrainingSettings
from fraud_detection.models.split import (
    Fold,
    evaluation_rows,
    protocol_test_folds,
    protocol_validation_folds,
    training_rows,
)
from fraud_detection.models.training import find_parameters, fit_candidate, score_rows

LABEL_DELAY = pl.duration(days=7)
UTC_TIME = pl.Datetime("us", "UTC")
FOLDS = protocol_test_folds()
CANARIES = {"auc_roc": 0.91, "average_precision": 0.80, "card_precision": 0.33}
SHORT = {"auc_roc": "AUC", "average_precision": "AP", "card_precision": "CP@100"}

PUBLISHED = {
    "logistic regression, tuned": (0.868, 0.623, 0.297),
    "random forest, tuned": (0.870, 0.678, 0.299),
    "XGBoost, tuned": (0.869, 0.687, 0.303),
    "best neural networks": (0.879, 0.680, 0.305),
}
"""On the published data, mean of its four test weeks (Le Borgne et al., Fraud Detection Handbook, 2022)."""

FULL = TrainingSettings()
# The published way (Handbook, 2022, chapter 5.5): the training week alone, all of its rows, and this grid.
PLAIN = {"min_child_weight": 1, "subsample": 1, "colsample_bytree": 1, "scale_pos_weight": 1}
GRID = tuple(product((3, 6, 9), (0.1, 0.3), (25, 50, 100)))  # depth, learning rate, trees


@dataclass(frozen=True)
class Result:
    """One recipe on the four test folds."""

    folds: tuple[Metrics, ...]
    predictions: pl.DataFrame
    seconds: dict[str, float]

    def mean(self, metric: str) -> float:
        """Mean of a metric over the folds."""
        return float(np.mean([getattr(fold, metric) for fold in self.folds]))


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print, and write what was asked for."""
    options = _parse(argv)
    outcomes = []
    for name, history in _inputs(options):
        began = time.perf_counter()
        rows = add_features(history)
        seconds = {"features": time.perf_counter() - began}
        plain, full = run_plain(rows), run_full(rows)
        outcomes.append(_outcome(name, rows.height, plain, full, seconds))
        _print_outcome(outcomes[-1])
        if options.predictions:
            _write_predictions(full.predictions, options.predictions, options.transactions)
    summary = _summary(outcomes)
    _print_summary(summary, len(outcomes))
    if options.json:
        print(json.dumps({"runs": outcomes, **summary}))


def add_features(history: pl.DataFrame) -> pl.DataFrame:
    """The history with all features, computed from labels as they were visible at each transaction."""
    features = compute_features(history).with_columns(pl.col(MODEL_FEATURES).cast(pl.Float32))
    labels = history.select("transaction_id", "is_fraud", "known_at")
    return features.join(labels, on="transaction_id", how="left", maintain_order="left")


def run_plain(rows: pl.DataFrame) -> Result:
    """The 15 reference features, trained on one week, tuned."""
    began = time.perf_counter()
    weeks = [(_plain_week(rows, fold), evaluation_rows(rows, fold)) for fold in protocol_validation_folds()]
    tried = {point: np.mean([_plain_precision(week, judged, point) for week, judged in weeks]) for point in GRID}
    best = max(GRID, key=lambda point: tried[point])
    searched = time.perf_counter() - began
    return _run(rows, lambda fold, judged: _plain_scores(_plain_week(rows, fold), judged, best), searched)


def _plain_week(rows: pl.DataFrame, fold: Fold) -> Binned:
    week = training_rows(rows, fold).sort("event_time", "transaction_id")
    return draw_sample(week, REFERENCE_FEATURES, 1, FULL.seed).binned(FULL.threads)


def _plain_scores(week: Binned, judged: pl.DataFrame, point: tuple[int, float, int]) -> Scores:
    depth, rate, trees = point
    parameters = {**PLAIN, "max_depth": depth, "learning_rate": rate}
    booster = fit_booster(week, parameters, trees, FULL.threads, FULL.seed)
    return np.asarray(booster.inplace_predict(feature_matrix(judged, REFERENCE_FEATURES)))


def _plain_precision(week: Binned, judged: pl.DataFrame, point: tuple[int, float, int]) -> float:
    return evaluate(judged, _plain_scores(week, judged, point)).average_precision


def run_full(rows: pl.DataFrame) -> Result:
    """All features and the recipe that the training task uses."""
    began = time.perf_counter()
    parameters = find_parameters(rows, MODEL_FEATURES, FOLDS[0], FULL).parameters
    searched = time.perf_counter() - began

    def score(fold: Fold, judged: pl.DataFrame) -> Scores:
        return score_rows(fit_candidate(rows, MODEL_FEATURES, fold, FULL, parameters).scorer, judged)

    return _run(rows, score, searched)


def _run(rows: pl.DataFrame, score: Callable[[Fold, pl.DataFrame], Scores], searched: float) -> Result:
    began, metrics, predictions = time.perf_counter(), [], []
    for number, fold in enumerate(FOLDS):
        judged = evaluation_rows(rows, fold)
        scores = score(fold, judged)
        metrics.append(evaluate(judged, scores))
        predictions.append(judged.select("transaction_id", score=pl.Series(scores), fold=pl.lit(number)))
    seconds = {"search": searched, "four fits": time.perf_counter() - began}
    return Result(tuple(metrics), pl.concat(predictions), seconds)


def _outcome(name: str, rows: int, plain: Result, full: Result, seconds: dict[str, float]) -> dict[str, Any]:
    means = {
        kind: {metric: result.mean(metric) for metric in SHORT} for kind, result in (("plain", plain), ("full", full))
    }
    return {
        "name": name,
        "rows": rows,
        "folds": {"plain": [asdict(fold) for fold in plain.folds], "full": [asdict(fold) for fold in full.folds]},
        **means,
        "gain": {metric: means["full"][metric] - means["plain"][metric] for metric in SHORT},
        "below_canaries": all(means["full"][metric] <= limit for metric, limit in CANARIES.items()),
        "seconds": {
            **seconds,
            **{f"plain, {step}": took for step, took in plain.seconds.items()},
            **{f"full, {step}": took for step, took in full.seconds.items()},
        },
    }


def _summary(outcomes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    kinds = ("plain", "full", "gain")
    means = {
        kind: {metric: float(np.mean([run[kind][metric] for run in outcomes])) for metric in SHORT} for kind in kinds
    }
    return {**means, "below_canaries": all(run["below_canaries"] for run in outcomes)}


def _print_outcome(outcome: dict[str, Any]) -> None:
    print(f"\n{outcome['name']}: {outcome['rows']:,} transactions")
    for kind in ("plain", "full"):
        for number, fold in enumerate(outcome["folds"][kind]):
            print(_line(f"{kind}, fold {number} ({fold['rows']:,} rows, {fold['frauds']} frauds)", fold))
    for kind in ("plain", "full", "gain"):
        print(_line(f"{kind}, mean of four folds", outcome[kind]))
    print("  seconds: " + ", ".join(f"{step} {took:.0f}" for step, took in outcome["seconds"].items()))
    print(f"  below the leak canaries: {'yes' if outcome['below_canaries'] else 'NO: look for a leak'}")


def _print_summary(summary: dict[str, Any], runs: int) -> None:
    print("\npublished, on other data of the same simulator")
    for what, figures in PUBLISHED.items():
        print(_line(what, dict(zip(SHORT, figures, strict=True))))
    print(f"mean of {runs} data sets here")
    for kind, what in (("plain", "XGBoost, 15 features, tuned"), ("full", "this project"), ("gain", "gain")):
        print(_line(what, summary[kind]), flush=True)


def _line(what: str, values: dict[str, float]) -> str:
    sign = "+" if what.startswith("gain") else ""
    return f"  {what:<42}" + "".join(f"  {short} {values[metric]:{sign or '-'}7.4f}" for metric, short in SHORT.items())


def _inputs(options: argparse.Namespace) -> Iterator[tuple[str, pl.DataFrame]]:
    if options.transactions:
        yield options.transactions.name, read_history(options.transactions, options.labels)
        return
    for seed in options.seeds.split(","):
        rows = generate_transactions(World(seed=int(seed))).drop("scenario")
        yield f"seed {seed}", with_known_at(rows)


def read_history(transactions: Path, labels: Path) -> pl.DataFrame:
    """Files of the input contract: times of any unit or as text, amounts and identifiers of any type."""
    told = _with_text_ids(pl.read_parquet(labels))
    if told["transaction_id"].is_duplicated().any():
        raise SystemExit(f"{labels} has labels twice for one transaction; expected one each")
    joined = _with_text_ids(pl.read_parquet(transactions)).join(told, on="transaction_id", how="left", suffix="_label")
    cents = (pl.col("amount").cast(pl.Float64) * 100).round().cast(pl.Int64)
    rows = joined.select(
        pl.col("transaction_id", "customer_id", "terminal_id").cast(pl.String),
        _utc(joined, "event_time"),
        amount_cents=cents,
        is_fraud=_as_flag(joined.schema["is_fraud"]),
        known_at=_utc(joined, "known_at") if "known_at" in joined.columns else None,
    )
    return with_known_at(rows)


def _with_text_ids(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col("transaction_id").cast(pl.String))


def _as_flag(kind: pl.DataType) -> pl.Expr:
    told = pl.col("is_fraud")
    words = {"true": True, "1": True, "false": False, "0": False}
    if kind == pl.String:
        return told.str.to_lowercase().replace_strict(words, return_dtype=pl.Boolean)
    return told.cast(pl.Int8).cast(pl.Boolean)


def with_known_at(rows: pl.DataFrame) -> pl.DataFrame:
    """A label that names no time of its own is known 7 days after its transaction."""
    given = pl.col("known_at") if "known_at" in rows.columns else pl.lit(None, UTC_TIME)
    return rows.with_columns(
        known_at=pl.coalesce(given.cast(UTC_TIME), pl.col("event_time") + LABEL_DELAY),
    )


def _utc(frame: pl.DataFrame, name: str) -> pl.Expr:
    kind = frame.schema[name]
    if kind == pl.String:
        return pl.col(name).str.to_datetime(time_unit="us", time_zone="UTC")
    zone = kind.time_zone if isinstance(kind, pl.Datetime) else None
    moment = pl.col(name).cast(pl.Datetime("us", zone))
    return moment.dt.convert_time_zone("UTC") if zone else moment.dt.replace_time_zone("UTC")


def _write_predictions(predictions: pl.DataFrame, target: Path, transactions: Path | None) -> None:
    """One row for each test transaction, its identifier of the type that the input has."""
    if transactions:
        kind = pl.read_parquet_schema(transactions)["transaction_id"]
        predictions = predictions.with_columns(pl.col("transaction_id").cast(kind))
    predictions.write_parquet(target)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--seeds", help="generated worlds of the reference size, such as 1,2,3")
    source.add_argument("--transactions", type=Path, help="Parquet: transaction_id, event_time, customer_id, ...")
    parser.add_argument(
        "--labels", type=Path, help="Parquet: transaction_id, is_fraud, known_at (or event_time + 7 days)"
    )
    parser.add_argument("--predictions", type=Path, help="where to write transaction_id, score, fold 0-3")
    parser.add_argument("--json", action="store_true", help="make the last line one JSON object")
    options = parser.parse_args(argv)
    if options.transactions and not options.labels:
        parser.error("--transactions needs --labels")
    if options.predictions and options.seeds and "," in options.seeds:
        parser.error("--predictions takes one data set: name one seed, or files")
    return options


if __name__ == "__main__":
    main()
