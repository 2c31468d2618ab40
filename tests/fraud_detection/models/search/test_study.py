import math

import numpy as np
import optuna
import pytest

from fraud_detection.models import boosting
from fraud_detection.models.search.space import Plan, make_pruner, make_sampler, suggest
from fraud_detection.models.search.study import search

START = dict(boosting.STARTING_POINT)
TIMES = ("seconds", "began", "workers")


def judge_point(parameters, step):
    return step / 100 - abs(parameters["max_depth"] - 5) - abs(math.log(parameters["learning_rate"] / 0.07))


def judge_rate(parameters, _):
    return parameters["learning_rate"]


def test_the_search_begins_with_the_starting_point_and_returns_the_best():
    found = search(Plan(lambda p, _: -abs(p["max_depth"] - 8), 1, 8, 0, START))
    assert found.trials["max_depth"][0] == START["max_depth"]
    assert found.value == found.trials["value"].max()
    assert found.parameters["max_depth"] == found.trials.sort("value", nulls_last=True)["max_depth"][-1]


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_not_searched_is_part_of_every_trial_as_it_is_of_the_result(workers):
    judged = []
    found = search(
        Plan(lambda p, _: judged.append(p) or -abs(p["max_depth"] - 5), 1, 4, 0, START | {"gamma": 5.0}),
        workers=workers,
    )
    assert [point["gamma"] for point in judged] == [5.0] * 4
    assert found.parameters["gamma"] == 5.0
    assert {*found.parameters} == {*judged[0]}


def test_a_bad_trial_is_given_up_before_its_last_step():
    calls = []

    def judge(parameters, step):
        calls.append((parameters["learning_rate"], step))
        return -1 if len({rate for rate, _ in calls}) == 7 else 1  # the seventh is bad, the others alike

    found = search(Plan(judge, 3, 10, 0, START))
    planted = found.trials.row(6, named=True)
    assert planted["state"] == "pruned"
    assert [step for rate, step in calls if rate == planted["learning_rate"]] == [0]
    assert (planted["mean_after_1"], planted["mean_after_2"], planted["value"]) == (-1, None, None)
    assert found.trials["state"].to_list().count("pruned") == 1
    assert len(calls) == 9 * 3 + 1


def test_one_trial_at_a_time_is_what_optunas_own_loop_does():
    def objective(trial):
        point, values = suggest(trial), []
        for step in range(3):
            values.append(judge_point(point, step))
            trial.report(float(np.mean(values)), step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return float(np.mean(values))

    study = optuna.create_study(direction="maximize", sampler=make_sampler(5), pruner=make_pruner())
    study.enqueue_trial(START)
    study.optimize(objective, n_trials=25)
    found = search(Plan(judge_point, 3, 25, 5, START)).trials
    assert "pruned" in found["state"]
    assert found.select(list(START)).rows() == [tuple(trial.params[name] for name in START) for trial in study.trials]
    assert found["state"].to_list() == [trial.state.name.lower() for trial in study.trials]


def test_each_study_proposes_from_its_seed_alone():
    first, again = (search(Plan(judge_rate, 2, 8, 3, START)).trials for _ in range(2))
    assert first.drop(TIMES).equals(again.drop(TIMES))
    assert not first.drop(TIMES).equals(search(Plan(judge_rate, 2, 8, 4, START)).trials.drop(TIMES))


def test_threads_share_a_batch_and_which_is_faster_changes_nothing():
    pause = iter([0.05, 0.0] * 50)

    def judge(parameters, step):
        import time  # noqa: PLC0415

        time.sleep(next(pause))
        return judge_point(parameters, step)

    found = search(Plan(judge, 2, 7, 1, START), workers=2).trials
    assert found.height == 7
    assert len({worker for cell in found["workers"] for worker in cell.split()}) == 2
    assert found.drop(TIMES).equals(search(Plan(judge_point, 2, 7, 1, START), workers=2).trials.drop(TIMES))


def test_a_judge_that_fails_fails_the_search():
    with pytest.raises(ZeroDivisionError):
        search(Plan(lambda _, step: 1 / step, 2, 4, 0, START))
