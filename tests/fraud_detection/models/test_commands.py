"""`fraud-model`, as people call it."""

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities.model_registry.model_version_search import ModelVersionSearch
from mlflow.store.entities import PagedList
from typer.testing import CliRunner

from fraud_detection.models import tracking
from fraud_detection.tasks.model_cli import app

NAME = "fraud_model"


@pytest.fixture
def fraud_model(store, run_id, tmp_path, monkeypatch):
    """The command, on a registry of three versions of which the gate passed the first two."""
    monkeypatch.setenv("FRAUD_LOCAL_FOLDER", str(tmp_path))
    for verdict in ("passed", "passed", "rejected"):
        version = mlflow.register_model(tracking.model_uri(run_id), NAME).version
        store.set_model_version_tag(NAME, version, "verdict", verdict)
        store.set_model_version_tag(NAME, version, "test_average_precision", "0.71234")

    def call(*words):
        done = CliRunner().invoke(app, words)
        return done.exit_code, " ".join(done.output.split())

    return call


def test_promote_and_rollback_move_the_aliases_and_say_so(fraud_model, store):
    assert fraud_model("promote", "1") == (0, "version 1 is champion now, instead of none")
    assert fraud_model("promote", "2", "--why", "better", "--by", "ann") == (
        0,
        "version 2 is champion now, instead of 1",
    )
    assert fraud_model("promote", "2") == (0, "version 2 is champion already")
    assert fraud_model("rollback") == (0, "version 1 is champion now, instead of 2")
    assert fraud_model("rollback") == (0, "version 1 is champion already")
    assert dict(store.get_registered_model(NAME).aliases) == {"champion": 1}
    code, text = fraud_model("show", "2")
    assert code == 0
    assert "order: champion instead of 1, ordered by ann: better" in text
    assert "rolled_back: rolled back from 2 to 1" in text


def test_what_the_gate_rejected_is_promoted_by_force_only(fraud_model):
    code, text = fraud_model("promote", "3")
    assert code == 2
    assert "the verdict on version 3 is 'rejected'; expected 'passed'" in text
    assert fraud_model("promote", "3", "--force", "--to", "challenger")[0] == 0


def test_all_versions_are_listed_with_their_verdicts_and_aliases(fraud_model):
    fraud_model("promote", "2")
    code, text = fraud_model("list")
    assert code == 0
    assert "champion" in text
    assert text.count("0.7123") == 3
    assert text.index("rejected") < text.index("passed")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("promote", "9"), "fraud_model has no version 9; known are 1, 2, 3"),
        (("promote", "1", "--to", "staging"), "--to is 'staging'; expected champion or challenger"),
        (("rollback",), "fraud_model has no champion"),
        (("list", "--model-name", "other"), "there is no model other"),
    ],
)
def test_what_cannot_be_done_ends_with_status_2_and_the_reason(fraud_model, words, named):
    code, text = fraud_model(*words)
    assert code == 2
    assert named in text


def test_where_the_registry_holds_several_models_one_must_be_named(fraud_model, store):
    store.create_registered_model("another")
    code, text = fraud_model("list")
    assert (code, text) == (2, "the registry holds another, fraud_model; expected one: name it by --model-name")
    assert fraud_model("list", "--model-name", NAME)[0] == 0


def test_a_search_that_answers_as_unity_catalog_does_is_enough(fraud_model, store, monkeypatch):
    """Page by page, and without tags and aliases: asking for those raises."""
    fraud_model("promote", "1")
    found = {version.version: version for version in store.search_model_versions(f"name='{NAME}'")}

    def search(*_asked, page_token):
        version = int(page_token or 1)
        known = {key: value for key, value in dict(found[version]).items() if key not in {"tags", "aliases"}}
        return PagedList([ModelVersionSearch(**known)], str(version + 1) if version < len(found) else None)

    monkeypatch.setattr(MlflowClient, "search_model_versions", search)
    assert fraud_model("promote", "2")[1] == "version 2 is champion now, instead of 1"
    code, text = fraud_model("list")
    assert (code, text.count("0.7123"), text.count("passed")) == (0, 3, 2)
    assert fraud_model("show", "3")[0] == 0
