"""Tasks that are killed, with their JVM or without it, and run again leave what tasks that were not killed leave."""

import resource
from datetime import timedelta

import psutil
import pytest
from polars.testing import assert_frame_equal

from fraud_detection.config import DataSettings
from fraud_detection.data.prepare import prepare
from fraud_detection.features import single_node
from fraud_detection.features.frames import to_polars
from fraud_detection.features.settings import FeatureSettings
from fraud_detection.tasks.rows import read_history

MANY_KILLS = pytest.mark.nightly("a JVM is started and killed time and again")
LINE = ("source_file", "line_number")
PREPARED = {
    "bronze_transactions": LINE,
    "bronze_labels": LINE,
    "silver_transactions": ("transaction_id",),
    "silver_labels": ("transaction_id",),
    "quarantine": ("dataset", *LINE),
    "landing_files": ("dataset", "source_file"),
    "data_quality": ("dataset", "source_file", "rule"),
}
OUT_OF_MEMORY = (
    "MemoryError",
    "bad_alloc",
    "allocate memory",
    "memory allocation",
    "new thread",
    "temporarily unavailable",
)
BELOW = "SELECT run_uuid FROM tags WHERE key = 'mlflow.parentRunId' AND value = '{}'"
STATES = "SELECT run_uuid, value FROM tags WHERE key = 'state'"
PUBLISHED = ("silver_transactions", 4)  # good and refused lines are published, their stream hasn't noted it
EARLIER = (
    ("bronze_transactions", 2),  # the lines are in bronze, their stream hasn't noted it
    ("quarantine", 2),  # refused lines are published, good ones are not
)


@pytest.fixture(scope="module")
def expected(spark, make_place):
    """The tables of a run that nothing disturbs."""
    place = make_place("clean")
    prepare(spark, str(place.landing), str(place.folder / "checkpoints"), place.tables, DataSettings())
    return place.read(PREPARED)


@pytest.fixture(scope="module")
def killed(make_place, pytestconfig):
    """A place where data_prep is killed, in the night at one point after another, and then left in peace."""
    place = make_place("killed")
    for table, commits in (*(EARLIER if pytestconfig.getoption("--nightly") else ()), PUBLISHED):
        place.kill_when("data_prep", lambda table=table, commits=commits: place.commits(table) >= commits)
        assert place.commits("silver_labels") == 0  # far from its end
    place.finish("data_prep")
    return place


@pytest.fixture(scope="module")
def featured(killed):
    """The same place with features, whose building is killed while their files are written, and a day's update too."""
    before = {"as_of": f"{killed.now - timedelta(days=2):%Y-%m-%d}"}
    killed.kill_when("feature_build", lambda: killed.data_files("transaction_features") > 0, **before)
    assert killed.commits("transaction_features") == 1  # the table was made, its rows were not
    assert killed.finish("feature_build", **before)["build"] == "rebuild"
    files, commits = killed.data_files("transaction_features"), killed.commits("transaction_features")
    killed.kill_when("feature_build", lambda: killed.data_files("transaction_features") > files)
    assert killed.commits("transaction_features") == commits
    assert killed.finish("feature_build")["build"] == "update"
    return killed


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, rows in expected.items():
        assert rows.height > 0
        assert_frame_equal(found[name], rows)


def test_data_prep_that_is_killed_ends_in_the_tables_of_a_clean_run(killed, expected):
    assert_same(killed.read(PREPARED), expected)


def kill_jvm(task):
    (jvm,) = [child for child in task.children() if child.name() == "java"]
    jvm.kill()


def test_a_task_whose_jvm_dies_says_so_and_running_again_gives_the_tables_of_a_clean_run(make_place, expected):
    place = make_place("jvm")
    said = place.spoil_when("data_prep", lambda: place.commits("bronze_transactions") > 1, kill_jvm)
    assert "MachineError: the JVM of Spark has ended while the task worked: it was killed by signal 9" in said
    assert place.commits("silver_labels") == 0  # far from its end
    place.finish("data_prep")
    assert_same(place.read(PREPARED), expected)


@MANY_KILLS
def test_features_whose_building_was_killed_are_those_of_the_definition(featured, spark):
    history = to_polars(read_history(spark, featured.tables, featured.now))
    computed = single_node.compute_features(history, FeatureSettings()).sort("transaction_id")
    found = featured.read({"transaction_features": ("transaction_id",)})["transaction_features"]
    assert found.height > 0
    assert_frame_equal(found.select(computed.columns), computed, check_exact=True, check_dtypes=False)


@MANY_KILLS
def test_training_and_registering_that_are_killed_end_in_one_version(featured):
    versions = "SELECT version FROM model_versions"
    search = featured.folder / "checkpoints" / "search"
    featured.kill_when("train", lambda: any(search.glob("*/journal.log")), trials="3")
    featured.kill_when("train", lambda: any((featured.folder / "mlartifacts").rglob("*")), trials="3")
    candidate = featured.finish("train", trials="3")["run_id"]
    trials = [run for (run,) in featured.ask_mlflow(BELOW.format(candidate))]
    states = [state for run, state in featured.ask_mlflow(STATES) if run in trials]
    assert states.count("complete") == 3
    assert not any(search.iterdir())
    verdict = featured.finish("validate", candidate=candidate)["verdict"]
    judged = {"candidate": candidate, "verdict": verdict, "job_run_id": "7"}
    featured.kill_when("register", lambda: bool(featured.ask_mlflow(versions)), **judged)
    done = featured.finish("register", **judged)
    assert (done["version"], done["verdict"]) == ("1", verdict)
    assert featured.ask_mlflow(versions) == [(1,)]
    tags = dict(featured.ask_mlflow("SELECT key, value FROM model_version_tags"))
    assert (tags["run_id"], tags["verdict"], tags["job_run_id"]) == (candidate, verdict, "7")


def allow_no_more_memory(task):
    used = psutil.Process(task.pid).memory_info().vms
    resource.prlimit(task.pid, resource.RLIMIT_AS, (used, used))


@MANY_KILLS
def test_training_that_gets_no_more_memory_fails_and_running_again_trains(featured):
    log = featured.log("train")
    log.unlink()
    said = featured.spoil_when(
        "train", lambda: log.exists() and "single_node: " in log.read_text(), allow_no_more_memory
    )
    assert any(word in said for word in OUT_OF_MEMORY)
    assert featured.finish("train")["run_id"]
