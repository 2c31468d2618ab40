"""Limits by run and month, and runs that cost more than their history."""

import datetime as dt
import json
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from runcosts.budget import PastRun, find_outliers, judge, past_runs
from runcosts.cli import app
from runcosts.errors import SettingsError
from runcosts.local_ledger import LocalLedger
from runcosts.settings import Budget, load_settings

NOW = dt.datetime(2026, 3, 15, tzinfo=dt.UTC)


def make_run(cost, day=1, month=3, unpriced=0):
    return PastRun(f"{month}-{day}", dt.datetime(2026, month, day, tzinfo=dt.UTC), Decimal(cost), unpriced)


@pytest.mark.parametrize(
    ("budget", "reasons"),
    [
        (Budget(run=Decimal("0.5")), ()),
        (Budget(run=Decimal("0.49")), ("a run is 0.5000, the limit is 0.49",)),
        (Budget(month=Decimal("3.5")), ()),
        (Budget(month=Decimal("3.49")), ("2026-03 with this run is 3.5000, the limit is 3.49",)),
    ],
)
def test_a_forecast_may_reach_a_limit_and_not_pass_it(budget, reasons):
    # 1 + 2 were spent in March; February's 50 do not count. The next run costs .50.
    runs = [make_run("50", month=2), make_run("1"), make_run("2", day=2)]

    assert judge(budget, Decimal("0.5"), runs, NOW).reasons == reasons


def test_a_forecast_that_nobody_can_know_does_not_pass():
    assert not judge(Budget(run=Decimal(9)), None, [], NOW).passed


def test_attempts_without_an_estimate_are_told():
    assert (
        "2 attempts of this month have no estimate"
        in judge(Budget(), Decimal(1), [make_run("1", unpriced=2)], NOW).notes[1]
    )


def test_a_run_is_the_sum_of_its_attempts_whatever_became_of_them(make_row):
    rows = [
        make_row(job_name="[dev me] nightly", job_run_id="1", attempt=0, result_state="FAILED").__dict__,
        make_row(job_name="nightly", job_run_id="1", attempt=1).__dict__,
        make_row(job_name="nightly", job_run_id="2").__dict__ | {"estimated_usd": None},
        make_row(job_name="other", job_run_id="3").__dict__,
    ]

    assert {run.job_run_id: (run.cost, run.unpriced) for run in past_runs(rows, "nightly")} == {
        "1": (Decimal("0.6590"), 0),
        "2": (Decimal(0), 1),
    }


def test_a_run_far_above_the_median_is_found_and_those_after_it_are_judged_by_the_usual():
    # Before the sixth run: median 1, deviations 0 .1 .1 .2 .2 of median .1, spread .14826; (2 - 1) / .14826 = 6.74.
    costs = ["1.0", "1.1", "0.9", "1.2", "0.8", "2.0", "1.1", "1.4"]

    found = find_outliers([make_run(cost, day) for day, cost in enumerate(costs, 1)])

    assert [(one.run.cost, one.usual, round(one.score, 2)) for one in found] == [(2, 1, Decimal("6.74"))]


def test_runs_that_all_cost_the_same_make_no_outlier_of_a_small_difference_and_few_runs_none_at_all():
    assert find_outliers([make_run(cost, day) for day, cost in enumerate(["1"] * 5 + ["1.1"], 1)]) == []
    assert find_outliers([make_run(cost, day) for day, cost in enumerate(["1"] * 4 + ["9"], 1)]) == []


def test_budgets_are_read_and_a_wrong_one_is_refused(tmp_path):
    file = tmp_path / "pyproject.toml"
    file.write_text("[tool.runcosts.budgets]\nnightly = {run = 1.5, month = 40, action = 'warn'}\n", encoding="utf-8")
    assert load_settings(tmp_path).budgets == {"nightly": Budget(Decimal("1.5"), Decimal(40), "warn")}
    for wrong, said in (
        ("{run = 0}", "expected a number above 0"),
        ("{day = 1}", "expected one of run, month, action"),
        ("{action = 'shout'}", "expected one of fail, warn"),
        ("3", "expected a table"),
    ):
        file.write_text(f"[tool.runcosts.budgets]\nnightly = {wrong}\n", encoding="utf-8")
        with pytest.raises(SettingsError, match=said):
            load_settings(tmp_path)


@pytest.mark.parametrize(
    ("budget", "minutes", "status", "said"),
    [
        ("{run = 0.17}", "60", 0, "nightly: within budget"),
        ("{run = 0.16}", "60", 1, "nightly: over budget: a run is 0.1640, the limit is 0.16"),
        ("{run = 0.16, action = 'warn'}", "60", 0, "WARNING, over budget: a run is 0.1640"),
        ("{run = 9}", None, 1, "nobody can know what the next run costs"),
    ],
)
def test_the_gate_fails_or_warns_by_its_status(tmp_path, budget, minutes, status, said):
    (tmp_path / "pyproject.toml").write_text(f"[tool.runcosts.budgets]\nnightly = {budget}\n", encoding="utf-8")
    task = {"task_key": "only", "new_cluster": {"node_type_id": "m5d.large"}}
    tree = {"resources": {"jobs": {"nightly": {"name": "nightly", "tasks": [task]}}}}
    (tmp_path / "bundle.json").write_text(json.dumps(tree), encoding="utf-8")
    words = ["gate", "--job", "nightly", "--root", str(tmp_path), "--bundle", str(tmp_path / "bundle.json")]

    done = CliRunner().invoke(app, [*words, *(["--minutes", minutes] if minutes else [])])

    assert (done.exit_code, said in done.output) == (status, True), done.output


def test_the_alert_fails_when_the_last_run_is_unusually_expensive(tmp_path, make_row):
    (tmp_path / "pyproject.toml").write_text('[tool.runcosts]\nledger = "w/{schema}/run_costs"\n', encoding="utf-8")
    began = [dt.datetime(2026, 3, day, tzinfo=dt.UTC) for day in range(1, 8)]
    rows = [
        make_row(
            job_name="nightly",
            job_run_id=str(index),
            task_run_id=str(index),
            started_at=start,
            ended_at=start + dt.timedelta(hours=9 if index == 6 else 1),
        )
        for index, start in enumerate(began)
    ]
    ledger, words = LocalLedger(tmp_path / "w/x/run_costs"), ["alert", "--job-name", "nightly", "--root", str(tmp_path)]

    ledger.write(rows[:6])
    assert CliRunner().invoke(app, words).exit_code == 0
    ledger.write(rows)
    done = CliRunner().invoke(app, words)

    assert done.exit_code == 1
    assert "run 6 of 2026-03-07 00:00: 8.8965, usual 0.9885" in done.output
