"""The composition root: from arguments to what a task works with."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import mlflow
import pytest

from fraud_detection.config import DataSettings
from fraud_detection.errors import ConfigurationError
from fraud_detection.tasks.arguments import Arguments
from fraud_detection.tasks.context import (
    Context,
    Settings,
    attempt_tags,
    build_context,
    connect_mlflow,
    load_settings,
    record_cost,
)


@pytest.fixture
def make_arguments(tmp_path):
    """Arguments with a settings file of the given text."""

    def make(text="", **changes):
        (tmp_path / "settings.yml").write_text(text, encoding="utf-8")
        given = {"as_of": "2018-10-01", "settings": str(tmp_path / "settings.yml"), **changes}
        return Arguments(**given)

    return make


@pytest.fixture
def kept_addresses():
    """MLflow's addresses are the process's; other tests want theirs back."""
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    yield
    mlflow.set_tracking_uri(before[0])
    mlflow.set_registry_uri(before[1])


def test_without_a_file_the_defaults_stand_with_the_trials_of_the_job():
    settings = load_settings(Arguments(as_of="2018-10-01", trials="3"))
    assert (settings.data, settings.features, settings.gate) == (Settings().data, Settings().features, Settings().gate)
    assert settings.training.trials == 3


def test_a_job_that_says_nothing_of_trials_leaves_them_to_the_file(make_arguments):
    told = make_arguments("training: {trials: 5}\n")
    assert load_settings(told).training.trials == 5
    assert load_settings(replace(told, trials="0")).training.trials == 0


def test_sections_of_the_file_reach_their_settings(make_arguments):
    settings = load_settings(make_arguments("data: {label_delay_days: 3}\ngate: {min_frauds: 5}\ntraining:\n"))
    assert settings.data == DataSettings(label_delay_days=3)
    assert settings.gate.min_frauds == 5


def test_an_unknown_section_fails_and_names_the_known_ones(make_arguments):
    message = "settings have no section dat, model; known are data, features, training, costs, gate"
    with pytest.raises(ConfigurationError, match=message):
        load_settings(make_arguments("model: {}\ndat: {}\n"))


@pytest.mark.parametrize("text", ["gate: {min_auc: 0.5}", "training: {trees: 5}", "features: {width: 1}"])
def test_an_unknown_key_of_any_section_is_refused(make_arguments, text):
    with pytest.raises(ConfigurationError, match=r"has no setting .*; known are"):
        load_settings(make_arguments(text))


@pytest.mark.parametrize("text", ["data: 5", "data: [1]", "gate: strict"])
def test_a_section_that_is_no_mapping_is_refused(make_arguments, text):
    with pytest.raises(ConfigurationError, match="expected a mapping"):
        load_settings(make_arguments(text))


def test_on_a_laptop_tables_and_models_lie_in_one_folder(monkeypatch, make_arguments, tmp_path):
    monkeypatch.delenv("DATABRICKS_RUNTIME_VERSION", raising=False)
    monkeypatch.setenv("FRAUD_LOCAL_FOLDER", str(tmp_path / "mine"))
    context = build_context("train", make_arguments())
    assert context.local == tmp_path / "mine"
    assert context.tables.folder("cards") == tmp_path / "mine" / "warehouse" / "fraud" / "cards"
    monkeypatch.delenv("FRAUD_LOCAL_FOLDER")
    assert build_context("train", make_arguments()).local == Path.cwd() / ".local"


def test_on_databricks_the_catalog_manages_all_files(monkeypatch, make_arguments):
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "18.0")
    context = build_context("train", make_arguments(catalog="main"))
    assert (context.local, context.tables.warehouse) == (None, None)


def test_a_parameter_cannot_smuggle_sql_in(make_arguments):
    with pytest.raises(ConfigurationError, match=r"schema .* is not an identifier"):
        build_context("train", make_arguments(schema="x; drop table y"))


def test_an_attempt_is_known_by_its_ids(make_arguments):
    context = build_context("train", make_arguments(job_run_id="7", task_run_id="71", attempt="2"))
    expected = {"task": "train", "job_run_id": "7", "task_run_id": "71", "attempt": "2", "as_of": "2018-10-01"}
    assert attempt_tags(context) == expected


def test_an_attempt_outside_of_a_job_has_no_empty_tags(make_arguments):
    tags = attempt_tags(build_context("train", make_arguments()))
    assert tags == {"task": "train", "attempt": "1", "as_of": "2018-10-01"}


@pytest.mark.usefixtures("kept_addresses")
def test_the_experiment_is_made_once_with_its_artifacts_beside_the_tables(tmp_path):
    connect_mlflow("/local/fraud", tmp_path / "new")
    connect_mlflow("/local/fraud", tmp_path / "new")
    assert mlflow.get_experiment_by_name("/local/fraud").artifact_location == (tmp_path / "new/mlartifacts").as_uri()
    assert mlflow.get_tracking_uri() == f"sqlite:///{tmp_path / 'new/mlflow.db'}"


@pytest.mark.usefixtures("kept_addresses")
def test_on_a_cluster_an_attempt_writes_its_own_row_of_the_ledger(spark, tables, make_arguments, tmp_path):
    identity = {"workspace_id": "7", "job_id": "11", "job_name": "fraud training", "job_run_id": "12"}
    arguments = make_arguments(task_run_id="13", attempt="2", **identity)
    context = Context("train", arguments, Settings(), tables, tmp_path)
    vars(context)["spark"] = spark
    tables.create_schema(spark)
    connect_mlflow("/local/costs", tmp_path)

    with mlflow.start_run(), pytest.warns(UserWarning, match="no cost estimate"):
        record_cost(context, datetime.now(UTC) - timedelta(seconds=30), "FAILED")

    row = spark.table(tables.name("run_costs")).collect()[0].asDict()
    expected = {**identity, "task_key": "train", "task_run_id": "13", "attempt": 1, "result_state": "FAILED"}
    expected["workspace"] = expected.pop("workspace_id")
    assert {name: row[name] for name in expected} == expected
    assert 30 <= row["seconds"] < 60
    assert row["reason"]
