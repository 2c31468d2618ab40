import re
import shutil
import subprocess

import pytest

from localjobs.report.page import write_page

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


@pytest.fixture
def run(bench, wheel, condition):
    bench.sink.columns = {"estimated_cost_usd": 0.25, "cost_reason": "estimated"}
    return bench.run(
        [
            wheel("a", "set_values"),
            wheel("a_task_with_a_name_too_long_for_its_box", "fail", max_retries=1),
            condition("c", "{{tasks.a.values.auc}}", "GREATER_THAN", "0.9", after=["a"]),
            {**wheel("yes"), "depends_on": [{"task_key": "c", "outcome": "true"}, {"task_key": "a"}]},
        ],
        name="<script>alert(1)</script> & co",
        parameters=[{"name": "day", "default": "{{job.start_time.iso_date}}"}],
    )


@pytest.fixture
def page(bench, run):
    return write_page(run, bench.root)


def test_the_page_needs_nothing_else(page):
    text = page.read_text()
    assert "<script" not in text
    targets = re.findall(r'(?:src|href|url)\s*[=(]\s*["\']?([^"\')\s>]+)', text)
    assert targets
    for target in targets:
        assert target.startswith("#") or (page.parent / target).is_file(), target


def test_what_comes_from_the_bundle_is_escaped(page):
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; co" in page.read_text()


def test_the_page_tells_everything_of_the_run(page):
    text = " ".join(page.read_text().split())
    assert "Estimated cost (USD)" in text
    assert "cost reason: estimated" in text
    assert text.count('href="#task-a"') == 4  # wide graph, tall graph, chart, table
    assert "RuntimeError: it was meant to fail" in text
    assert "{{job.start_time.iso_date}}" in text
    assert "<details open><summary><b>a_task_with" in text
    assert "attempt 2: FAILED in" in text


def test_a_run_that_has_not_begun_has_a_page(bench, run):
    tasks = tuple(task.model_copy(update={"attempts": (), "started_at": None, "values": {}}) for task in run.tasks)
    page = write_page(run.model_copy(update={"tasks": tasks, "ended_at": None}), bench.root)
    assert "Attempts over time" not in page.read_text()


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium to render the page with")
@pytest.mark.parametrize("width", [500, 1280])
def test_a_browser_shows_the_page_without_scrolling_sideways(page, tmp_path, width):
    measure = "<script>document.title = [document.documentElement.scrollWidth, innerWidth].join()</script>"
    copy = tmp_path / "measured.html"
    copy.write_text(page.read_text() + measure)
    size, profile = f"--window-size={width},900", f"--user-data-dir={tmp_path / 'profile'}"
    done = subprocess.run(
        [CHROMIUM, *FLAGS, size, profile, "--dump-dom", copy.as_uri()],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    scrolled, inner = map(int, re.search(r"<title>(\d+),(\d+)</title>", done.stdout).groups())
    assert inner == width
    assert scrolled <= inner
