from dataclasses import replace

import pytest

from fraud_detection.errors import ConfigurationError, MachineError
from fraud_detection.models.settings import TrainingSettings
from fraud_detection.models.where import Room, Size, choose_where

GB = 10**9
MILLION = 10**6
SETTINGS = TrainingSettings()
ROOM = Room(memory_bytes=16 * GB, result_bytes=0, cores=4, spark_cores=4)


def make_size(rows):
    """A period of 155 days of which 113 are the window and 7 held out; one row in a hundred is fraud."""
    return Size(rows, int(rows * 113 / 155), int(rows * 7 / 155), rows // 100, 35)


def test_rows_that_fit_come_whole_to_one_node():
    choice = choose_where(make_size(2 * MILLION), ROOM, SETTINGS)
    assert (choice.road, choice.family) == ("single_node", "xgboost")
    assert choice.reason.startswith("all 2,000,000 rows fit into memory; the 254,128 that")


def test_rows_that_fit_only_after_window_and_sampling_are_sampled_by_spark():
    choice = choose_where(make_size(40 * MILLION), ROOM, SETTINGS)
    assert (choice.road, choice.family) == ("sampled", "xgboost")
    assert choice.reason.startswith(
        "40,000,000 rows need 34.2 GB of memory, one node has 9.6 GB to give; the 5,082,580 that"
    )


@pytest.mark.parametrize(
    ("family", "twin"), [("xgboost", "xgboost_spark"), ("logistic_regression", "spark_logistic_regression")]
)
def test_what_does_not_fit_even_then_stays_in_spark(family, twin):
    choice = choose_where(make_size(400 * MILLION), ROOM, replace(SETTINGS, family=family))
    assert (choice.road, choice.family) == ("spark", twin)
    assert "after sampling, 50,825,806 rows need 43.5 GB" in choice.reason


def test_a_smaller_share_of_the_legitimate_rows_lets_more_come_to_one_node():
    size = make_size(200 * MILLION)
    assert choose_where(size, ROOM, SETTINGS).road == "spark"
    assert choose_where(replace(size, held_out=0), ROOM, replace(SETTINGS, negative_share=0.02)).road == "sampled"


def test_all_frauds_count_whatever_the_share():
    size = replace(make_size(40 * MILLION), frauds=29 * MILLION)
    assert choose_where(size, ROOM, SETTINGS).road == "spark"


def test_what_spark_may_not_collect_is_not_asked_for():
    choice = choose_where(make_size(8 * MILLION), replace(ROOM, result_bytes=GB), SETTINGS)
    assert choice.road == "sampled"
    assert "8,000,000 rows are 1.5 GB, spark.driver.maxResultSize is 1.0 GB" in choice.reason


def test_only_a_fit_of_half_an_hour_is_given_to_a_faster_spark():
    large = Room(memory_bytes=2_000 * GB, result_bytes=0, cores=64, spark_cores=640)
    slow = choose_where(make_size(2_000 * MILLION), large, SETTINGS)
    assert (slow.road, slow.family) == ("spark", "xgboost_spark")
    assert "s on one node, " in slow.reason
    assert choose_where(make_size(20 * MILLION), large, SETTINGS).road == "single_node"


@pytest.mark.parametrize(
    ("where", "family"), [("single_node", "xgboost"), ("sampled", "xgboost"), ("spark", "xgboost_spark")]
)
def test_the_settings_decide_where_they_name_a_road(where, family):
    choice = choose_where(make_size(2 * MILLION), ROOM, replace(SETTINGS, where=where, trials=0))
    assert (choice.road, choice.family, choice.reason) == (where, family, f"the settings ask for {where}")


def test_all_rows_are_not_asked_for_where_one_node_cannot_hold_them():
    with pytest.raises(MachineError, match=r"training.where is single_node: 40,000,000 rows need 34.2 GB"):
        choose_where(make_size(40 * MILLION), ROOM, replace(SETTINGS, where="single_node"))


def test_where_no_search_is_made_though_trials_are_set_the_reason_says_so():
    told = [choose_where(make_size(2 * MILLION), ROOM, replace(SETTINGS, where=road)) for road in ("sampled", "spark")]
    assert [
        choice.reason.endswith("no search there, training.parameters are taken as they are") for choice in told
    ] == [
        True,
        True,
    ]
    assert "no search" not in choose_where(make_size(2 * MILLION), ROOM, SETTINGS).reason


def test_a_family_of_spark_is_trained_there_and_refused_on_one_node():
    forest = replace(SETTINGS, family="spark_random_forest")
    assert choose_where(make_size(1_000), ROOM, forest).road == "spark"
    with pytest.raises(ConfigurationError, match=r"where is sampled and training.family spark_random_forest"):
        choose_where(make_size(1_000), ROOM, replace(forest, where="sampled"))


def test_what_does_not_fit_is_refused_by_name_and_with_what_to_do():
    ROOM.check(MILLION, 35, "the sample")
    with pytest.raises(MachineError, match=r"the sample: 100,000,000 rows need .* take a larger node; training also"):
        ROOM.check(100 * MILLION, 35, "the sample")
