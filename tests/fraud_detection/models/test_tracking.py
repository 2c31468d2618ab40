import json
import pickletools
import subprocess
import sys
from pathlib import Path

import mlflow
import numpy as np
import polars as pl
import pytest
import xgboost as xgb
from mlflow.exceptions import MlflowException

from fraud_detection.errors import ModelError
from fraud_detection.models import provenance, split, tracking
from fraud_detection.models.boosting import feature_matrix
from fraud_detection.models.training import score_rows
from fraud_detection.models.verdict import Check, Verdict


def downloaded(run_id):
    return Path(mlflow.artifacts.download_artifacts(f"runs:/{run_id}/model"))


def is_pickle(content):
    """Whether the bytes are a pickle from their first opcode to STOP, of any protocol."""
    try:
        return [opcode.name for opcode, _, _ in pickletools.genops(content)][-1:] == ["STOP"]
    except Exception:  # noqa: BLE001 - whatever it is, it is no pickle
        return False


def test_a_run_says_where_the_model_comes_from(run_id, store, candidate):
    run = store.get_run(run_id)
    assert run.data.tags["data_version.transaction_features"] == "3"
    assert run.data.tags["data_version.silver_labels"] == "5"
    assert run.data.tags["git_commit"] == "abc123"
    assert run.data.tags["lock_sha256"] == "f00d"
    assert run.data.tags["trained_until"] == candidate.fold.train_end.isoformat()
    assert run.data.params["seed"] == str(candidate.settings.seed)
    assert run.data.params["xgboost.max_depth"] == str(candidate.parameters["max_depth"])
    assert run.data.metrics["held_out_average_precision"] > 0.3
    assert {"seconds_search", "seconds_fit", "training_rows"} <= run.data.metrics.keys()
    assert mlflow.artifacts.load_dict(f"runs:/{run_id}/settings.json") == {"training": {"trials": 2}}


def test_a_run_holds_pictures_and_the_table_of_trials(run_id, store):
    pictures = {Path(item.path).name for item in store.list_artifacts(run_id, "plots/held_out")}
    assert pictures == {"precision_recall.png", "roc.png", "calibration.png", "importances.png"}
    trials = mlflow.artifacts.load_text(f"runs:/{run_id}/trials.csv").splitlines()
    assert len(trials) == 3
    assert trials[0].startswith("trial,state,value")


def test_the_stored_model_gives_the_probabilities_of_the_trained_one(run_id, candidate, rows, fold):
    judged = split.evaluation_rows(rows, fold)
    expected = score_rows(candidate.scorer, judged)
    np.testing.assert_array_equal(tracking.load_model(tracking.model_uri(run_id)).score(judged), expected)
    np.testing.assert_array_equal(score_rows(tracking.load_scorer(tracking.model_uri(run_id)), judged), expected)


def test_the_stored_model_alerts_from_the_threshold_on_that_saved_most(run_id, candidate):
    frame = candidate.held_out.select(pl.col(candidate.scorer.features).cast(pl.Float64)).to_pandas()
    stored = tracking.load_model(tracking.model_uri(run_id))
    answer = stored.model.predict(frame)
    assert stored.threshold == candidate.scorer.threshold < 1
    assert (answer["is_alert"] == (answer["probability"] >= stored.threshold)).all()
    assert 0 < answer["is_alert"].sum() < len(answer)
    assert candidate.saving["saving_a_day"] > 0
    assert stored.distribution.shift(candidate.held_out["score"].to_numpy()) == 0
    assert 10_000 < stored.size_bytes < 10_000_000


def test_the_contributions_of_a_row_and_the_bias_sum_to_its_margin(candidate):
    matrix = feature_matrix(candidate.held_out.head(200), candidate.scorer.features)
    data = xgb.DMatrix(matrix)
    bias = np.mean([booster.predict(data, pred_contribs=True)[:, -1] for booster in candidate.scorer.boosters], axis=0)
    total = candidate.scorer.contributions(matrix).sum(axis=1) + bias
    np.testing.assert_allclose(total, candidate.scorer.margins(matrix), atol=1e-4)


def test_the_stored_model_gives_reasons_where_it_is_asked_for_them(run_id, candidate):
    riskiest = candidate.held_out.sort("score", descending=True).head(3)
    frame = riskiest.select(pl.col(candidate.scorer.features).cast(pl.Float64)).to_pandas()
    answer = mlflow.pyfunc.load_model(tracking.model_uri(run_id)).predict(frame, params={"reasons": 2})
    added = candidate.scorer.contributions(feature_matrix(riskiest, candidate.scorer.features))
    for text, row, values in zip(answer["reasons"], added, riskiest.iter_rows(named=True), strict=True):
        given = json.loads(text)
        assert 1 <= len(given) <= 2
        assert given[0]["feature"] == candidate.scorer.features[row.argmax()]
        assert given[0]["log_odds"] == pytest.approx(row.max(), abs=1e-4)
        assert given[0]["value"] == pytest.approx(values[given[0]["feature"]], rel=1e-6)


def test_the_value_of_a_reason_is_null_where_the_feature_is_absent(candidate):
    absent = np.full((1, len(candidate.scorer.features)), np.nan, dtype=np.float32)
    given = json.loads(candidate.scorer.reasons(absent, 9)[0])
    assert all(reason["value"] is None for reason in given)


def test_the_stored_model_holds_no_pickle_and_a_pickle_would_be_found(run_id):
    files = [file for file in downloaded(run_id).rglob("*") if file.is_file()]
    assert any(file.suffix == ".ubj" for file in files)
    assert [file.name for file in files if is_pickle(file.read_bytes())] == []
    assert [file.name for file in files if file.suffix in {".pkl", ".pickle", ".joblib"}] == []
    assert is_pickle(__import__("pickle").dumps({"a": 1}))


def test_the_stored_model_pins_what_serves_it_and_has_an_example_of_nobody(run_id, candidate):
    folder = downloaded(run_id)
    requirements = (folder / "requirements.txt").read_text().split()
    assert all("==" in line for line in requirements)
    assert any(line.startswith("xgboost") for line in requirements)
    example = json.loads((folder / "serving_input_example.json").read_text())["dataframe_split"]
    assert [row[example["columns"].index("amount")] for row in example["data"]] == [
        candidate.held_out["amount"].quantile(share) for share in (0.1, 0.5, 0.9)
    ]


def test_the_stored_model_is_served_without_this_project(run_id, tmp_path):
    script = (
        "import sys, mlflow, pandas as pd; model = mlflow.pyfunc.load_model(sys.argv[1]);"
        "row = {name: [1.0] for name in model.metadata.signature.inputs.input_names()};"
        "print(model.predict(pd.DataFrame(row))['probability'][0]);"
        "assert not any(name.startswith('fraud_detection') for name in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(downloaded(run_id))],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert 0 < float(done.stdout) < 1


@pytest.mark.parametrize(
    "break_columns", [lambda frame: frame.drop(columns="amount"), lambda frame: frame.assign(amount="much")]
)
def test_the_signature_is_enforced(run_id, candidate, break_columns):
    model = mlflow.pyfunc.load_model(tracking.model_uri(run_id))
    frame = candidate.held_out.head(3).select(pl.col(candidate.scorer.features).cast(pl.Float64)).to_pandas()
    assert list(model.predict(frame)) == ["probability", "is_alert"]
    with pytest.raises(MlflowException, match="schema"):
        model.predict(break_columns(frame))


@pytest.mark.usefixtures("store")
def test_a_model_of_another_pipeline_is_refused(tmp_path):
    script = tmp_path / "stranger.py"
    script.write_text(
        "import mlflow\nclass M(mlflow.pyfunc.PythonModel):\n"
        "    def predict(self, context, model_input, params=None):\n        return model_input\n"
        "mlflow.models.set_model(M())\n"
    )
    with mlflow.start_run():
        info = mlflow.pyfunc.log_model(name="model", python_model=str(script), pip_requirements=[])
    with pytest.raises(ModelError, match="expected a model of this pipeline"):
        tracking.load_model(info.model_uri)


def test_a_verdict_comes_back_as_it_was_logged(run_id, store, rows, fold):
    verdict = Verdict((Check("auc_roc", False, "0.5", "at least 0.8"),), {"auc_roc": 0.5}, {}, ({"slice": "new"},))
    tracking.log_verdict(run_id, verdict, split.evaluation_rows(rows, fold), {"silver_labels": 7})
    assert tracking.load_verdict(run_id) == verdict
    run = store.get_run(run_id)
    assert (run.data.tags["verdict"], run.data.tags["judged_version.silver_labels"]) == ("rejected", "7")
    assert run.data.metrics["test_auc_roc"] == 0.5
    assert len(store.list_artifacts(run_id, "plots/test")) == 4


@pytest.mark.usefixtures("store")
def test_a_run_without_a_verdict_is_an_error_not_a_pass():
    with mlflow.start_run() as run:
        pass
    with pytest.raises(MlflowException):
        tracking.load_verdict(run.info.run_id)


def test_the_commit_is_that_of_the_environment_or_of_the_repository_or_unknown(monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_COMMIT", "feed")
    assert provenance.find_commit(tmp_path) == "feed"
    monkeypatch.delenv("GIT_COMMIT")
    assert provenance.find_commit(tmp_path) == "unknown"
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    names = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "-C", tmp_path, *names, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    assert len(provenance.find_commit(tmp_path)) == 40


def test_the_lock_file_is_hashed_or_unknown(tmp_path):
    assert provenance.hash_lock_file(tmp_path / "none") == "unknown"
    (tmp_path / "lock").write_text("a")
    assert provenance.hash_lock_file(tmp_path / "lock").startswith("ca978112ca1bbdca")
