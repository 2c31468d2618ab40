import signal
import subprocess
import sys
from datetime import UTC, datetime

import mlflow
import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST

from fraud_detection.errors import ModelError
from fraud_detection.models import tracking
from fraud_detection.models.aliases import Change, Order, promote, roll_back

NAME = "fraud"
ORDER = Order("ann", datetime(2018, 8, 9, tzinfo=UTC), "alerts doubled")


KILLED_BETWEEN_THE_ALIASES = """
import os, signal, sys
from datetime import UTC, datetime
import mlflow
from fraud_detection.models.aliases import Order, promote

class Dying(mlflow.MlflowClient):
    def set_registered_model_alias(self, name, alias, version):
        if alias == "previous":
            os.kill(os.getpid(), signal.SIGKILL)
        super().set_registered_model_alias(name, alias, version)

mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_registry_uri(sys.argv[1])
promote(Dying(), "fraud", 1, Order("ann", datetime.now(UTC)))
"""


class Killed(BaseException):
    """What a killed process looks like from inside."""


def dying(client, fatal):
    """A client that dies when it is about to make its n-th change."""
    changes = []

    class Dying(type(client)):
        def __getattribute__(self, method):
            if method.startswith(("set_", "delete_")):
                changes.append(method)
                if len(changes) > fatal:
                    raise Killed
            return super().__getattribute__(method)

    return Dying()


@pytest.fixture
def two(store, run_id):
    """A registry with two versions; the second is champion, the first previous."""
    uri = tracking.model_uri(run_id)
    for _ in range(2):
        mlflow.register_model(uri, NAME)
    for version in ("1", "2"):
        promote(store, NAME, int(version), ORDER)
    return store


def held(store):
    return dict(store.get_registered_model(NAME).aliases)


def loads(store):
    return all(tracking.load_model(f"models:/{NAME}@{alias}").features for alias in held(store))


def test_rolling_back_makes_the_previous_version_champion_and_says_so_on_both(two):
    assert roll_back(two, NAME, ORDER) == Change("champion", 1, 2)
    assert held(two) == {"champion": 1}
    said = "rolled back from 2 to 1, ordered by ann: alerts doubled"
    assert two.get_model_version(NAME, "2").tags["rolled_back"] == said
    assert said in two.get_model_version(NAME, "1").tags.values()


def test_rolling_back_twice_is_rolling_back_once(two):
    roll_back(two, NAME, ORDER)
    assert roll_back(two, NAME, ORDER) == Change("champion", 1, 1)
    assert held(two) == {"champion": 1}


def test_a_person_may_promote_again_what_was_rolled_back(two):
    roll_back(two, NAME, ORDER)
    assert promote(two, NAME, 2, ORDER) == Change("champion", 2, 1)
    assert held(two) == {"champion": 2, "previous": 1}
    assert "rolled_back" not in two.get_model_version(NAME, "2").tags


def test_promoting_the_champion_changes_nothing(two):
    before = two.get_model_version(NAME, "2").tags
    assert promote(two, NAME, 2, Order("bob", datetime(2019, 1, 1, tzinfo=UTC))) == Change("champion", 2, 2)
    assert held(two) == {"champion": 2, "previous": 1}
    assert two.get_model_version(NAME, "2").tags == before


@pytest.mark.parametrize("fatal", range(4))
def test_a_rollback_killed_at_any_step_leaves_aliases_that_load_and_repeating_it_completes_it(two, fatal):
    with pytest.raises(Killed):
        roll_back(dying(two, fatal), NAME, ORDER)
    assert loads(two)
    roll_back(two, NAME, ORDER)
    assert held(two) == {"champion": 1}


@pytest.mark.parametrize("fatal", range(5))
def test_a_promotion_killed_at_any_step_leaves_aliases_that_load_and_repeating_it_completes_it(two, fatal):
    with pytest.raises(Killed):
        promote(dying(two, fatal), NAME, 1, ORDER)
    assert loads(two)
    promote(two, NAME, 1, ORDER)
    assert held(two) == {"champion": 1, "previous": 2}


def test_a_process_that_is_killed_between_two_aliases_leaves_ones_that_load(two):
    command = [sys.executable, "-c", KILLED_BETWEEN_THE_ALIASES, mlflow.get_registry_uri()]
    assert subprocess.run(command, check=False, capture_output=True).returncode == -signal.SIGKILL
    assert held(two) == {"champion": 1, "previous": 1}
    assert loads(two)
    promote(two, NAME, 1, ORDER)
    assert held(two) == {"champion": 1, "previous": 2}


@pytest.mark.parametrize("fatal", range(5))
def test_after_a_promotion_that_was_killed_a_rollback_goes_to_who_was_champion_last(two, fatal):
    mlflow.register_model(two.get_model_version(NAME, "1").source, NAME)
    with pytest.raises(Killed):
        promote(dying(two, fatal), NAME, 3, ORDER)
    champion = held(two)["champion"]
    assert roll_back(two, NAME, ORDER) == Change("champion", champion - 1, champion)


def test_what_a_promotion_left_that_was_never_given_again_does_not_count_later(two):
    for _ in range(2):
        mlflow.register_model(two.get_model_version(NAME, "1").source, NAME)
    with pytest.raises(Killed):
        promote(dying(two, 3), NAME, 3, ORDER)  # after the alias champion, before previous
    assert promote(two, NAME, 4, ORDER) == Change("champion", 4, 3)
    assert roll_back(two, NAME, ORDER) == Change("champion", 3, 4)
    assert roll_back(two, NAME, ORDER) == Change("champion", 3, 3)
    assert held(two) == {"champion": 3}


@pytest.mark.parametrize(
    "change",
    [
        lambda store, load: roll_back(store, NAME, ORDER, load),
        lambda store, load: promote(store, NAME, 1, ORDER, load=load),
    ],
)
def test_no_alias_moves_to_a_version_that_does_not_load(two, change):
    def fail(uri):
        raise MlflowException(f"{uri} is gone", RESOURCE_DOES_NOT_EXIST)

    with pytest.raises(MlflowException, match="is gone"):
        change(two, fail)
    assert held(two) == {"champion": 2, "previous": 1}


def test_without_a_champion_there_is_nothing_to_roll_back(store):
    with pytest.raises(ModelError, match="has no champion"):
        roll_back(store, NAME, ORDER)
