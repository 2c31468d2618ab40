import shutil
import subprocess

import pytest

from fraud_detection.models import split, tracking
from fraud_detection.models.card import render_html, render_markdown
from fraud_detection.models.card_facts import collect_card, log_card
from fraud_detection.models.costs import CostSettings
from fraud_detection.models.gate import decide
from fraud_detection.models.gate_settings import GateSettings
from fraud_detection.models.registry import Registered
from fraud_detection.models.slices import past_of
from fraud_detection.models.verdict import Check, Verdict

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DONE = Registered("fraud_model", 3, "rejected", ())


@pytest.fixture
def verdict(run_id, rows, fold):
    model = tracking.load_model(tracking.model_uri(run_id))
    judged = split.evaluation_rows(rows, fold)
    found = decide(
        judged, past_of(rows), fold, model, model, model.features, GateSettings(replicates=20), CostSettings()
    )
    tracking.log_verdict(run_id, found, judged, {"silver_transactions": 7})
    return found


def test_the_card_of_a_version_is_kept_with_its_run_as_page_and_as_text(store, run_id, verdict):
    log_card(store, run_id, DONE, verdict)
    html = tracking.mlflow.artifacts.load_text(f"runs:/{run_id}/card/card.html")
    text = tracking.mlflow.artifacts.load_text(f"runs:/{run_id}/card/card.md")
    assert html.count("data:image/png;base64,") == 4
    for told in (html, text):
        assert "fraud_model, version 3" in told
        assert f"{verdict.intervals['average_precision']['low']:.4g} to" in told
        assert "Lead over the champion in saving a day" in told
        assert "It is no ground to refuse a customer" in told
        assert "data version of silver_labels" in told
        assert "judged version of silver_transactions" in told
        assert "learning_rate" in told
        assert "abc123" in told
        assert all(part["slice"] in told for part in verdict.slices)
        assert all(check.found in told for check in verdict.checks)


def test_the_page_needs_nothing_from_elsewhere(store, run_id, verdict):
    html = render_html(collect_card(store, run_id, DONE, verdict))
    assert "http" not in html
    assert "<script" not in html


def test_what_stands_in_a_check_cannot_become_markup_or_break_a_table(store, run_id):
    evil = Verdict((Check("a|b", passed=False, found="<b>x</b>", expected="none"),))
    card = collect_card(store, run_id, DONE, evil)
    assert "&lt;b&gt;x&lt;/b&gt;" in render_html(card)
    assert "a\\|b" in render_markdown(card)
    assert "rejected before its scores could count" in render_markdown(card)


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium to render the page with")
def test_the_page_is_drawn_by_a_browser(store, run_id, verdict, tmp_path):
    page = tmp_path / "card.html"
    page.write_text(render_html(collect_card(store, run_id, DONE, verdict)))
    picture = tmp_path / "card.png"
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--screenshot={picture}", "--window-size=390,900"]
    subprocess.run([CHROMIUM, *options, page.as_uri()], check=True, capture_output=True, timeout=120)
    assert picture.stat().st_size > 10_000
