"""Parameters of the tasks of runcosts."""

import pytest

from runcosts import gate_task, reconcile_task
from runcosts.task_arguments import start_task


def test_a_task_with_a_job_of_its_own_refuses_what_it_does_not_know(capsys):
    assert start_task(reconcile_task.Arguments, "reconcile_costs", ["--days=3"]).days == "3"
    with pytest.raises(SystemExit):
        start_task(reconcile_task.Arguments, "reconcile_costs", ["--dayz=3"])
    assert "--dayz=3" in capsys.readouterr().err


def test_a_task_of_any_job_leaves_that_jobs_parameters_alone():
    found = start_task(gate_task.Arguments, "gate_costs", ["--as_of=2018-10-01", "--run_limit=2"], in_any_job=True)
    assert (found.run_limit, found.month_limit) == ("2", "")
