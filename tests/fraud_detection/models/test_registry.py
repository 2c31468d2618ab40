import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime

import mlflow
import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import (
    INTERNAL_ERROR,
    INVALID_PARAMETER_VALUE,
    PERMISSION_DENIED,
    RESOURCE_DOES_NOT_EXIST,
    TEMPORARILY_UNAVAILABLE,
)

from fraud_detection.errors import GateError, ModelError
from fraud_detection.models import aliases, registry, tracking
from fraud_detection.models.aliases import Order
from fraud_detection.models.verdict import Check, Verdict

NAME = "fraud"
ORDER = Order("job run 7", datetime(2018, 8, 8, tzinfo=UTC), "passed")
TAGS = {"data_version_features": "3"}
PASSED = Verdict((Check("auc_roc", passed=True, found="0.87", expected="0.8"),), {"auc_roc": 0.87})
REJECTED = Verdict((Check("auc_roc", passed=False, found="0.5", expected="0.8"),), {"auc_roc": 0.5})


class Killed(BaseException):
    """What a killed process looks like from inside."""


@dataclass
class Interrupted:
    """A client that dies when it is about to call one method for the n-th time."""

    client: object
    method: str
    after: int = 0
    calls: list[str] = field(default_factory=list)

    def __getattr__(self, name):
        if name == self.method:
            self.calls.append(name)
            if len(self.calls) > self.after:
                raise Killed
        return getattr(self.client, name)


@pytest.fixture
def second_run(store, run_id):
    """Another run that logged the same model."""
    source = mlflow.artifacts.download_artifacts(tracking.model_uri(run_id))
    example = mlflow.models.Model.load(source)
    with mlflow.start_run() as run:
        mlflow.pyfunc.log_model(
            name="model",
            python_model=tracking.scorer.__file__,
            artifacts={"boosters": f"{source}/artifacts/boosters"},
            signature=example.signature,
            metadata=example.metadata,
            pip_requirements=["mlflow"],
        )
    return store.get_run(run.info.run_id).info.run_id


def register(store, run_id, verdict=PASSED):
    return registry.register(store, NAME, run_id, tracking.model_uri(run_id), verdict, TAGS, ORDER)


def versions(store):
    return sorted(int(version.version) for version in store.search_model_versions(f"name='{NAME}'"))


def test_a_passing_candidate_becomes_champion_with_its_tags(store, run_id):
    done = register(store, run_id)
    assert (done.version, done.verdict, done.aliases) == (1, "passed", ("champion",))
    tags = store.get_model_version(NAME, "1").tags
    note = {"audit_20180808T000000000000": "champion instead of none, ordered by job run 7: passed"}
    assert tags == {"run_id": run_id, "verdict": "passed", "test_auc_roc": "0.87", **TAGS, **note}
    assert tracking.load_model(f"models:/{NAME}@champion").features[0] == "amount"


def test_a_rejected_candidate_becomes_a_version_without_an_alias(store, run_id):
    done = register(store, run_id, REJECTED)
    assert (done.version, done.verdict, done.aliases) == (1, "rejected", ())
    assert store.get_model_version(NAME, "1").tags["verdict"] == "rejected"
    assert aliases.find_version(store, NAME) is None


def test_the_champion_before_is_called_previous(store, run_id, second_run):
    register(store, run_id)
    assert register(store, second_run).version == 2
    assert aliases.find_version(store, NAME) == 2
    assert aliases.find_version(store, NAME, "previous") == 1


def test_a_rejected_candidate_leaves_the_champion_alone(store, run_id, second_run):
    register(store, run_id)
    register(store, second_run, REJECTED)
    assert aliases.find_version(store, NAME) == 1


def test_registering_twice_changes_nothing(store, run_id):
    assert register(store, run_id) == register(store, run_id)
    assert versions(store) == [1]


def test_while_the_database_is_locked_no_alias_moves_and_registering_again_completes_it(store, run_id, second_run):
    register(store, run_id)
    with closing(sqlite3.connect(mlflow.get_registry_uri().removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(MlflowException, match="database is locked"):
            register(store, second_run)
    assert aliases.find_version(store, NAME) == 1
    assert tracking.load_model(f"models:/{NAME}@champion").features[0] == "amount"
    assert register(store, second_run).aliases == ("champion",)
    assert versions(store) == [1, 2]


def test_a_late_retry_of_an_older_run_does_not_depose_the_newer_champion(store, run_id, second_run):
    register(store, run_id)
    register(store, second_run)
    assert register(store, run_id).aliases == ("previous",)
    assert aliases.find_version(store, NAME) == 2


@pytest.mark.parametrize(
    ("method", "after"),
    [
        ("set_model_version_tag", 0),
        ("set_model_version_tag", 2),
        ("set_model_version_tag", 4),
        ("set_registered_model_alias", 0),
        ("set_registered_model_alias", 1),
        ("delete_model_version_tag", 0),
    ],
)
def test_killed_anywhere_the_alias_loads_and_a_retry_completes_the_rest(store, run_id, second_run, method, after):
    register(store, run_id)
    dying = Interrupted(store, method, after)
    with pytest.raises(Killed):
        register(dying, second_run)
    assert tracking.load_model(f"models:/{NAME}@champion").features[0] == "amount"
    done = register(store, second_run)
    assert (done.version, done.aliases, versions(store)) == (2, ("champion",), [1, 2])
    assert aliases.find_version(store, NAME, "previous") == 1
    assert store.get_model_version(NAME, "2").tags["verdict"] == "passed"


def test_killed_right_after_the_version_was_created_a_retry_makes_no_second_one(store, run_id):
    mlflow.register_model(tracking.model_uri(run_id), NAME)
    assert register(store, run_id).aliases == ("champion",)
    assert versions(store) == [1]


def test_a_version_that_does_not_load_gets_no_alias(store, run_id):
    def fail(uri):
        raise MlflowException(f"{uri} is gone", RESOURCE_DOES_NOT_EXIST)

    with pytest.raises(MlflowException, match="is gone"):
        registry.register(store, NAME, run_id, tracking.model_uri(run_id), PASSED, {}, ORDER, load=fail)
    assert aliases.find_version(store, NAME) is None


def test_without_a_model_or_without_the_alias_there_is_no_champion(store):
    assert aliases.find_version(store, NAME) is None
    store.create_registered_model(NAME)
    assert aliases.find_version(store, NAME) is None


@dataclass(frozen=True)
class BrokenRegistry:
    """A registry that answers with an error, for the model or only for the alias."""

    model_error: int | None
    alias_error: int | None

    def get_registered_model(self, name):
        if self.model_error is not None:
            raise MlflowException(f"Registered Model with name={name} not found", self.model_error)
        return type("Model", (), {"aliases": {}})

    def get_model_version_by_alias(self, name, alias):
        raise MlflowException(f"Registered model alias {alias} of {name} not found.", self.alias_error)


@pytest.mark.parametrize("code", [INTERNAL_ERROR, PERMISSION_DENIED, TEMPORARILY_UNAVAILABLE, INVALID_PARAMETER_VALUE])
def test_any_other_answer_for_the_model_is_an_error_whatever_its_words(code):
    with pytest.raises(GateError, match="nothing is promoted"):
        aliases.find_version(BrokenRegistry(code, None), NAME)


@pytest.mark.parametrize("code", [INTERNAL_ERROR, PERMISSION_DENIED, TEMPORARILY_UNAVAILABLE])
def test_any_other_answer_for_the_alias_is_an_error_whatever_its_words(code):
    with pytest.raises(GateError, match="nothing is promoted"):
        aliases.find_version(BrokenRegistry(None, code), NAME)


def test_an_alias_that_the_list_forgot_is_still_found(store, run_id):
    register(store, run_id)

    class Forgetful(type(store)):
        def get_registered_model(self, name):  # noqa: ARG002 - the registry's own signature
            return type("Model", (), {"aliases": {}})

    assert aliases.find_version(Forgetful(), NAME) == 1


def test_a_version_that_is_still_being_copied_is_waited_for(store, run_id):
    waited = []

    class Slow(type(store)):
        def get_model_version(self, name, version):
            found = super().get_model_version(name, version)
            found._status = registry.PENDING if len(waited) < 2 else registry.READY
            return found

    register(store, run_id)
    assert registry.wait_until_ready(Slow(), NAME, 1, waited.append).status == registry.READY
    assert waited == [registry.POLL_SECONDS] * 2


@pytest.mark.parametrize("status", [registry.PENDING, registry.FAILED])
def test_a_version_that_never_gets_ready_is_an_error(store, run_id, status):
    class Stuck(type(store)):
        def get_model_version(self, name, version):
            found = super().get_model_version(name, version)
            found._status = status
            return found

    register(store, run_id, REJECTED)
    with pytest.raises(ModelError, match=f"version 1 of {NAME} is {status}; expected READY"):
        registry.wait_until_ready(Stuck(), NAME, 1, lambda _: None)
    if status == registry.FAILED:
        with pytest.raises(ModelError, match="expected READY"):
            register(Stuck(), run_id)
        assert aliases.find_version(store, NAME) is None


def test_where_people_decide_a_passed_candidate_becomes_challenger(store, run_id, second_run):
    register(store, run_id)
    uri = tracking.model_uri(second_run)
    done = registry.register(store, NAME, second_run, uri, PASSED, TAGS, ORDER, becomes="challenger")
    assert done.aliases == ("challenger",)
    assert aliases.find_version(store, NAME) == 1
    aliases.promote(store, NAME, 2, ORDER)
    assert dict(store.get_registered_model(NAME).aliases) == {"champion": 2, "previous": 1}
    registry.register(store, NAME, second_run, uri, PASSED, TAGS, ORDER, becomes="challenger")
    assert dict(store.get_registered_model(NAME).aliases) == {"champion": 2, "previous": 1}


def test_no_retry_of_a_registration_brings_back_what_was_rolled_back(store, run_id, second_run):
    register(store, run_id)
    register(store, second_run)
    aliases.roll_back(store, NAME, ORDER)
    assert register(store, second_run).aliases == ()
    assert aliases.find_version(store, NAME) == 1
