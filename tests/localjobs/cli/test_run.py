import json
import re
from pathlib import Path

import pytest
from databricks.sdk.service.jobs import Run, RunLifeCycleState, RunResultState
from typer.testing import CliRunner

from localjobs.cli import app


def test_a_run_ends_with_its_tasks_their_values_its_result_and_its_page(bench, wheel, localjobs):
    bench.write([wheel("a", "set_values"), wheel("b", after=["a"])])
    done = localjobs("run", "job")
    assert done.returncode == 0, done.stderr
    assert re.search(r"│ a +│ SUCCESS │ +1 │ +\d\.\d\d s │ +\d+ MiB", done.stdout)
    assert re.search(r"│ a +│ auc +│ 0.7500", done.stdout)
    assert '{"reasons": ["one", "two"]}' in done.stdout
    assert "result: SUCCESS" in done.stdout
    page = Path(re.search(r"page: (\S+)", done.stdout)[1])
    assert page.is_relative_to(bench.root)
    assert "<html" in page.read_text()
    assert re.search(r"^a: RUNNING\n(.*\n)*a: SUCCESS  in", done.stderr, re.MULTILINE)


def test_a_failure_shows_the_end_of_its_log_and_where_the_rest_is(bench, wheel, localjobs):
    bench.write([wheel("a", "fail")])
    done = localjobs("run", "job")
    assert done.returncode == 1
    assert "a: FAILED: RuntimeError: it was meant to fail" in done.stdout
    assert '│     raise RuntimeError("it was meant to fail")' in done.stdout
    assert "/a/0/output.log" in done.stdout


def test_json_is_alone_on_standard_output_and_a_client_of_the_jobs_api_reads_it(bench, wheel, condition, localjobs):
    tasks = [
        wheel("a", "fail", max_retries=1),
        wheel("b", after=["a"], run_if="ALL_DONE"),
        condition("c", "1", "EQUAL_TO", "1"),
    ]
    bench.write(tasks, parameters=[{"name": "day", "default": "1"}])
    done = localjobs("run", "job", "--params", "day=2,x", "-o", "json")
    assert done.returncode == 0
    run = Run.from_dict(json.loads(done.stdout))
    assert (run.state.life_cycle_state, run.state.result_state) == (
        RunLifeCycleState.TERMINATED,
        RunResultState.SUCCESS_WITH_FAILURES,
    )
    tasks = {task.task_key: task for task in run.tasks}
    assert tasks["a"].attempt_number == 1
    assert tasks["a"].state.state_message == "RuntimeError: it was meant to fail"
    assert [dep.task_key for dep in tasks["b"].depends_on] == ["a"]
    assert tasks["b"].run_if.value == "ALL_DONE"
    assert [(p.name, p.default, p.value) for p in run.job_parameters] == [("day", "1", "2,x")]
    assert run.start_time <= tasks["a"].start_time <= tasks["a"].end_time <= run.end_time
    assert "a: WAITING_FOR_RETRY" in done.stderr


def test_a_bundle_that_is_refused_exits_with_two_and_names_the_line(bench, wheel, localjobs):
    bench.write([wheel("a", after=["gone"])])
    done = localjobs("run", "job")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "error: databricks.yml:1: jobs.job: task a depends on 'gone'" in done.stderr


def test_a_folder_without_a_bundle_exits_with_two(localjobs, tmp_path):
    done = localjobs("run", "job", "--bundle-root", tmp_path)
    assert done.returncode == 2
    assert "no databricks.yml" in done.stderr


def test_variables_and_a_part_of_the_job_can_be_chosen(bench, wheel, localjobs):
    bench.write([wheel("a", "fail"), wheel("b", "print_arguments", "${var.colour}", after=["a"])])
    text = (bench.root / "databricks.yml").read_text()
    (bench.root / "databricks.yml").write_text(text[:-1] + ', "variables": {"colour": {"default": "red"}}}')
    done = localjobs("run", "job", "--only", "b", "--var", "colour=blue", "-o", "json")
    assert done.returncode == 0
    run = json.loads(done.stdout)
    log = localjobs("logs", run["run_id"], "b")
    assert log.stdout == "arguments ['blue']\n"


@pytest.mark.parametrize("command", [command.name or command.callback.__name__ for command in app.registered_commands])
def test_every_command_has_help_with_an_example_and_its_exit_status(command):
    done = CliRunner().invoke(app, [command, "--help"])
    assert done.exit_code == 0
    text = " ".join(done.output.split())
    assert f"Example: localjobs {command}" in text
    assert "Exit status: " in text
