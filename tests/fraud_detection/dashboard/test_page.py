"""The dashboard of the bundle as a page: each query runs on the tables, each widget shows columns that it has."""

import json
import shutil
import subprocess
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from fraud_detection.dashboard.chart import draw, word
from fraud_detection.dashboard.definition import read_dashboard
from fraud_detection.dashboard.page import render
from fraud_detection.errors import ConfigurationError
from fraud_detection.schemas import DATA_TABLES, MONITORING_TABLES, SCORING_TABLES
from fraud_detection.tasks.report_cli import DASHBOARD, run_queries
from runcosts.ledger import columns as ledger_columns

ROOT = Path(__file__).parents[3]
MADE_AT = datetime(2018, 10, 1, 3, tzinfo=UTC)
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
START = date(2018, 9, 1)


@pytest.fixture(scope="module")
def dashboard():
    return read_dashboard(ROOT / DASHBOARD)


def days(count, **values):
    return [
        {"day": START + timedelta(days=number), "event_date": START + timedelta(days=number), **values}
        for number in range(count)
    ]


ROWS = {
    "last_days": [{"transactions": 9_912, "known_frauds": 1_733}],
    "saved": [{"saved": 158_034.0}],
    "volumes": [row | {"transactions": 9_800 + 37 * n % 400} for n, row in enumerate(days(30))],
    "frauds": [row | {"fraud_amount": 5_000.5 + 211 * n % 900} for n, row in enumerate(days(30))],
    "bands": [
        {"amount_band": band, "fraud_percent": share} for band, share in (("0-10", 0.3), ("10-50", 0.5), ("220-", 61.0))
    ],
    "savings": [
        row | {"model": name, "saving": 5_000.0 + n}
        for name in ("champion 3", "challenger 4")
        for n, row in enumerate(days(30))
    ],
    "alerts": days(30, model="champion 3", alerts=88),
    "quality": days(30, model="version 3", average_precision=0.79),
    "slices": [
        {
            "kind": "amount",
            "slice": "up to 20",
            "rows": 20_000,
            "frauds": 44,
            "auc_roc": 0.881,
            "average_precision": None,
        }
    ],
    "drift": [row | {"feature": f"feature_{k}", "psi": 0.01 * k} for k in range(5) for row in days(30)],
    "alarms": [{"day": START, "model_version": 3, "retrain": True, "alarms": "drift: <amount>", "why": "PSI 0.31"}],
    "quarantined": days(30, dataset="labels", lines=3),
    "rules": "data_quality has not been made yet",
    "costs": days(3, job="fraud training", cost=0.0421),
    "waste": [],
}


def test_each_query_runs_on_the_tables_and_has_the_columns_that_widgets_show(spark, tables, dashboard):
    before = spark.catalog.currentDatabase()
    said = run_queries(spark, tables, dashboard)
    assert said["volumes"] == "gold_days has not been made yet"
    for table in (*DATA_TABLES, *SCORING_TABLES, *MONITORING_TABLES):
        tables.ensure(spark, table)
    ledger = ", ".join(f"{name} {kind}" for name, kind in ledger_columns().items())
    spark.sql(f"CREATE TABLE {tables.name('run_costs')} ({ledger}) USING DELTA LOCATION '{tables.folder('run_costs')}'")
    try:
        found = run_queries(spark, tables, dashboard)
        assert [name for name, rows in found.items() if isinstance(rows, str)] == []
        columns = {name: set(spark.sql(query).columns) for name, query in dashboard.queries.items()}
    finally:
        spark.catalog.setCurrentDatabase(before)
    lacking = [
        (widget.name, field)
        for page in dashboard.pages
        for widget in page.widgets
        for field in widget.fields.values()
        if field not in columns[widget.dataset]
    ]
    assert lacking == []
    assert set(ROWS) == set(dashboard.queries)


def test_the_page_needs_nothing_else_and_shows_what_is_there_and_what_is_not(dashboard):
    html = render(dashboard, ROWS, "fraud", MADE_AT)
    assert "http" not in html.replace("http-equiv", "")
    for text in (
        "9,912",
        "158,034",
        "drift: &lt;amount&gt;",
        "data_quality has not been made yet",
        "nothing yet",
        "yes",
    ):
        assert text in html
    assert html.count("<svg") == 9


def test_a_line_has_a_dot_a_value_and_its_axis_holds_nought():
    chart = draw([("a", "", 10.0), ("b", "", 30.0)], bars=False)
    assert [mark.title for mark in chart.marks] == ["a: 10", "b: 30"]
    assert chart.marks[0].y > chart.marks[1].y
    assert chart.grid[0].text == "0"
    assert chart.legend == ()


def test_bars_of_several_series_stand_beside_each_other_and_losses_hang_below():
    chart = draw([("a", "x", 10.0), ("a", "y", -10.0)], bars=True)
    gain, loss = chart.marks
    assert gain.x + gain.width == pytest.approx(loss.x, abs=0.2)
    assert gain.y + gain.height == pytest.approx(loss.y, abs=0.2)
    assert chart.legend == ("x", "y")


@pytest.mark.parametrize(("value", "said"), [(0, "0"), (1234567.0, "1,234,567"), (0.0421, "0.0421"), (5000.5, "5,000")])
def test_numbers_are_said_as_people_read_them(value, said):
    assert word(value) == said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.pop("pages"), "KeyError"),
        (
            lambda d: d["pages"][0]["layout"][0]["widget"]["spec"].update(widgetType="pie"),
            "is a pie; expected one that",
        ),
        (lambda d: d["datasets"].pop(), "has widgets of waste; expected one of last_days"),
    ],
)
def test_a_file_that_cannot_be_drawn_is_refused(tmp_path, change, said):
    values = json.loads((ROOT / DASHBOARD).read_text())
    change(values)
    (tmp_path / "d.json").write_text(json.dumps(values))
    with pytest.raises(ConfigurationError, match=said):
        read_dashboard(tmp_path / "d.json")


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium to render the page with")
@pytest.mark.parametrize("width", [1280, 400])
def test_a_browser_shows_the_page_without_a_scroll_bar_to_the_right(dashboard, tmp_path, width):
    page = tmp_path / "report.html"
    probe = "<script>document.title = document.documentElement.scrollWidth + ' of ' + window.innerWidth</script></body>"
    page.write_text(render(dashboard, ROWS, "fraud", MADE_AT).replace("</body>", probe))
    told = [
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--window-size={width},900",
        "--dump-dom",
        page.as_uri(),
    ]
    dom = subprocess.run(told, capture_output=True, text=True, check=True, timeout=120).stdout
    wide, room = map(int, dom.split("<title>")[1].split("</title>")[0].split(" of "))
    assert 0 < wide <= room
