"""What is searched, and how one point of it is judged: the same wherever the search runs."""

import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import optuna

Parameters = dict[str, float]
Judge = Callable[[Parameters, int], float]

TRIALS_BEFORE_PRUNING: Final = 4
STEPS: Final = "steps"
"""Attribute of a trial: what each of its steps gave, as lists of the fields of `Judged`."""


@dataclass(frozen=True)
class Plan:
    """A search.

    Attributes:
        judge: what parameters are worth at a step; called on workers, so a search on Spark has to pickle it.
        steps: of a trial, such as weeks that it is judged on one after another.
        trials: how many are finished or given up in the end.
        seed: of the proposals.
        start: the first trial, so that the search can only gain; what is not searched stays in every trial as it is.
    """

    judge: Judge
    steps: int
    trials: int
    seed: int
    start: Parameters

    def at(self, suggested: Parameters) -> Parameters:
        """All parameters of a trial."""
        return {**self.start, **suggested}


@dataclass(frozen=True)
class Judged:
    """What one step of a trial gave.

    Attributes:
        began: seconds since 1970.
        worker: host and process, and thread where it is not the process's first.
    """

    value: float
    began: float
    seconds: float
    worker: str


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


def make_sampler(seed: int) -> optuna.samplers.BaseSampler:
    """A sampler that has proposed nothing yet: one that was used before would propose otherwise."""
    return optuna.samplers.TPESampler(seed=seed, n_startup_trials=TRIALS_BEFORE_PRUNING)


def make_pruner() -> optuna.pruners.BasePruner:
    """Gives a trial up at a step where its mean so far lies below the median of the finished ones at that step."""
    return optuna.pruners.MedianPruner(n_startup_trials=TRIALS_BEFORE_PRUNING, n_warmup_steps=0)


def judge_step(judge: Judge, parameters: Parameters, step: int) -> Judged:
    """Judge on the worker that this runs on."""
    began, clock = time.time(), time.perf_counter()
    value = judge(parameters, step)
    return Judged(float(value), began, time.perf_counter() - clock, name_worker())


def name_worker() -> str:
    """The host and the process that run this, and the thread where it is not the process's first."""
    process = f"{socket.gethostname()}:{os.getpid()}"
    first = threading.current_thread() is threading.main_thread()
    return process if first else f"{process}:{threading.get_native_id()}"


def note_steps(trial: optuna.Trial, judged: Sequence[Judged]) -> None:
    """Keep with a trial what its steps gave."""
    trial.set_user_attr(STEPS, [[step.value, step.began, step.seconds, step.worker] for step in judged])


def read_steps(trial: optuna.trial.FrozenTrial) -> tuple[Judged, ...]:
    """What the steps of a trial gave; none where it was killed before it could say so."""
    return tuple(Judged(*step) for step in trial.user_attrs.get(STEPS, ()))


def mean_value(judged: Sequence[Judged]) -> float:
    """What a trial is worth after some steps."""
    return float(np.mean([step.value for step in judged]))
