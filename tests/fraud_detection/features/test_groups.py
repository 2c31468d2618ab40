"""What the richer features say, on histories small enough to work out by hand."""

import pytest

from fraud_detection.features.single_node import compute_features

DAY = 24


def column(history, name):
    return compute_features(history)[name].to_list()


def test_the_usual_amount_leaves_out_what_a_thief_spends(make_history):
    amounts = [1000, 1000, 5000, 1000]
    history = make_history([{"hours": n, "amount_cents": cents} for n, cents in enumerate(amounts)])
    assert column(history, "customer_usual_amount") == [0.0, 10.0, 10.0, 10.0]
    assert column(history, "amount_over_usual") == [1.0, 1.0, 5.0, 1.0]


def test_deviation_is_measured_in_mean_deviations_of_the_card(make_history):
    amounts = [1000, 1200, 1100, 2000]
    history = make_history([{"hours": n, "amount_cents": cents} for n, cents in enumerate(amounts)])
    usual, mean_deviation = 1100, (200 + 0) / 2
    assert column(history, "amount_deviation")[-1] == (2000 - usual) / mean_deviation


def test_unusual_amounts_count_for_later_rows_only(make_history):
    amounts = [1000, 5000, 1000, 1000]
    hours = [0, 1, 2, 2 * DAY]
    rows = [{"hours": h, "amount_cents": cents} for h, cents in zip(hours, amounts, strict=True)]
    history = make_history(rows)
    assert column(history, "customer_unusual_count_1d") == [0, 0, 1, 0]
    assert column(history, "customer_unusual_share_7d") == [0.0, 0.0, 0.5, 1 / 3]
    assert column(history, "customer_days_since_unusual") == [60, 60, 1 / DAY, 47 / DAY]
    assert column(history, "customer_days_since_last") == [60, 1 / DAY, 1 / DAY, 46 / DAY]
    assert column(history, "customer_mean_ratio_3d") == pytest.approx([0, 1, 3, 7 / 3])


def test_a_streak_starts_after_the_last_legitimate_label(make_history):
    frauds = [True, False, True, True, False]
    rows = [{"hours": DAY * n, "is_fraud": fraud, "customer_id": n} for n, fraud in enumerate(frauds)]
    history = make_history([*rows, {"hours": DAY * 10}, {"hours": DAY * 12}])
    assert column(history, "terminal_streak_length")[-2:] == [2, 0]
    assert column(history, "terminal_streak_age")[-2:] == [8, 60]
    assert column(history, "terminal_days_since_legitimate")[-2:] == [9, 8]
    assert column(history, "terminal_days_since_ordinary_fraud")[-2:] == [7, 9]
    assert column(history, "terminal_legitimate_since_fraud")[-2:] == [0, 1]
    assert column(history, "terminal_ordinary_fraud_share_28d")[-2:] == [3 / 4, 3 / 5]
    assert column(history, "terminal_first_fraud_age_28d")[-2:] == [10, 12]
    assert column(history, "terminal_frauds_in_last_3")[-2:] == [2, 2]


def test_a_stolen_card_does_not_accuse_the_terminal(make_history):
    rows = [{"hours": 0}, {"hours": 1, "amount_cents": 9000, "is_fraud": True}, {"hours": 8 * DAY}]
    history = make_history(rows)
    assert column(history, "terminal_streak_length") == [0, 0, 0]
    assert column(history, "terminal_fraud_share_30d") == [0, 0, 0.5]


def test_verifications_of_nothing_leave_the_habit_neutral(make_history):
    history = make_history([{"hours": n, "amount_cents": cents} for n, cents in enumerate([0, 0, 1000])])
    assert column(history, "amount_over_usual") == [1.0, 1.0, 1.0]
    assert column(history, "amount_deviation") == [0.0, 0.0, 0.0]
