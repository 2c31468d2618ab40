"""How to train on so few frauds: weights, under-sampling and SMOTE, judged on the validation weeks of generated worlds.

    python benchmarks/imbalance.py --seeds 1 --window 30

Every recipe fits the same booster (the starting point of the search) on the same window of each of the four validation
folds; only what is done about the classes differs. The reference is to do nothing. No test week is looked at.
CPU-seconds are those of this process, so what Spark draws is not in them.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from imblearn.over_sampling import SMOTE
from sklearn.metrics import average_precision_score

from fraud_detection.data.generator import World, generate_transactions
from fraud_detection.features.frames import to_polars, to_spark
from fraud_detection.features.registry import MODEL_FEATURES
from fraud_detection.local_spark import build_local_session
from fraud_detection.models.boosting import Sample, draw_sample, feature_matrix, fit_booster
from fraud_detection.models.metrics import labels_of
from fraud_detection.models.settings import TrainingSettings
from fraud_detection.models.split import evaluation_rows, protocol_validation_folds, training_rows
from protocol import add_features, with_known_at

SETTINGS = TrainingSettings()
ROUNDS = 150
Recipe = Callable[[pl.DataFrame], Sample]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1", help="generated worlds of the reference size, such as 1,2,3")
    parser.add_argument("--window", type=int, default=30, help="days that are trained on")
    parser.add_argument("--json", action="store_true", help="make the last line one JSON object")
    options = parser.parse_args(argv)
    worlds = [_make_world(int(seed)) for seed in options.seeds.split(",")]
    found = {name: _measure(worlds, options.window, *recipe) for name, recipe in RECIPES.items()}
    reference = found["nothing"]
    for name, result in found.items():
        ratio = result["seconds"] / reference["seconds"]
        gain = result["average_precision"] - reference["average_precision"]
        print(
            f"{name:<44} AP {result['average_precision']:.4f} ({gain:+.4f})  CPU-seconds {ratio:4.2f} of doing nothing"
        )
    if options.json:
        print(json.dumps(found))


def _make_world(seed: int) -> pl.DataFrame:
    return add_features(with_known_at(generate_transactions(World(seed=seed)).drop("scenario")))


def _measure(worlds: Sequence[pl.DataFrame], window: int, weight: float, prepare: Recipe) -> dict[str, float]:
    """Mean average precision of the folds, and the CPU-seconds of preparing and fitting."""
    precisions, seconds = [], 0.0
    for rows in worlds:
        for fold in protocol_validation_folds():
            fitted = training_rows(rows, fold, window).sort("event_time", "transaction_id")
            began = time.process_time()
            data = prepare(fitted).binned(SETTINGS.threads)
            booster = fit_booster(data, {"scale_pos_weight": weight}, ROUNDS, SETTINGS.threads, SETTINGS.seed)
            seconds += time.process_time() - began
            judged = evaluation_rows(rows, fold)
            scores = booster.inplace_predict(feature_matrix(judged, MODEL_FEATURES))
            precisions.append(average_precision_score(labels_of(judged), scores))
    return {"average_precision": float(np.mean(precisions)), "seconds": seconds}


def _draw(rows: pl.DataFrame, share: float, *, keep_sums: bool = True) -> Sample:
    sample = draw_sample(rows, MODEL_FEATURES, share, SETTINGS.seed)
    return sample if keep_sums else replace(sample, weights=np.ones_like(sample.weights))


def _draw_in_spark(rows: pl.DataFrame, share: float) -> Sample:
    """The legitimate rows by `sampleBy`, as training draws where the rows stay in Spark; the sums are kept."""
    keys = to_spark(build_local_session(Path(tempfile.mkdtemp())), rows.select("transaction_id", "is_fraud"))
    drawn = to_polars(keys.sampleBy("is_fraud", {True: 1.0, False: share}, SETTINGS.seed)).select("transaction_id")
    sample = _draw(rows.join(drawn, on="transaction_id", how="semi", maintain_order="left"), share=1)
    return replace(sample, weights=np.where(sample.labels, 1, 1 / share).astype(np.float32))


def _synthesise(rows: pl.DataFrame, share: float, frauds: float) -> Sample:
    """SMOTE on a sample of the legitimate rows: new frauds between neighbours until they are a share of the others.

    Distances need numbers of one scale without gaps: medians fill the gaps, columns are scaled; then it is undone.
    """
    sample = _draw(rows, share, keep_sums=False)
    absent = np.isnan(sample.matrix)
    filled = np.where(absent, np.nanmedian(sample.matrix, axis=0), sample.matrix)
    scale = np.maximum(filled.std(axis=0), 1e-6)
    smote = SMOTE(sampling_strategy=frauds, random_state=SETTINGS.seed)
    matrix, labels = smote.fit_resample(filled / scale, sample.labels)
    return Sample((matrix * scale).astype(np.float32), labels, np.ones(labels.size, dtype=np.float32))


RECIPES: dict[str, tuple[float, Recipe]] = {
    "nothing": (1, partial(_draw, share=1)),
    "class weight 10": (10, partial(_draw, share=1)),
    "class weight of the balanced classes, 118": (118, partial(_draw, share=1)),
    "under-sampling to a tenth": (1, partial(_draw, share=0.1, keep_sums=False)),
    "a tenth, reweighted to the old sums": (1, partial(_draw, share=0.1)),
    "a tenth, reweighted, class weight 10 (chosen)": (10, partial(_draw, share=0.1)),
    "the same, drawn by Spark's sampleBy": (10, partial(_draw_in_spark, share=0.1)),
    "a tenth, SMOTE to 30 frauds in 100": (1, partial(_synthesise, share=0.1, frauds=0.3)),
}


if __name__ == "__main__":
    main()
