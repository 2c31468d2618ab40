"""Sums of made ledgers by hand."""

import datetime as dt
from decimal import Decimal

import pytest

from runcosts.errors import SettingsError
from runcosts.report.facts import FAILED, STARTUP, WORK
from runcosts.report.marks import Mark, effects, read_marks


def test_costs_are_summed_by_day_job_and_cause(make_facts, make_attempt_row, make_bill):
    rows = [
        make_attempt_row(amount="2"),
        make_attempt_row(amount="0.5", state="FAILED"),
        make_attempt_row(day=19, amount="4", run="q"),
        make_attempt_row(day=19, amount="1", run="x", job="costs", task="sum"),
    ]
    facts = make_facts(rows, [make_bill()])
    assert facts.total == Decimal("7.75")
    assert facts.total_by("cause") == {WORK: 7, FAILED: Decimal("0.5"), STARTUP: Decimal("0.25")}
    assert facts.total_by("day", "job")[dt.date(2026, 11, 20), "fraud training"] == Decimal("2.75")
    assert facts.waste == Decimal("0.75")
    assert (facts.jobs, facts.runs) == (["fraud training", "costs"], 3)


def test_other_days_other_currencies_and_attempts_without_an_estimate_are_in_no_amount(make_facts, make_attempt_row):
    rows = [make_attempt_row(day=10), make_attempt_row(currency="EUR"), make_attempt_row(amount=None)]
    facts = make_facts([*rows, make_attempt_row(day=11)])
    assert facts.total == 1
    assert (facts.attempts, facts.unpriced) == (3, 2)


def test_the_usual_cost_of_a_task_is_the_median_of_its_runs_with_their_retries(make_facts, make_attempt_row):
    rows = [
        make_attempt_row(amount=amount, run=run) for amount, run in (("1", "a"), ("2", "a"), ("5", "b"), ("9", "c"))
    ]
    assert make_facts(rows).usual_of_tasks("fraud training") == {"train": 5}


def test_a_mark_compares_the_runs_before_it_with_those_until_the_next(make_facts, make_attempt_row):
    days = {12: "4", 13: "6", 14: "100", 15: "2", 16: "3", 17: "4", 18: "50", 19: "1"}
    rows = [make_attempt_row(day=day, amount=amount, run=str(day)) for day, amount in days.items()]
    marks = [Mark(dt.date(2026, 11, day), "m") for day in (1, 14, 18)]
    first, second = effects(make_facts(rows), marks)
    assert (first.before, first.after, first.change) == (5, 3, Decimal("-0.4"))
    assert (second.before, second.after) == (3, 1)


def test_marks_come_from_a_file_or_from_git(tmp_path):
    (tmp_path / "marks.toml").write_text('2026-11-20 = "later"\n2026-11-02 = "smaller nodes"\n', encoding="utf-8")
    assert read_marks(tmp_path, "marks.toml")[0] == Mark(dt.date(2026, 11, 2), "smaller nodes")
    assert read_marks(tmp_path, None) == []
    with pytest.raises(SettingsError, match="not a git repository"):
        read_marks(tmp_path, "git")


@pytest.mark.parametrize("text", ['yesterday = "x"', "no toml at all"])
def test_a_file_of_marks_that_cannot_be_read_is_refused(tmp_path, text):
    (tmp_path / "marks.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match="expected lines such as"):
        read_marks(tmp_path, "marks.toml")
