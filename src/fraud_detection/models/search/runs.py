"""Each trial as an MLflow run below the candidate's: written when the search is over, three requests a trial."""

from collections.abc import Mapping
from typing import Any, Final

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from fraud_detection.models.boosting import STARTING_POINT
from fraud_detection.models.search.study import Study

PARENT: Final = "mlflow.parentRunId"
STATUS: Final = {"complete": "FINISHED", "pruned": "KILLED", "fail": "FAILED"}
STEP: Final = "mean_after_"


def log_trials(client: MlflowClient, above: str, study: Study) -> None:
    """Write the trials of a study below a run: parameters, values by step, state, seconds and workers.

    Trials of MLflow's own study are runs already.
    """
    if study.in_mlflow:
        return
    experiment = client.get_run(above).info.experiment_id
    for trial in study.trials.iter_rows(named=True):
        _log_trial(client, experiment, above, trial)


def _log_trial(client: MlflowClient, experiment: str, above: str, trial: Mapping[str, Any]) -> None:
    began = int(trial["began"].timestamp() * 1000)
    ended = began + int((trial["seconds"] or 0) * 1000)
    run = client.create_run(experiment, start_time=began, tags={PARENT: above}, run_name=f"trial {trial['trial']}")
    client.log_batch(
        run.info.run_id,
        metrics=[Metric(name, value, ended, step) for name, step, value in _metrics(trial)],
        params=[Param(name, str(trial[name])) for name in STARTING_POINT],
        tags=[RunTag("state", trial["state"]), RunTag("workers", trial["workers"])],
    )
    client.set_terminated(run.info.run_id, STATUS[trial["state"]], ended)


def _metrics(trial: Mapping[str, Any]) -> list[tuple[str, int, float]]:
    means = [("average_precision_so_far", int(key.removeprefix(STEP)), trial[key]) for key in trial if STEP in key]
    found = [*means, *((name, 0, trial[name]) for name in ("value", "seconds"))]
    return [(name, step, value) for name, step, value in found if value is not None]
