from dataclasses import replace

import pytest

from fraud_detection.models import provenance, split
from fraud_detection.models.reproduction import compare_models, settings_to_repeat
from fraud_detection.models.scorer import Calibration
from fraud_detection.models.settings import TrainingSettings


@pytest.fixture
def judged(rows, fold):
    return split.evaluation_rows(rows, fold)


def test_the_same_model_is_equal_to_the_last_bit_whatever_surrounds_it(candidate, judged):
    done = compare_models(candidate.scorer, candidate.scorer, judged, {"git_commit": "a"}, {"git_commit": "b"})
    assert (done.rows, done.differences) == (judged.height, ())
    assert done.surroundings == ("git_commit: recorded a, here b",)


def test_one_bit_of_difference_is_found_and_the_first_transaction_named(candidate, judged):
    stored = candidate.scorer
    nudged = replace(stored, calibration=Calibration((0.0,), (stored.calibration.log_odds[0] + 1e-15,), 1.0))
    done = compare_models(stored, nudged, judged, {}, {})
    first = judged.sort("event_time", "transaction_id")["transaction_id"][0]
    assert f"the first is transaction {first}: stored" in done.differences[0]


def test_another_threshold_is_a_difference(candidate, judged):
    done = compare_models(candidate.scorer, replace(candidate.scorer, threshold=0.123), judged, {}, {})
    assert len(done.differences) == 1
    assert "the threshold of alerts is 0.123" in done.differences[0]


def test_a_search_in_batches_is_repeated_here_and_one_that_cannot_be_is_replaced_by_what_it_found():
    recorded = {"xgboost.max_depth": "5", "xgboost.learning_rate": "0.0712345678901234", "window_days": "40"}
    there = TrainingSettings(search_in="joblib_spark", search_workers=2)
    assert settings_to_repeat(there, recorded) == replace(there, search_in="threads", where="single_node")
    again = settings_to_repeat(replace(there, search_in="mlflow_spark"), recorded)
    assert (again.trials, again.parameters) == (0, {"max_depth": 5, "learning_rate": 0.0712345678901234})


def test_the_family_and_the_road_that_were_taken_are_taken_again_whatever_would_fit_here():
    recorded = {"family": "xgboost_spark", "where": "spark", "window_days": "40"}
    again = settings_to_repeat(TrainingSettings(trials=3), recorded)
    assert again == TrainingSettings(trials=3, family="xgboost_spark", where="spark")


def test_the_hash_of_the_code_changes_with_any_file_and_not_with_compiled_ones(tmp_path):
    (tmp_path / "a.py").write_text("x = 1")
    before = provenance.hash_code(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_text("y")
    assert provenance.hash_code(tmp_path) == before
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert provenance.hash_code(tmp_path) != before


def test_the_hash_of_the_wheel_is_what_pip_noted_or_unknown(tmp_path, monkeypatch):
    assert provenance.find_wheel_hash("no-such-package") == "unknown"
    (tmp_path / "own-1.0.dist-info").mkdir()
    (tmp_path / "own-1.0.dist-info" / "METADATA").write_text("Name: own\nVersion: 1.0\n")
    note = '{"url": "file:///own.whl", "archive_info": {"hashes": {"sha256": "feed"}}}'
    (tmp_path / "own-1.0.dist-info" / "direct_url.json").write_text(note)
    monkeypatch.syspath_prepend(tmp_path)
    assert provenance.find_wheel_hash("own") == "feed"
