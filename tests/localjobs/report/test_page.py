import html
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
@pytest.mark.parametrize("width", [390, 1280])
def test_a_browser_shows_the_page_without_scrolling_sideways(browse, page, width):
    frame = f'<iframe style="width:{width}px;height:900px;border:0" srcdoc="{html.escape(page.read_text())}"></iframe>'
    measure = "onload = () => { const it = frames[0].document.documentElement; report(it.scrollWidth, it.clientWidth) }"
    scrolled, inner = map(int, browse(frame, measure))
    assert (scrolled, inner) == (width, width)


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium to render the page with")
def test_a_link_to_a_task_opens_its_details(browse, page):
    key = "task-yes"
    look = f"""
        const folded = document.getElementById("{key}").parentElement;
        const before = folded.open;
        document.querySelector('a[href="#{key}"]').focus();
        document.activeElement.dispatchEvent(new MouseEvent("click", {{bubbles: true}}));
        setTimeout(() => report(before, folded.open), 200);
    """
    assert browse(page.read_text(), look) == ["false", "true"]


@pytest.fixture
def browse(tmp_path):
    """Shows a page in a browser and runs a script in it; what the script reports."""

    def call(text, script):
        report = "const report = (...what) => { document.title = 'reported:' + what.join() };"
        file = tmp_path / "browsed.html"
        file.write_text(f"{text}<script>{report}{script}</script>")
        profile = f"--user-data-dir={tmp_path / 'profile'}"
        command = [CHROMIUM, *FLAGS, "--window-size=1280,900", profile, "--virtual-time-budget=2000", "--dump-dom"]
        done = subprocess.run([*command, file.as_uri()], capture_output=True, text=True, timeout=60, check=True)
        return re.search(r"<title>reported:(.*)</title>", done.stdout)[1].split(",")

    return call


def test_every_attempts_log_can_be_opened_and_attempts_count_from_one(page):
    links = re.findall(r'<a href="([^"#]+)" aria-label="Log of attempt (\d)">(\d)</a>', page.read_text())
    name = "a_task_with_a_name_too_long_for_its_box"
    assert [(number, shown) for file, number, shown in links if file.startswith(name)] == [("1", "1"), ("2", "2")]
    assert all((page.parent / file).is_file() for file, *_ in links)


def test_a_repaired_run_tells_what_was_run_again(bench, run):
    page = write_page(bench.repair(run, "a"), bench.root)
    text = " ".join(page.read_text().split())
    assert re.search(r"original</td>.*>FAILED</span>.*repair 1</td>.*>a</td></tr> </tbody>", text)


def test_a_run_that_was_not_repaired_tells_nothing_of_repairs(page):
    assert "Repairs" not in page.read_text()
