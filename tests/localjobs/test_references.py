from datetime import UTC, datetime

import pytest

from localjobs.errors import TaskStartError
from localjobs.references import input_facts, references_in, render, time_facts


def test_references_render_as_text_or_json():
    facts = {"tasks.a.values.auc": 0.5, "tasks.a.values.ok": True, "tasks.a.values.l": [1, "x"], "task.name": "b"}
    text = "{{task.name}} {{ tasks.a.values.auc }} {{tasks.a.values.ok}} {{tasks.a.values.l}}"
    assert render(text, facts) == 'b 0.5 true [1, "x"]'


def test_an_unknown_namespace_stays_literal():
    assert render("{{secrets/a/b}} {{jinja}}", {}) == "{{secrets/a/b}} {{jinja}}"
    assert list(references_in("{{secrets/a/b}} {{job.id}}")) == ["job.id"]


def test_a_value_that_was_never_set_is_an_error_that_lists_what_was():
    with pytest.raises(TaskStartError, match=r"\{\{tasks.a.values.x\}\} has no value; tasks.a.values has: y, z"):
        render("{{tasks.a.values.x}}", {"tasks.a.values.y": 1, "tasks.a.values.z": 2})


def test_time_is_told_in_utc():
    facts = time_facts("job.start_time", datetime(2026, 1, 3, 4, 5, 6, tzinfo=UTC))
    assert {name.removeprefix("job.start_time."): value for name, value in facts.items()} == {
        "iso_date": "2026-01-03",
        "iso_datetime": "2026-01-03T04:05:06Z",
        "timestamp_ms": 1767413106000,
        "iso_weekday": 6,
        "is_weekday": False,
        "year": 2026,
        "month": 1,
        "day": 3,
        "hour": 4,
        "minute": 5,
        "second": 6,
    }


def test_an_input_is_known_whole_and_by_key():
    facts = input_facts({"depth": 3})
    assert render("{{input}} {{input.depth}}", facts) == '{"depth": 3} 3'
