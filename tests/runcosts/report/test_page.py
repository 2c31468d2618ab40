"""The page, in a real browser."""

import datetime as dt
import html
import re
import shutil
import subprocess

import pytest
from typer.testing import CliRunner

from runcosts.cli import app
from runcosts.local_ledger import LocalLedger
from runcosts.report.marks import Mark
from runcosts.report.page import render_page
from runcosts.report.pictures import draw_pictures

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
MARKS = [Mark(dt.date(2026, 11, 18), "<b>a very long remark on what was changed in all of the jobs on this day</b>")]


@pytest.fixture
def facts(make_facts, make_attempt_row, make_bill):
    days = range(11, 21)
    rows = [make_attempt_row(day=day, run=str(day), job=f"a job with quite a long name {day % 3}") for day in days]
    return make_facts([*rows, make_attempt_row(state="FAILED"), make_attempt_row()], [make_bill()])


@pytest.fixture
def page(facts):
    tasks = [{"task_key": f"task_{n}", "depends_on": [{"task_key": f"task_{n - 1}"}] * (n > 0)} for n in range(7)]
    tasks[3]["task_key"], tasks[4]["depends_on"] = "train", [{"task_key": "train"}]
    return render_page(facts, MARKS, {"resources": {"jobs": {"training": {"name": "fraud training", "tasks": tasks}}}})


def test_the_page_needs_nothing_else(page):
    assert "<script" not in page
    targets = re.findall(r"(?:src|href|url)\s*[=(]\s*[\"']?([^\"')\s>]+)", page)
    assert targets
    assert all(target.startswith("#") for target in targets)


def test_the_page_tells_what_was_wasted_and_what_marks_changed_and_escapes_what_it_is_told(page):
    text = " ".join(page.split())
    assert "&lt;b&gt;a very long remark" in text
    assert re.search(r">fraud training</td><td>train</td><td>failed attempts</td><td[^>]*>1</td><td[^>]*>1.00<", text)
    assert re.search(r">the run</td><td>start-up \(billed\)</td><td[^>]*>1</td><td[^>]*>0.2500<", text)
    assert "Sun 15 Nov: a job with quite a long name 0, 1.00" in text


def test_a_page_of_nothing_says_that_nothing_ran(make_facts):
    text = render_page(make_facts([]), [])
    assert "nothing ran" in text
    assert "no bill was reconciled here" in text


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium to render the page with")
@pytest.mark.parametrize(("width", "scheme"), [(400, "dark"), (1280, "light")])
def test_a_browser_shows_the_page_without_scrolling_sideways_in_its_colours(tmp_path, page, width, scheme):
    frame = f'<iframe style="width:{width}px;height:900px;border:0" srcdoc="{html.escape(page)}"></iframe>'
    look = """onload = () => {
        const it = frames[0].document, root = it.documentElement, seen = name => [...it.querySelectorAll(name)].filter(
            one => one.getClientRects().length).length;
        const colour = frames[0].getComputedStyle(it.body).backgroundColor;
        document.title = [root.scrollWidth, seen("svg.chart"), seen("svg.graph"), colour].join("|");
    }"""
    file = tmp_path / "browsed.html"
    file.write_text(f"{frame}<script>{look}</script>", encoding="utf-8")
    colours = f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}"
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    command = [CHROMIUM, *FLAGS, colours, profile, "--window-size=1280,900", "--virtual-time-budget=2000", "--dump-dom"]
    done = subprocess.run([*command, file.as_uri()], capture_output=True, text=True, timeout=60, check=True)
    wide, charts, graphs, colour = re.search(r"<title>(.*)</title>", done.stdout)[1].split("|")
    assert (int(wide), charts, graphs) == (width, "2", "1")
    assert colour == ("rgb(16, 21, 28)" if scheme == "dark" else "rgb(246, 247, 249)")


def test_pictures_are_drawn_for_mlflow(facts, tmp_path):
    for name, figure in draw_pictures(facts, MARKS).items():
        figure.savefig(tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "work",
        "failed attempts",
        "start-up (billed)",
    ]


def test_the_command_writes_the_page_of_a_bundles_ledgers_even_without_a_bundle(tmp_path, make_row):
    table = '[tool.runcosts]\nledger = "w/{schema}/run_costs"\nresolve = "false"\nmarks = "marks.toml"\n'
    (tmp_path / "pyproject.toml").write_text(table, encoding="utf-8")
    (tmp_path / "marks.toml").write_text(f'{dt.datetime.now(dt.UTC):%Y-%m-%d} = "now"\n', encoding="utf-8")
    now = dt.datetime.now(dt.UTC)
    LocalLedger(tmp_path / "w/one/run_costs").write([make_row(started_at=now - dt.timedelta(minutes=20), ended_at=now)])
    out = tmp_path / "pages" / "costs.html"

    done = CliRunner().invoke(app, ["report", "--root", str(tmp_path), "--out", str(out), "--days", "2"])

    assert done.exit_code == 0
    assert "1 attempts of 1 runs" in done.output
    assert "the page has no graphs" in done.output
    assert "0.3295" in out.read_text(encoding="utf-8")
