"""Hyperparameters by Optuna: each trial is judged week after week, and given up where it falls behind."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import optuna
import polars as pl

from fraud_detection.models.boosting import STARTING_POINT

Parameters = dict[str, float]
Judge = Callable[[Parameters, int], float]

TRIALS_BEFORE_PRUNING: Final = 4


@dataclass(frozen=True)
class Study:
    """The best parameters, what they reached, and every trial."""

    parameters: Parameters
    value: float
    trials: pl.DataFrame


def search(judge: Judge, steps: int, trials: int, seed: int, start: Parameters) -> Study:
    """Maximise the mean of `judge(parameters, step)` over the steps.

    The starting point is the first trial, so that the search can only gain. A trial is pruned at a step where its mean
    so far lies below the median of the others' at that step.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=TRIALS_BEFORE_PRUNING),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=TRIALS_BEFORE_PRUNING, n_warmup_steps=0),
    )
    study.enqueue_trial(start)
    study.optimize(lambda trial: _run_trial(trial, judge, steps), n_trials=trials)
    return Study({**start, **study.best_params}, study.best_value, _table(study.trials, steps))


def _run_trial(trial: optuna.Trial, judge: Judge, steps: int) -> float:
    parameters = suggest(trial)
    values: list[float] = []
    for step in range(steps):
        values.append(judge(parameters, step))
        trial.report(float(np.mean(values)), step)
        if trial.should_prune():
            raise optuna.TrialPruned
    return float(np.mean(values))


def suggest(trial: optuna.Trial) -> Parameters:
    """One point of the space that is searched; every name of it is one of the starting point's."""
    return {
        "max_depth": trial.suggest_int("max_depth", 3, 7),
        "learning_rate": trial.suggest_float("learning_rate", 0.03, 0.12, log=True),
        "min_child_weight": trial.suggest_float("min_child_weight", 1, 300, log=True),
        "subsample": trial.suggest_float("subsample", 0.5, 1.0),
        "colsample_bytree": trial.suggest_float("colsample_bytree", 0.3, 1.0),
        "reg_lambda": trial.suggest_float("reg_lambda", 0.1, 30, log=True),
        "scale_pos_weight": trial.suggest_float("scale_pos_weight", 1, 30, log=True),
    }


def _table(trials: Sequence[optuna.trial.FrozenTrial], steps: int) -> pl.DataFrame:
    """One row a trial: number, state, value, seconds, the mean after each step, the parameters."""
    lines = [
        {
            "trial": trial.number,
            "state": trial.state.name.lower(),
            "value": trial.value if trial.state.name == "COMPLETE" else None,
            "seconds": trial.duration.total_seconds() if trial.duration else None,
            **{f"mean_after_{step + 1}": trial.intermediate_values.get(step) for step in range(steps)},
            **{name: float(trial.params.get(name, STARTING_POINT[name])) for name in STARTING_POINT},
        }
        for trial in trials
    ]
    return pl.DataFrame(lines, infer_schema_length=None)
