"""All families of models on the same validation weeks of one generated world: how good, and at what cost.

    python benchmarks/families.py --json
    python benchmarks/families.py --families xgboost,spark_gbt --window 60
    python benchmarks/families.py --size

Each family is fitted as training does it, without a search: the same window, the same share of legitimate rows, the
same held-out days for stopping and calibration. XGBoost on one node is the reference. `bins_32` is the family with
Spark's own default of bins. Averages are of calibrated log-odds. No test week is looked at. Afterwards Spark's
CrossValidator is timed on one sample with 1, 2 and 4 fits at a time.

`--size` measures the constants of models/where.py instead, in a process of its own: bytes of a row that Spark hands
over, memory of training in copies of those rows, and CPU-seconds of a booster, here and in Spark.
"""

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import psutil
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from fraud_detection.data.generator import World, generate_transactions
from fraud_detection.features.frames import to_polars
from fraud_detection.features.registry import MODEL_FEATURES
from fraud_detection.local_spark import build_local_session
from fraud_detection.models.costs import CostSettings
from fraud_detection.models.families.family import hold_out
from fraud_detection.models.families.registry import find_family
from fraud_detection.models.families.spark_ml import RECIPES, cross_validator
from fraud_detection.models.families.spark_rows import IS_HELD_OUT, RowsInSpark, window_in_spark
from fraud_detection.models.metrics import Scores, evaluate
from fraud_detection.models.settings import TrainingSettings
from fraud_detection.models.spark_training import train_in_spark
from fraud_detection.models.split import Fold, evaluation_rows, protocol_validation_folds, training_rows
from fraud_detection.models.training import fit_candidate, score_rows, train_candidate
from fraud_detection.models.where import Room
from meter import measured
from protocol import add_features, with_known_at

FOLDS = protocol_validation_folds()
ROOM = Room(psutil.virtual_memory().available, 0, psutil.cpu_count() or 1, psutil.cpu_count() or 1)
REFERENCE = "xgboost"
FAMILIES = (
    *("xgboost", "xgboost_spark", "logistic_regression", "spark_logistic_regression"),
    *("spark_random_forest", "spark_random_forest bins_32", "spark_gbt", "spark_gbt bins_32"),
)
AVERAGES = (("xgboost", "logistic_regression"), ("xgboost", "spark_random_forest"), ("xgboost", "spark_gbt"))
PARALLELISM = (1, 2, 4)
METRICS = {"average_precision": "AP", "auc_roc": "AUC", "card_precision": "CP@100"}


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    options = _parse(argv)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        rows = make_rows(options.seed, folder)
        if options.size:
            process = get_context("spawn").Process(target=measure_sizes, args=(folder, options.json))
            process.start()
            process.join()
            return
        spark = build_local_session(folder / "warehouse")
        in_spark = spark.read.parquet(str(folder / "rows.parquet"))
        settings = TrainingSettings(window_days=options.window, boosters=options.boosters, trials=0)
        found: dict[str, Any] = {}
        scores: dict[str, list[Scores]] = {}
        for name in options.families.split(","):
            found[name], scores[name] = run_family(name, rows, in_spark, settings, folder)
            print_line(name, found[name], found.get(REFERENCE))
        for members in AVERAGES:
            if set(members) <= set(scores):
                name = f"average of {' and '.join(members)}"
                found[name] = run_average([scores[member] for member in members], rows)
                print_line(name, found[name], found.get(REFERENCE))
        found["cross_validation"] = time_cross_validation(rows, in_spark, settings, folder)
        spark.stop()
    if options.json:
        print(json.dumps(found))


def make_rows(seed: int, folder: Path) -> pl.DataFrame:
    """A world of the reference size with its features, also as a file."""
    rows = add_features(with_known_at(generate_transactions(World(seed=seed)).drop("scenario")))
    rows.write_parquet(folder / "rows.parquet")
    return rows


def run_family(
    name: str, rows: pl.DataFrame, in_spark: DataFrame, settings: TrainingSettings, folder: Path
) -> tuple[dict[str, float], list[Scores]]:
    """Fit on every fold; means of the figures, and the scores of each week."""
    family, _, bins = name.partition(" bins_")
    given = {"maxBins": float(bins)} if bins else {}
    own = replace(settings, family=family, parameters=given)
    fit = partial(fit_in_spark, in_spark, folder) if find_family(family).on_spark else partial(fit_here, rows)
    figures, scores, wall, cpu = [], [], 0.0, 0.0
    for fold in FOLDS:
        with measured() as cost:
            scorer = fit(fold, own)
        wall, cpu = wall + cost.wall_seconds, cpu + cost.cpu_seconds
        judged = evaluation_rows(rows, fold)
        scores.append(score_rows(scorer, judged))
        figures.append(evaluate(judged, scores[-1]))
    means = {metric: float(np.mean([getattr(figure, metric) for figure in figures])) for metric in METRICS}
    return {**means, "seconds": wall / len(FOLDS), "cpu_seconds": cpu / len(FOLDS)}, scores


def fit_here(rows: pl.DataFrame, fold: Fold, settings: TrainingSettings) -> Any:
    """By a family of one node."""
    parameters = find_family(settings.family).complete(settings.parameters)
    return fit_candidate(rows, MODEL_FEATURES, fold, settings, parameters).scorer


def fit_in_spark(in_spark: DataFrame, folder: Path, fold: Fold, settings: TrainingSettings) -> Any:
    """By a family of Spark."""
    return train_in_spark(in_spark, MODEL_FEATURES, fold, settings, CostSettings(), ROOM, folder).scorer


def run_average(members: Sequence[Sequence[Scores]], rows: pl.DataFrame) -> dict[str, float]:
    """Means of the figures of averaged log-odds."""
    figures = []
    for fold, *each in zip(FOLDS, *members, strict=True):
        mean = np.mean([np.log(one / (1 - one)) for one in np.clip(each, 1e-12, 1 - 1e-12)], axis=0)
        figures.append(evaluate(evaluation_rows(rows, fold), 1 / (1 + np.exp(-mean))))
    return {metric: float(np.mean([getattr(figure, metric) for figure in figures])) for metric in METRICS}


def time_cross_validation(
    rows: pl.DataFrame, in_spark: DataFrame, settings: TrainingSettings, folder: Path
) -> dict[str, float]:
    """Seconds of the same grid and folds, by how many models are fitted at once; a first pass warms the session."""
    recipe = next(recipe for recipe in RECIPES if recipe.family == "spark_logistic_regression")
    window = window_in_spark(in_spark, MODEL_FEATURES, FOLDS[0], settings)
    part = RowsInSpark(window, MODEL_FEATURES, hold_out(rows.head(1), MODEL_FEATURES), ROOM, folder)
    drawn = part.draw_in_spark(settings.negative_share, settings.seed).where(f"not {IS_HELD_OUT}").persist()
    points = [{"regParam": value} for value in recipe.grid["regParam"]]
    pipeline = recipe.pipeline(MODEL_FEATURES, recipe.start, settings.seed)
    seconds = {}
    for parallelism in (PARALLELISM[-1], *PARALLELISM):
        began = time.perf_counter()
        cross_validator(pipeline, points, settings.search_folds, parallelism).fit(drawn)
        seconds[str(parallelism)] = time.perf_counter() - began
    alone = seconds["1"]
    for parallelism in PARALLELISM:
        took = seconds[str(parallelism)]
        print(
            f"CrossValidator, {len(points)} points on {settings.search_folds} folds, parallelism {parallelism}: "
            f"{took:6.1f} s, {took / alone:.2f} of one at a time"
        )
    return seconds


def measure_sizes(folder: Path, as_json: bool) -> None:  # noqa: FBT001
    """Read the rows of a whole default training through Spark, train on them, and print what both took."""
    in_spark = build_local_session(folder / "warehouse").read.parquet(str(folder / "rows.parquet"))
    settings, fold = TrainingSettings(trials=2), FOLDS[-1]
    own = psutil.Process()
    before = own.memory_info().rss
    rows = to_polars(in_spark.where(F.col("event_time") < F.lit(fold.test_end)))
    size, read = rows.estimated_size(), rows.height
    train_candidate(rows, MODEL_FEATURES, fold, settings)
    copies = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before) / size
    found = {
        "rows": read,
        "bytes_a_row": size / read,
        "key_bytes": size / read - 4 * len(MODEL_FEATURES),
        "copies": copies,
    }
    for family, fit in (
        ("xgboost", partial(fit_here, rows)),
        ("xgboost_spark", partial(fit_in_spark, in_spark, folder)),
    ):
        one = replace(settings, boosters=1, negative_share=0.5, family=family)
        window = training_rows(rows, fold, one.window_days)
        drawn = int(window["is_fraud"].sum()) + one.negative_share * window.height
        with measured() as cost:
            fit(fold, one)
        found[f"{family}_cpu_seconds_a_million"] = cost.cpu_seconds / drawn * 1e6
        found[f"{family}_seconds"] = cost.wall_seconds
    for name, value in found.items():
        print(f"{name:<40} {value:,.1f}")
    if as_json:
        print(json.dumps(found))


def print_line(name: str, found: dict[str, float], reference: dict[str, float] | None) -> None:
    """One family, its time beside the reference's."""
    figures = "  ".join(f"{short} {found[metric]:.4f}" for metric, short in METRICS.items())
    line = f"{name:<46} {figures}"
    if "seconds" in found:
        ratio = found["cpu_seconds"] / (reference or found)["cpu_seconds"]
        line += f"  {found['seconds']:6.1f} s  CPU-seconds {ratio:5.1f} of {REFERENCE}"
    print(line, flush=True)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="of the generated world")
    parser.add_argument(
        "--window", type=int, default=30, help="days of the training window, the held-out ones among them"
    )
    parser.add_argument("--boosters", type=int, default=1, help="boosters of XGBoost that are averaged")
    parser.add_argument("--families", default=",".join(FAMILIES), help="some of the default, with commas")
    parser.add_argument("--size", action="store_true", help="measure the constants of models/where.py")
    parser.add_argument("--json", action="store_true", help="make the last line one JSON object")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
