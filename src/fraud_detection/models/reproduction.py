"""Whether a model that was trained again is the same: equal predictions, or the first that differs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl

from fraud_detection.config import load_section
from fraud_detection.models.metrics import Scores
from fraud_detection.models.scorer import Scorer
from fraud_detection.models.settings import TrainingSettings
from fraud_detection.models.training import SEARCHED, score_rows

CHOSEN: Final = "xgboost."


@dataclass(frozen=True)
class Reproduction:
    """What came of training again.

    Attributes:
        rows: that both models scored.
        differences: one line each, the most telling first; empty where every bit is equal.
        surroundings: what is not as it was: code, lock file, runtime; a reason to look at where predictions differ.
    """

    rows: int
    differences: tuple[str, ...]
    surroundings: tuple[str, ...]


def settings_to_repeat(settings: TrainingSettings, recorded: Mapping[str, str]) -> TrainingSettings:
    """What trains the same model again.

    That is the same family on the same road, whatever this machine has room for, and the same search, in threads; or
    what was found by a search that cannot be repeated. Trials in batches are the same in any place and also after a
    kill. Those of MLflow's study on Spark depend on which worker was faster, so the parameters are taken that the run
    records.

    Args:
        settings: of the run.
        recorded: parameters of the run.
    """
    family, where = recorded.get("family", SEARCHED), recorded.get("where", "single_node")
    settings = load_section(TrainingSettings, {**vars(settings), "family": family, "where": where}, "training")
    if settings.search_in != "mlflow_spark" or not settings.trials or settings.family != SEARCHED:
        return replace(settings, search_in="threads")
    chosen = {name.removeprefix(CHOSEN): float(value) for name, value in recorded.items() if name.startswith(CHOSEN)}
    return replace(settings, trials=0, parameters=chosen)


def compare_models(
    stored: Scorer, again: Scorer, rows: pl.DataFrame, recorded: Mapping[str, str], here: Mapping[str, str]
) -> Reproduction:
    """Compare the predictions for the same rows bit by bit, and the thresholds.

    Args:
        stored: as the registry holds it.
        again: trained from the recorded data and settings.
        rows: transaction_id and the features of both.
        recorded: tags of the run that say what it was made with.
        here: the same of this process.
    """
    order = ("event_time", "transaction_id")
    judged = rows.sort(order)
    expected, found = score_rows(stored, judged), score_rows(again, judged)
    lines = _find_difference(judged["transaction_id"], expected, found)
    if stored.threshold != again.threshold:
        lines.append(f"the threshold of alerts is {again.threshold!r}; stored is {stored.threshold!r}")
    changed = [f"{key}: recorded {recorded.get(key, 'nothing')}, here {value}" for key, value in here.items()]
    kept = [line for line, key in zip(changed, here, strict=True) if recorded.get(key) != here[key]]
    return Reproduction(judged.height, tuple(lines), tuple(kept))


def _find_difference(transactions: pl.Series, expected: Scores, found: Scores) -> list[str]:
    differs = expected.view(np.uint64) != found.view(np.uint64)
    if not differs.any():
        return []
    first, most = int(np.argmax(differs)), np.abs(expected - found).max()
    what = f"{int(differs.sum())} of {differs.size} predictions differ, by up to {most:.3g}; the first is transaction"
    return [f"{what} {transactions[first]}: stored {float(expected[first])!r}, again {float(found[first])!r}"]
