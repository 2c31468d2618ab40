"""Trials asked, judged and told in batches under joblib: in threads of this process, or on Spark's workers.

What is proposed, and what is given up, depends on the size of a batch and on nothing else: not on the place, not on
which worker is faster, and not on whether the search was killed in between.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime

import optuna
from joblib import Parallel, delayed, parallel_config  # type: ignore[import-untyped]
from optuna.trial import FrozenTrial, TrialState

from fraud_detection.models.search.journal import FINISHED, STUDY, Journal
from fraud_detection.models.search.space import (
    Judged,
    Parameters,
    Plan,
    judge_step,
    make_pruner,
    make_sampler,
    mean_value,
    note_steps,
    suggest,
)


@dataclass(frozen=True)
class Running:
    """A trial that was asked and not yet told."""

    trial: optuna.Trial
    parameters: Parameters
    judged: tuple[Judged, ...] = ()
    pruned: bool = False


def run_batches(plan: Plan, workers: int, backend: str, journal: Journal) -> optuna.Study:
    """Run the search with as many trials at a time as there are workers; what the journal knows isn't judged again.

    The proposals are made anew from the seed, so they are those of a search that nobody killed.
    """
    study = optuna.create_study(
        study_name=STUDY,
        storage=journal.storage,
        direction="maximize",
        sampler=make_sampler(plan.seed),
        pruner=make_pruner(),
    )
    study.enqueue_trial(plan.start)
    failed = journal.interrupted
    with parallel_config(backend=backend, n_jobs=workers), Parallel(batch_size=1) as parallel:
        while left := plan.trials - (done := count_finished(study)):
            failed = _add_failed(study, failed, done)
            _run_batch(study, plan, min(workers, left), parallel, journal)
    _add_failed(study, failed, plan.trials)
    return study


def _add_failed(
    study: optuna.Study, failed: Sequence[tuple[int, FrozenTrial]], done: int
) -> list[tuple[int, FrozenTrial]]:
    """Add the trials that were interrupted when no more than these were done; the others."""
    study.add_trials([_as_failed(trial) for before, trial in failed if before <= done])
    return [(before, trial) for before, trial in failed if before > done]


def count_finished(study: optuna.Study) -> int:
    """How many trials are finished or were given up."""
    return len(study.get_trials(deepcopy=False, states=FINISHED))


def _run_batch(study: optuna.Study, plan: Plan, size: int, parallel: Parallel, journal: Journal) -> None:
    batch = [_ask(study) for _ in range(size)]
    is_new = journal.recall([run.parameters for run in batch], 0) is None
    if is_new:
        journal.keep()
    for step in range(plan.steps):
        batch = _advance(batch, step, plan, parallel, journal)
    for run in batch:
        _tell(study, run)
    if is_new:
        journal.keep()


def _ask(study: optuna.Study) -> Running:
    trial = study.ask()
    return Running(trial, suggest(trial))


def _advance(batch: Sequence[Running], step: int, plan: Plan, parallel: Parallel, journal: Journal) -> list[Running]:
    """Judge the next step of the trials that were not given up, and give up those that fall behind."""
    points = [run.parameters for run in batch if not run.pruned]
    judged = iter(
        journal.recall(points, step)
        or parallel(delayed(judge_step)(plan.judge, plan.at(parameters), step) for parameters in points)
    )
    return [run if run.pruned else _report(replace(run, judged=(*run.judged, next(judged)))) for run in batch]


def _report(run: Running) -> Running:
    run.trial.report(mean_value(run.judged), len(run.judged) - 1)
    return replace(run, pruned=run.trial.should_prune())


def _tell(study: optuna.Study, run: Running) -> None:
    note_steps(run.trial, run.judged)
    if run.pruned:
        study.tell(run.trial, state=TrialState.PRUNED)
    else:
        study.tell(run.trial, mean_value(run.judged))


def _as_failed(trial: FrozenTrial) -> FrozenTrial:
    failed = copy(trial)
    failed.state = TrialState.FAIL
    failed.datetime_complete = trial.datetime_complete or datetime.now()  # noqa: DTZ005  as Optuna's others
    return failed
