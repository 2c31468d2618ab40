"""The queue of experiments: done once or again, never lost."""

import datetime as dt
import json

import pytest
from typer.testing import CliRunner

from fraud_detection.errors import ConfigurationError
from fraud_detection.schemas import EXPERIMENT_RESULTS, EXPERIMENTS
from fraud_detection.tasks import experiment_queue as queue
from fraud_detection.tasks.context import Settings
from fraud_detection.tasks.experiments_cli import app
from fraud_detection.tasks.run_experiment import with_overrides

NIGHT = dt.datetime(2018, 10, 1, 23, tzinfo=dt.UTC)
NEXT_NIGHT = NIGHT + dt.timedelta(days=1)


@pytest.fixture
def add(spark, tables):
    queue.ensure_queue(spark, tables)

    def call(*names, priority=0, now=NIGHT):
        queue.add_experiments(spark, tables, dict.fromkeys(names, "{}"), priority, now)

    return call


@pytest.fixture
def tell(spark, tables):
    """Appends a result as the task experiment does."""

    def call(name, run, *, succeeded):
        row = (name, run, succeeded, "r" if succeeded else None, 0.7, "" if succeeded else "too few frauds", NIGHT)
        kinds = ", ".join(f"{column} {kind.split()[0]}" for column, kind in EXPERIMENT_RESULTS.columns.items())
        frame = spark.createDataFrame([row], kinds)
        frame.write.format("delta").mode("append").saveAsTable(tables.name(EXPERIMENT_RESULTS.name))

    return call


@pytest.fixture
def states(spark, tables):
    def read():
        rows = tables.read(spark, EXPERIMENTS.name).select("experiment_id", "state", "tries", "note").collect()
        return {row.experiment_id: (row.state, row.tries, row.note) for row in rows}

    return read


def test_experiments_are_taken_by_priority_and_age_and_once(spark, tables, add):
    add("old")
    add("new", now=NIGHT + dt.timedelta(minutes=1))
    add("urgent", priority=5, now=NIGHT + dt.timedelta(minutes=2))
    add("old", priority=9)
    assert queue.waiting(spark, tables, 2) == ["urgent", "old"]
    assert queue.take(spark, tables, "run 1", ["urgent", "old"], NIGHT) == ["urgent", "old"]
    assert queue.take(spark, tables, "run 2", ["old", "new"], NIGHT) == ["new"]
    assert queue.take(spark, tables, "run 1", [], NIGHT) == ["urgent", "old"]  # a retry has what it had


def test_a_run_that_ends_says_what_is_done_and_lets_the_others_wait(spark, tables, add, tell, states):
    add("good", "bad", "killed")
    queue.take(spark, tables, "run 1", ["good", "bad", "killed"], NIGHT)
    tell("good", "run 1", succeeded=False)
    tell("good", "run 1", succeeded=True)
    tell("bad", "run 1", succeeded=False)

    assert queue.settle(spark, tables, NIGHT, "run 1") == {"done": 1, "waiting": 2}
    assert states() == {
        "good": ("done", 1, None),
        "bad": ("waiting", 1, "too few frauds"),
        "killed": ("waiting", 1, queue.NO_WORD),
    }


def test_what_a_killed_run_took_comes_back_the_next_night_and_what_it_did_is_not_done_again(
    spark, tables, add, tell, states
):
    add("done before the kill", "under way")
    queue.take(spark, tables, "killed", ["done before the kill", "under way"], NIGHT)
    tell("done before the kill", "killed", succeeded=True)

    assert queue.settle(spark, tables, NIGHT + dt.timedelta(hours=1)) == {}
    assert queue.waiting(spark, tables, 9) == []
    assert queue.settle(spark, tables, NEXT_NIGHT) == {"done": 1, "waiting": 1}
    assert queue.waiting(spark, tables, 9) == ["under way"]
    assert states()["done before the kill"][0] == "done"


def test_what_is_killed_every_time_fails_at_last_and_says_so(spark, tables, add, states):
    add("poison")
    for night in range(queue.MOST_TRIES):
        queue.take(spark, tables, f"run {night}", ["poison"], NIGHT)
        queue.settle(spark, tables, NIGHT, f"run {night}")
    assert states() == {"poison": ("failed", queue.MOST_TRIES, queue.NO_WORD)}


def test_settings_of_an_experiment_are_put_on_top_of_the_jobs():
    changed = with_overrides(Settings(), json.dumps({"training": {"window_days": 60, "trials": 0}}))
    assert (changed.training.window_days, changed.training.trials) == (60, 0)
    assert changed.training.boosters == Settings().training.boosters
    assert changed.gate == Settings().gate


@pytest.mark.parametrize(
    "text", ["no json", "[1]", '{"trainin": {}}', '{"training": {"window": 1}}', '{"training": {"window_days": "x"}}']
)
def test_settings_that_no_training_could_use_are_refused(text):
    with pytest.raises(ConfigurationError):
        with_overrides(Settings(), text)


def test_the_command_refuses_such_settings_before_anything_is_queued():
    refused = CliRunner().invoke(app, ["add", '{"training": {"window": 1}}', "--id", "x"])
    assert refused.exit_code == 2
    assert "no setting window" in refused.output
