"""Random jobs against a reference model; the runner is the real one, only the attempts end at once.

The model says the rules of a run once more, as simply as they can be said: no time, no processes, one task after the
other. It shares no code with localjobs. A task is key, after, run_if, max_retries and the outcome of each attempt.
"""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localjobs.bundle.resolve import Bundle
from localjobs.runner.executions import Immediate, Outcome
from localjobs.runner.job_run import JobRun
from localjobs.runner.means import Means, Slots
from localjobs.runner.plan import make_plan
from localjobs.sinks import Sinks
from localjobs.state.store import Store
from localjobs.states import Result

RULES = ["ALL_SUCCESS", "AT_LEAST_ONE_SUCCESS", "NONE_FAILED", "ALL_DONE", "AT_LEAST_ONE_FAILED", "ALL_FAILED"]
MOST_STEPS = 1000


GOOD = {"SUCCESS", "EXCLUDED"}
BAD = {"FAILED", "UPSTREAM_FAILED"}


def run_model(tasks):
    """The result of each task, the number of its attempts, and the result of the run."""
    results, attempts = {}, {}
    waiting = list(tasks)
    while waiting:
        task = next(task for task in waiting if all(key in results for key in task["after"]))
        waiting.remove(task)
        results[task["key"]], attempts[task["key"]] = run_task(task, [results[key] for key in task["after"]])
    return results, attempts, result_of_run(tasks, results)


def run_task(task, above):
    if above and set(above) == {"EXCLUDED"}:
        return "EXCLUDED", 0
    failed = [state in BAD for state in above]
    rule = task["run_if"]
    if rule in {"ALL_SUCCESS", "NONE_FAILED"} and any(failed):
        return "UPSTREAM_FAILED", 0
    if rule == "AT_LEAST_ONE_SUCCESS" and above and all(failed):
        return "UPSTREAM_FAILED", 0
    if rule == "AT_LEAST_ONE_FAILED" and not any(failed):
        return "EXCLUDED", 0
    if rule == "ALL_FAILED" and not (above and all(failed)):
        return "EXCLUDED", 0
    return try_task(task)


def try_task(task):
    for number, outcome in enumerate(task["outcomes"], 1):
        if outcome == "SUCCESS":
            return "SUCCESS", number
        if number == task["max_retries"] + 1:
            return "FAILED", number
    raise AssertionError("a task has an outcome for each attempt that it may need")


def result_of_run(tasks, results):
    inner = {key for task in tasks for key in task["after"]}
    leaves = [results[task["key"]] for task in tasks if task["key"] not in inner]
    if any(leaf in BAD for leaf in leaves):
        return "FAILED"
    if not any(result in BAD for result in results.values()):
        return "SUCCESS"
    return "FAILED" if set(leaves) == {"EXCLUDED"} else "SUCCESS_WITH_FAILURES"


@st.composite
def jobs(draw):
    """Tasks that depend on earlier ones, in any order, each with an outcome for every attempt it may need."""
    tasks = []
    for number in range(draw(st.integers(1, 8))):
        retries = draw(st.integers(0, 3))
        attempt = st.sampled_from(["SUCCESS", "FAILED"])
        tasks.append(
            {
                "key": f"t{number}",
                "after": draw(st.sets(st.sampled_from([f"t{n}" for n in range(number)]))) if number else set(),
                "run_if": draw(st.sampled_from(RULES)),
                "max_retries": retries,
                "outcomes": draw(st.lists(attempt, min_size=retries + 1, max_size=retries + 1)),
            }
        )
    return draw(st.permutations(tasks))


def make_bundle(tasks, root):
    described = [
        {
            "task_key": task["key"],
            "depends_on": [{"task_key": key} for key in sorted(task["after"])],
            "run_if": task["run_if"],
            "max_retries": task["max_retries"],
            "python_wheel_task": {"package_name": "p", "entry_point": "e"},
        }
        for task in tasks
    ]
    jobs = {"job": {"id": "1", "name": "job", "tasks": described}}
    return Bundle(root, "b", "t", {"bundle": {}, "resources": {"jobs": jobs}})


def run_for_real(tasks, root, slots):
    by_key = {task["key"]: task for task in tasks}

    def start(_run, task, attempt):
        return Immediate(Outcome(Result(by_key[task.record.task_key]["outcomes"][attempt.number])))

    plan = make_plan(make_bundle(tasks, root), "job", {})
    store = Store(root)
    run = JobRun(plan, Means(store, Sinks({}, root, "t"), Slots(slots), lambda _run, _task: None, [], start))
    run.begin()
    steps = next(number for number in range(MOST_STEPS) if run.step())
    stored = store.load(run.record.run_id)
    store.close()
    return stored, steps


@pytest.fixture(scope="module")
def root():
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tasks=jobs(), slots=st.integers(1, 3))
def test_any_job_ends_as_the_reference_model_says(root, tasks, slots):
    results, attempts, result = run_model(tasks)
    run, _ = run_for_real(tasks, root, slots)
    assert {task.task_key: str(task.result) for task in run.tasks} == results
    assert {task.task_key: len(task.attempts) for task in run.tasks} == attempts
    assert str(run.result) == result


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tasks=jobs())
def test_no_task_starts_before_what_it_depends_on_has_ended(root, tasks):
    run, _ = run_for_real(tasks, root, 2)
    for task in run.tasks:
        for dep in task.depends_on:
            assert not task.attempts or run.task(dep.task_key).ended_at <= task.attempts[0].started_at
