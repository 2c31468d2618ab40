"""How much of a queue fits into a budget."""

import datetime as dt
from decimal import Decimal

import pytest

from runcosts.batch import MOST_AT_ONCE, affordable, choose_batch, usual_cost


@pytest.mark.parametrize(("budget", "each", "many"), [("1", "0.3", 3), ("0.9", "0.3", 3), ("0.2", "0.3", 0)])
def test_a_budget_pays_for_whole_experiments_only(budget, each, many):
    assert affordable(Decimal(budget), Decimal(each)) == many


def test_a_run_takes_no_more_than_a_task_value_holds():
    assert affordable(Decimal(10**6), Decimal("0.01")) == MOST_AT_ONCE


@pytest.mark.parametrize(
    ("taken", "room", "batch"), [([], 2, "ab"), (["x"], 2, "xa"), (["x", "y"], 1, "xy"), ([], 0, "")]
)
def test_what_was_taken_before_a_retry_is_part_of_the_budget(taken, room, batch):
    assert choose_batch(taken, ["a", "b", "c"], room) == list(batch)


def test_the_usual_cost_is_the_median_of_the_last_attempts_of_that_task():
    def row(cost, day, task="experiment", job="[dev me] nightly"):
        cost = None if cost is None else Decimal(cost)
        return {
            "task_key": task,
            "job_name": job,
            "estimated_usd": cost,
            "ended_at": dt.datetime(2018, 10, day, tzinfo=dt.UTC),
        }

    rows = [row("9", 1), row("1", 2), row(None, 2), row("3", 3), row("2", 4), row("7", 5, "take"), row("7", 5, job="x")]
    assert usual_cost(rows, "nightly", "experiment", last=3) == 2
    assert usual_cost(rows, "nightly", "other") is None
