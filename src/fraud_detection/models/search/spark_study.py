"""MLflow's own study on Spark: each worker asks, judges, reports and tells through MLflow's tracking store."""

from functools import partial
from typing import Final

import mlflow
import optuna
from mlflow import MlflowClient
from mlflow.optuna.storage import MlflowStorage
from mlflow.pyspark.optuna.study import MlflowSparkStudy
from optuna.trial import FrozenTrial, TrialState

from fraud_detection.errors import ModelError
from fraud_detection.models.search.batches import count_finished
from fraud_detection.models.search.journal import INTERRUPTED
from fraud_detection.models.search.space import (
    Parameters,
    Plan,
    judge_step,
    make_pruner,
    make_sampler,
    mean_value,
    note_steps,
    suggest,
)

PARENT: Final = "mlflow.parentRunId"


def run_spark_study(plan: Plan, workers: int, name: str) -> optuna.Study:
    """Run the search, or go on with the study of that name; its run lies below the active one, its trials' below it.

    Two workers may take the same waiting trial, for MLflow's storage looks before it claims; so those that wait (the
    first one, and interrupted ones) run on one worker, and only then the others on all.

    Raises:
        ModelError: there is no active MLflow run.
    """
    above = mlflow.active_run()
    if above is None:
        raise ModelError("a search in mlflow_spark found no active MLflow run; expected one to keep its trials below")
    storage = MlflowStorage(above.info.experiment_id)
    on_spark = MlflowSparkStudy(name, storage, make_sampler(plan.seed), make_pruner(), direction="maximize")
    study = optuna.load_study(study_name=name, storage=storage)
    MlflowClient().set_tag(str(storage.get_study_id_from_name(name)), PARENT, above.info.run_id)
    _prepare(study, plan)
    while left := plan.trials - count_finished(study):
        waiting = len(study.get_trials(deepcopy=False, states=[TrialState.WAITING]))
        objective = partial(run_trial, plan)
        on_spark.optimize(objective, n_trials=min(waiting or left, left), n_jobs=1 if waiting else min(workers, left))
    return study


def run_trial(plan: Plan, trial: optuna.Trial) -> float:
    """Judge a trial step by step on this worker, and give it up where it falls behind what others have reported."""
    parameters = plan.at(suggest(trial))
    judged = []
    for step in range(plan.steps):
        judged.append(judge_step(plan.judge, parameters, step))
        note_steps(trial, judged)
        trial.report(mean_value(judged), step)
        if trial.should_prune():
            raise optuna.TrialPruned
    return mean_value(judged)


def _prepare(study: optuna.Study, plan: Plan) -> None:
    """Queue the first trial of a new study; of an old one, mark what was interrupted as failed and queue it again."""
    trials = study.get_trials(deepcopy=False)
    if not trials:
        study.enqueue_trial(plan.start)
    for trial in trials:
        if trial.state == TrialState.RUNNING:
            study._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)  # noqa: SLF001  tell() fails here
    others = [_point(trial) for trial in trials if trial.state not in INTERRUPTED]
    for parameters in (_point(trial) for trial in trials if trial.state in INTERRUPTED):
        if parameters and parameters not in others:
            study.enqueue_trial(parameters)
            others.append(parameters)


def _point(trial: FrozenTrial) -> Parameters:
    """The parameters of a trial, or those that it waits to be judged at."""
    return dict(trial.system_attrs.get("fixed_params", trial.params))
