"""What the tasks around the gate do with doubts: a word that does not fit, a champion that does not load."""

import shutil
from pathlib import Path
from urllib.parse import urlparse

import mlflow
import pytest
from mlflow import MlflowClient

from fraud_detection.errors import GateError
from fraud_detection.models.tracking import VERDICT_FILE
from fraud_detection.models.verdict import Check, Verdict
from fraud_detection.tasks import register
from fraud_detection.tasks.context import choose_stores
from fraud_detection.tasks.validate import load_champion

NAME = "fraud_model"
REJECTED = Verdict((Check("auc_roc", passed=False, found="0.5", expected="0.8"),))


class Echo(mlflow.pyfunc.PythonModel):
    """A model that answers what it is asked."""

    def predict(self, model_input: list[str]) -> list[str]:
        return model_input


@pytest.fixture
def store(tmp_path, monkeypatch):
    """The stores that tasks of this folder find, with an experiment."""
    monkeypatch.setenv("FRAUD_LOCAL_FOLDER", str(tmp_path))
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    choose_stores(tmp_path)
    mlflow.set_experiment(experiment_id=MlflowClient().create_experiment("x", (tmp_path / "artifacts").as_uri()))
    yield MlflowClient()
    mlflow.set_tracking_uri(before[0])
    mlflow.set_registry_uri(before[1])


@pytest.mark.parametrize("told", ["passed", ""])
def test_a_word_of_the_job_that_is_not_the_verdict_of_the_run_registers_nothing(store, told):
    with mlflow.start_run() as run:
        mlflow.log_dict(REJECTED.as_dict(), VERDICT_FILE)
    asked = [f"--candidate={run.info.run_id}", f"--verdict={told}", "--as_of=2018-08-08", f"--model_name={NAME}"]
    with pytest.raises(GateError, match=f"the job says '{told}', run .* holds the verdict 'rejected'"):
        register.main(asked)
    assert store.search_registered_models() == []


def test_a_run_that_nobody_judged_registers_nothing(store):
    with mlflow.start_run() as run:
        pass
    with pytest.raises(mlflow.exceptions.MlflowException, match=VERDICT_FILE):
        register.main([f"--candidate={run.info.run_id}", "--verdict=passed", "--as_of=2018-08-08"])
    assert store.search_registered_models() == []


def test_a_champion_that_does_not_load_is_an_error_and_never_no_champion(store):
    with mlflow.start_run():
        logged = mlflow.pyfunc.log_model(name="model", python_model=Echo(), registered_model_name=NAME)
    assert load_champion(NAME) is None
    store.set_registered_model_alias(NAME, "champion", "1")
    source = MlflowClient().get_model_version_download_uri(NAME, "1")
    shutil.rmtree(Path(urlparse(source).path))
    with pytest.raises(Exception, match=r"(?i)no such|not exist|not found|could not find"):
        load_champion(NAME)
    assert logged.registered_model_version == 1
