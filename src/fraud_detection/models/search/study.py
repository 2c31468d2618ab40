"""Hyperparameters by Optuna: each trial is judged week after week, and given up where it falls behind."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import optuna
import polars as pl
from optuna.trial import FrozenTrial

from fraud_detection.errors import MachineError
from fraud_detection.models.boosting import STARTING_POINT
from fraud_detection.models.search.batches import run_batches
from fraud_detection.models.search.journal import Journal
from fraud_detection.models.search.space import Judged, Parameters, Plan, read_steps
from fraud_detection.models.settings import Place


@dataclass(frozen=True)
class Study:
    """The best parameters, what they reached, and every trial.

    Attributes:
        trials: number, state, value, seconds of judging, workers, when it began, the mean after each step, parameters.
        in_mlflow: whether each trial is an MLflow run already.
    """

    parameters: Parameters
    value: float
    trials: pl.DataFrame
    in_mlflow: bool = False


def search(plan: Plan, place: Place = "threads", workers: int = 1, keep: Path | None = None) -> Study:
    """Maximise the mean of the judge's values over the steps.

    The starting point is the first trial, so that the search can only gain. A trial is pruned at a step where its mean
    so far lies below the median of the others' at that step.

    Args:
        plan: what is searched.
        place: threads of this process, Spark's workers by joblib, or Spark's workers by MLflow's study.
        workers: trials at a time.
        keep: a folder of this search alone; a search that was killed goes on from what it holds.

    Raises:
        MachineError: Spark's workers are asked for by joblib, and joblibspark is not installed.
        ModelError: MLflow's study is asked for outside of an MLflow run.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if place == "mlflow_spark":
        return _search_by_mlflow(plan, workers, keep)
    with Journal(keep) as journal:
        return _describe(
            plan, run_batches(plan, workers, "threading" if place == "threads" else _find_backend(), journal)
        )


def _search_by_mlflow(plan: Plan, workers: int, keep: Path | None) -> Study:
    from fraud_detection.models.search.spark_study import run_spark_study  # noqa: PLC0415  loads Spark

    study = run_spark_study(plan, workers, _name_study(keep))
    return replace(_describe(plan, study), in_mlflow=True)


def _name_study(keep: Path | None) -> str:
    """The name of the search that was killed, or a new one; once the folder is gone, the same input searches anew."""
    name = f"search {uuid.uuid4().hex}"
    if keep is None:
        return name
    note = keep / "study"
    keep.mkdir(parents=True, exist_ok=True)
    if not note.exists() or not note.read_text():
        note.write_text(name)
    return note.read_text()


def _describe(plan: Plan, study: optuna.Study) -> Study:
    return Study(plan.at(study.best_params), study.best_value, _table(study.trials, plan.steps))


def _find_backend() -> str:
    try:
        from fraud_detection.models.search.joblib_backend import register_spark  # noqa: PLC0415  loads Spark
    except ModuleNotFoundError as error:
        raise MachineError(
            f"training.search_in is joblib_spark and {error.name} is not installed; expected joblibspark: "
            "install it, or search in threads"
        ) from error
    return register_spark()


def _table(trials: Sequence[FrozenTrial], steps: int) -> pl.DataFrame:
    ordered = sorted(trials, key=lambda trial: trial.number)
    return pl.DataFrame([_line(trial, steps) for trial in ordered], infer_schema_length=None)


def _line(trial: FrozenTrial, steps: int) -> dict[str, Any]:
    judged = read_steps(trial)
    return {
        "trial": trial.number,
        "state": trial.state.name.lower(),
        "value": trial.value if trial.state.name == "COMPLETE" else None,
        "seconds": sum(step.seconds for step in judged) if judged else None,
        "workers": " ".join(sorted({step.worker for step in judged})),
        "began": _find_beginning(trial, judged),
        **{f"mean_after_{step + 1}": trial.intermediate_values.get(step) for step in range(steps)},
        **{name: float(trial.params.get(name, STARTING_POINT[name])) for name in STARTING_POINT},
    }


def _find_beginning(trial: FrozenTrial, judged: Sequence[Judged]) -> datetime | None:
    if judged:
        return datetime.fromtimestamp(judged[0].began, UTC)
    return trial.datetime_start.astimezone(UTC) if trial.datetime_start else None  # Optuna's are local times
