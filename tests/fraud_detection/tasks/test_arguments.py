"""What tasks are told on their command line."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from fraud_detection.errors import ConfigurationError
from fraud_detection.tasks.arguments import Arguments, make_parser, parse_arguments

JOBS = Path(__file__).parents[3] / "resources"


def jobs():
    """Every job of the bundle, with its file."""
    found = []
    for path in sorted(JOBS.glob("*.job.yml")):
        loaded = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
        found += loaded["resources"]["jobs"].items()
    assert found
    return dict(found)


def test_the_training_job_tells_its_tasks_nothing_that_they_do_not_understand():
    job = jobs()["training"]
    for task in job["tasks"]:
        told = {parameter["name"]: f"a {parameter['name']}" for parameter in job["parameters"]}
        told |= {name: f"the {name}" for name in task["python_wheel_task"]["named_parameters"]}
        arguments = parse_arguments(task["task_key"], [f"--{name}={value}" for name, value in told.items()])
        assert {name: getattr(arguments, name) for name in told} == told


def test_each_task_is_told_all_that_identifies_its_attempt():
    for task in jobs()["training"]["tasks"]:
        named = task["python_wheel_task"]["named_parameters"]
        assert named["task_run_id"] == "{{task.run_id}}"
        assert named["attempt"] == "{{task.execution_count}}"


@pytest.mark.parametrize("unknown", ["--colour=red", "--as-of=2018-10-01", "--eng=spark", "word"])
def test_what_no_task_knows_is_refused(capsys, unknown):
    with pytest.raises(SystemExit) as ended:
        parse_arguments("train", ["--as_of=2018-10-01", unknown])
    assert ended.value.code == 2
    assert f"unrecognized arguments: {unknown}" in capsys.readouterr().err


def test_the_day_that_counts_as_today_must_be_told(capsys):
    with pytest.raises(SystemExit):
        parse_arguments("train", [])
    assert "--as_of" in capsys.readouterr().err


def test_today_begins_at_midnight_utc():
    assert Arguments(as_of="2018-10-01").now == datetime(2018, 10, 1, tzinfo=UTC)


@pytest.mark.parametrize("as_of", ["", "today", "2018-13-01", "01.10.2018", "2018-10-01T00:00:00"])
def test_a_day_that_is_none_is_refused(as_of):
    with pytest.raises(ConfigurationError, match=r"--as_of is .*; expected a day such as 2018-10-01"):
        _ = Arguments(as_of=as_of).now


def test_numbers_arrive_as_text():
    assert Arguments(as_of="2018-10-01", trials="7").whole_number("trials") == 7


@pytest.mark.parametrize("text", ["", "-1", "1.5", "many", "²"])
def test_what_is_no_whole_number_is_refused(text):
    with pytest.raises(ConfigurationError, match=r"--trials is .*; expected a whole number from 0"):
        Arguments(as_of="2018-10-01", trials=text).whole_number("trials")


def test_the_help_names_every_parameter():
    text = make_parser("train").format_help()
    assert [name for name in Arguments.__dataclass_fields__ if f"--{name}" not in text] == []


def test_a_switch_is_true_or_false_and_nothing_else():
    assert Arguments(as_of="2018-10-01").yes("replay") is False
    assert Arguments(as_of="2018-10-01", replay="true").yes("replay") is True
    with pytest.raises(ConfigurationError, match="--replay is 'yes'; expected true or false"):
        Arguments(as_of="2018-10-01", replay="yes").yes("replay")
