"""The MLflow run that an attempt left behind: it gets the estimate, and an end if the attempt had none."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from runcosts.attempt import Attempt

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

SQLITE = "sqlite:///"
MOST_EXPERIMENTS = 1000
SUCCESS_STATES = frozenset({"SUCCESS", "SUCCEEDED", "SUCCESS_WITH_FAILURES"})


def open_client(tracking_uri: str, bundle_root: Path) -> "MlflowClient | None":
    """A client of the tracking store; None while its SQLite file doesn't exist, since then no attempt has logged."""
    from mlflow import MlflowClient  # noqa: PLC0415 - takes seconds to import, and most commands don't need it

    if not tracking_uri.startswith(SQLITE):
        return MlflowClient(tracking_uri)
    file = bundle_root / tracking_uri.removeprefix(SQLITE)
    return MlflowClient(f"{SQLITE}{file}") if file.exists() else None


def finish_run(client: "MlflowClient", attempt: Attempt, metrics: Mapping[str, float], experiment: str | None) -> None:
    """Log the metrics on the attempt's run, if it made one, and end what is still running of it.

    An attempt's runs carry the tag task_run_id, which no other attempt has: a retry is a task run of its own. The one
    that started first gets the metrics. The process has ended, so a run that is still RUNNING was left by a kill.
    """
    experiments = _experiments(client, experiment)
    tagged = f"tags.task_run_id = '{attempt.task_run_id}'"
    runs = client.search_runs(experiments, tagged, order_by=["attributes.start_time ASC"])
    for name, value in metrics.items() if runs else ():
        client.log_metric(runs[0].info.run_id, name, value)
    for run in runs:
        children = f"tags.mlflow.parentRunId = '{run.info.run_id}' and attributes.status = 'RUNNING'"
        for left in [*client.search_runs(experiments, children), run]:
            _end(client, left, attempt)


def _experiments(client: "MlflowClient", name: str | None) -> list[str]:
    """The experiment of that name, or all of them."""
    named = client.get_experiment_by_name(name) if name else None
    found = [named] if named else client.search_experiments(max_results=MOST_EXPERIMENTS)
    return [experiment.experiment_id for experiment in found]


def _end(client: "MlflowClient", run: "Run", attempt: Attempt) -> None:
    if run.info.status == "RUNNING":
        succeeded = attempt.result_state.upper() in SUCCESS_STATES
        client.set_terminated(run.info.run_id, "FINISHED" if succeeded else "FAILED")
