"""The alerts of production, their queries run on rows of the tables; and the monitor that is added later."""

import datetime as dt
import re
import shutil
from decimal import Decimal

import pytest
from databricks.bundles.quality_monitors import QualityMonitor
from databricks.sdk.service.sql import AlertV2

from fraud_detection.data.ingest import column_types
from fraud_detection.schemas import MONITORING, PREDICTIONS
from localjobs.bundle.resolve import Request, deploy
from runcosts import ledger

NOW = dt.datetime.now(dt.UTC)
A_DAY = dt.timedelta(days=1)
TABLES = {
    "predictions": column_types(PREDICTIONS.columns),
    "monitoring": column_types(MONITORING.columns),
    "run_costs": ledger.ddl(),
}


@pytest.fixture(scope="module")
def alerts(deployed):
    return deployed("prod")["resources"]["alerts"]


@pytest.fixture
def is_triggered(spark, alerts):
    """Whether an alert is beyond its limit, given rows of the table that it reads."""

    def ask(key, *rows):
        alert, evaluation = alerts[key], alerts[key]["evaluation"]
        (table,) = re.findall(r"main\.fraud\.(\w+)", alert["query_text"])
        spark.createDataFrame(list(rows), TABLES[table]).createOrReplaceTempView(f"alert_{table}")
        (row,) = spark.sql(alert["query_text"].replace("main.fraud.", "alert_")).collect()
        assert evaluation["comparison_operator"] == "GREATER_THAN"
        found = row[evaluation["source"]["name"]]
        assert found is not None  # a row of NULL is not an empty result
        return found > evaluation["threshold"]["value"]["double_value"]

    return ask


def scored(ago):
    return {"scored_at": NOW - ago}


def test_scoring_is_late_when_the_newest_score_is_older_than_a_day_and_a_run(is_triggered):
    assert is_triggered("scoring_is_late", scored(2 * A_DAY))
    assert not is_triggered("scoring_is_late", scored(2 * A_DAY), scored(A_DAY))


def test_scoring_that_never_was_is_late_too(is_triggered):
    assert is_triggered("scoring_is_late")


@pytest.mark.parametrize(
    ("days", "alarms", "told"), [(0, ["drift: x"], True), (0, [], False), (3, ["drift: x"], False)]
)
def test_an_alarm_of_the_last_day_is_told(is_triggered, days, alarms, told):
    day = {"day": NOW.date() - days * A_DAY, "alarms": alarms}

    assert is_triggered("the_world_moved", day) is told


def test_a_day_is_dear_by_the_sum_of_its_runs(is_triggered, alerts):
    half = alerts["the_day_was_dear"]["evaluation"]["threshold"]["value"]["double_value"] / 2 + 1
    run = {"started_at": NOW - A_DAY / 2, "estimated_usd": Decimal(half)}

    assert is_triggered("the_day_was_dear", run, run)
    assert not is_triggered(
        "the_day_was_dear", run, {**run, "started_at": NOW - 2 * A_DAY}, {**run, "estimated_usd": None}
    )


def test_alerts_survive_the_round_trip_through_the_sdk(alerts):
    for alert in alerts.values():
        settings = {key: value for key, value in alert.items() if key != "id"}
        assert AlertV2.from_dict(settings).as_dict() == settings
        assert alert["evaluation"]["notification"]["subscriptions"]


def test_an_alert_that_does_not_tell_when_it_ends_is_told_at_every_look_while_it_stands(alerts):
    notifications = {key: alert["evaluation"]["notification"] for key, alert in alerts.items()}
    again = {key: one.get("retrigger_seconds") for key, one in notifications.items() if not one.get("notify_on_ok")}

    assert again == {"the_world_moved": 3600, "the_day_was_dear": 3600}  # they look once a day


def test_nobody_is_woken_by_a_developers_copy(resolved, development):
    assert "alerts" not in resolved(development)["resources"]


def test_every_alert_is_in_the_runbook(root, alerts):
    runbook = (root / "docs" / "runbook.md").read_text(encoding="utf-8")

    assert [key for key in alerts if f"`{key}`" not in runbook] == []


def test_the_monitor_is_added_by_one_line_once_its_table_is_there(root, tmp_path):
    shutil.copytree(root / "resources", tmp_path / "resources")
    shutil.copy(root / "requirements-databricks.txt", tmp_path)
    text = (root / "databricks.yml").read_text(encoding="utf-8")
    line = "  - resources/after_first_run/*.yml"
    assert f"# {line.strip()}" in text
    (tmp_path / "databricks.yml").write_text(text.replace(f"  # {line.strip()}", line), encoding="utf-8")

    (monitor,) = deploy(Request(tmp_path, "prod", environment={})).tree["resources"]["quality_monitors"].values()

    assert monitor["table_name"] == "main.fraud.predictions"
    assert {monitor["time_series"]["timestamp_col"], *monitor["slicing_exprs"]} <= set(PREDICTIONS.columns)
    assert QualityMonitor.from_dict({key: value for key, value in monitor.items() if key != "id"})
