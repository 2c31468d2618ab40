"""Task values inside and outside of a job."""

import logging
import sys
from types import SimpleNamespace

import pytest

from fraud_detection.tasks import values
from fraud_detection.tasks.values import set_task_values


def test_outside_of_a_job_values_are_only_logged(caplog):
    with caplog.at_level(logging.INFO):
        set_task_values({"rows": 3, "engine": "spark"})
    assert caplog.messages == ["rows = 3", "engine = spark"]


def test_in_a_job_values_are_published(monkeypatch):
    told = {}
    task_values = SimpleNamespace(set=lambda key, value: told.update({key: value}))
    dbutils = SimpleNamespace(jobs=SimpleNamespace(taskValues=task_values))
    monkeypatch.setitem(sys.modules, "databricks.sdk.runtime", SimpleNamespace(dbutils=dbutils))
    monkeypatch.setattr(values.importlib.util, "find_spec", lambda _name: object())
    set_task_values({"rows": 3, "engine": "spark"})
    assert told == {"rows": 3, "engine": "spark"}


def test_a_value_that_cannot_be_published_is_an_error(monkeypatch):
    def refuse(key, value):
        raise ValueError(f"{key} is too large: {len(value)}")

    task_values = SimpleNamespace(set=refuse)
    dbutils = SimpleNamespace(jobs=SimpleNamespace(taskValues=task_values))
    monkeypatch.setitem(sys.modules, "databricks.sdk.runtime", SimpleNamespace(dbutils=dbutils))
    monkeypatch.setattr(values.importlib.util, "find_spec", lambda _name: object())
    with pytest.raises(ValueError, match="why is too large"):
        set_task_values({"why": "x" * 50_000})
