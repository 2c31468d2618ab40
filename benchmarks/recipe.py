"""What each choice of the training recipe is worth: the recipe with one choice changed, on the validation weeks.

    python benchmarks/recipe.py --seeds 1,2,3
    python benchmarks/recipe.py --seeds 1 --choices window_days,calibrator --json

Everything else stays as training does it: held-out days stop and calibrate, no search. The reference is the recipe as
it is. No test week is looked at.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
from sklearn.metrics import average_precision_score, brier_score_loss

from fraud_detection.data.generator import World, generate_transactions
from fraud_detection.features.registry import MODEL_FEATURES, REFERENCE_FEATURES
from fraud_detection.models.boosting import STARTING_POINT
from fraud_detection.models.metrics import calibration_error, labels_of
from fraud_detection.models.scorer import Calibration
from fraud_detection.models.settings import TrainingSettings
from fraud_detection.models.split import Fold, evaluation_rows, protocol_validation_folds
from fraud_detection.models.training import fit_candidate, score_rows
from protocol import add_features, with_known_at

RECIPE = TrainingSettings()
NOT_CALIBRATED = Calibration((0.0,), (0.0,), 1.0)
CHOICES: dict[str, tuple[Any, ...]] = {
    "window_days": (14, 28, 60, 87),
    "scale_pos_weight": (1, 3, 30),
    "negative_share": (0.05, 0.3),
    "boosters": (1,),
    "calibrator": ("none", "isotonic"),
    "features": ("the 15 published",),
}


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1", help="generated worlds of the reference size, such as 1,2,3")
    parser.add_argument("--choices", default=",".join(CHOICES), help="some of the default, with commas")
    parser.add_argument("--json", action="store_true", help="make the last line one JSON object")
    options = parser.parse_args(argv)
    worlds = [
        add_features(with_known_at(generate_transactions(World(seed=int(seed))).drop("scenario")))
        for seed in options.seeds.split(",")
    ]
    reference = measure(worlds, "recipe", "as it is")
    found = {"the recipe": reference}
    _print("the recipe", reference, reference)
    for name in options.choices.split(","):
        for value in CHOICES[name]:
            found[f"{name} {value}"] = measure(worlds, name, value)
            _print(f"{name} {value}", found[f"{name} {value}"], reference)
    if options.json:
        print(json.dumps(found))


def measure(worlds: Sequence[pl.DataFrame], name: str, value: Any) -> dict[str, float]:
    """Means over the validation weeks of all worlds, and the CPU-seconds of all fits."""
    lines, began = [], time.process_time()
    for rows in worlds:
        lines += [_judge(rows, fold, name, value) for fold in protocol_validation_folds()]
    means = {key: float(np.mean([line[key] for line in lines])) for key in lines[0]}
    return {**means, "cpu_seconds": time.process_time() - began}


def _judge(rows: pl.DataFrame, fold: Fold, name: str, value: Any) -> dict[str, float]:
    features = REFERENCE_FEATURES if name == "features" else MODEL_FEATURES
    own = {name: value} if name in vars(RECIPE) and value != "none" else {}
    weight = {name: value} if name == "scale_pos_weight" else {}
    settings = replace(RECIPE, trials=0, **own)
    scorer = fit_candidate(rows, features, fold, settings, {**STARTING_POINT, **weight}).scorer
    if value == "none":
        scorer = replace(scorer, calibration=NOT_CALIBRATED)
    judged = evaluation_rows(rows, fold)
    scores, labels = score_rows(scorer, judged), labels_of(judged)
    return {
        "average_precision": float(average_precision_score(labels, scores)),
        "calibration_error": calibration_error(labels, scores),
        "brier": float(brier_score_loss(labels, scores)),
    }


def _print(what: str, found: dict[str, float], reference: dict[str, float]) -> None:
    gain = found["average_precision"] - reference["average_precision"]
    ratio = found["cpu_seconds"] / reference["cpu_seconds"]
    print(
        f"{what:<28} AP {found['average_precision']:.4f} ({gain:+.4f})  calibration error "
        f"{found['calibration_error']:.5f}  Brier {found['brier']:.5f}  CPU-seconds {ratio:4.2f} of the recipe's",
        flush=True,
    )


if __name__ == "__main__":
    main()
