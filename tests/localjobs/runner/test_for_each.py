import pytest


@pytest.fixture
def loop(wheel):
    """A loop over a task that prints its arguments, by default."""

    def make(inputs, function="print_arguments", *arguments, after=(), concurrency=2, **settings):
        one = wheel("one", function, *(arguments or ["{{input}}"]), **settings)
        one.pop("depends_on")
        depends_on = [{"task_key": other} for other in after]
        each = {"inputs": inputs, "concurrency": concurrency, "task": one}
        return {"task_key": "each", "depends_on": depends_on, "for_each_task": each}

    return make


def test_each_input_is_an_iteration_with_a_run_id_of_its_own(bench, loop):
    run = bench.run([loop('["a b", 2, {"k": "v"}]', "print_arguments", "{{input}}", "{{job.name}}")])
    assert run.result == "SUCCESS", run.task("each").message
    printed = [bench.log(run, f"one[{number}]") for number in range(3)]
    assert printed == [f"arguments {[text, 'the job']}\n" for text in ("a b", "2", '{"k": "v"}')]
    ids = [attempt.task_run_id for task in run.all_tasks for attempt in task.attempts]
    assert len(set(ids)) == 4
    assert [(event.task_key, event.attempt) for event in bench.sink.events] == [("one", 0)] * 3
    assert {event.task_run_id for event in bench.sink.events} == set(ids[1:])


def test_inputs_may_be_a_task_value_and_keys_of_an_input_a_reference(bench, loop, wheel):
    made = wheel("made", "set_value", "rows", '[{"day": 1}, {"day": "two"}]')
    run = bench.run([made, loop("{{tasks.made.values.rows}}", "print_arguments", "{{input.day}}", after=["made"])])
    assert [bench.log(run, f"one[{number}]") for number in (0, 1)] == ["arguments ['1']\n", "arguments ['two']\n"]


def test_no_more_iterations_run_at_once_than_concurrency_allows(bench, loop):
    run = bench.run([loop("[1, 2, 3]", "sleep", "0.3", concurrency=2)])
    first, second, third = (one.attempts[0] for one in run.task("each").iterations)
    assert max(first.started_at, second.started_at) < min(first.ended_at, second.ended_at) < third.started_at


def test_iterations_share_the_slots_of_the_run(bench, loop):
    run = bench.run([loop("[1, 2]", "sleep", "0.3", concurrency=2)], parallel=1)
    first, second = (one.attempts[0] for one in run.task("each").iterations)
    assert first.ended_at <= second.started_at


def test_an_iteration_that_fails_stops_no_other_and_fails_the_loop(bench, loop, wheel, results):
    tasks = [loop("[0, 3, 0]", "exit_with", concurrency=1), wheel("after", after=["each"])]
    run = bench.run(tasks)
    assert results(run) == {"after": "UPSTREAM_FAILED", "each": "FAILED"}
    message = "1 of 3 iterations did not succeed; one[1] with input 3: exit status 3"
    assert run.task("each").message == message
    assert [str(one.result) for one in run.task("each").iterations] == ["SUCCESS", "FAILED", "SUCCESS"]


def test_iterations_are_retried_on_their_own(bench, loop, tmp_path):
    run = bench.run([loop(f'["{tmp_path / "x"}", "{tmp_path / "y"}"]', "fail_until", "{{input}}", "2", max_retries=1)])
    assert run.result == "SUCCESS"
    assert [len(one.attempts) for one in run.task("each").iterations] == [2, 2]


def test_a_loop_that_takes_too_long_ends_all_iterations(bench, loop):
    task = {**loop("[1, 2, 3]", "sleep", "60", max_retries=1, retry_on_timeout=True), "timeout_seconds": 1}
    run = bench.run([task])
    assert run.task("each").result == "TIMEDOUT"
    assert [len(one.attempts) for one in run.task("each").iterations] == [1, 1, 0]


def test_a_retried_loop_repeats_only_what_failed(bench, loop, tmp_path):
    task = loop(f'["{tmp_path / "x"}", "{tmp_path}"]', "fail_until", "{{input}}", "1")
    run = bench.run([{**task, "max_retries": 1}])
    assert run.task("each").result == "FAILED"
    assert [len(one.attempts) for one in run.task("each").iterations] == [1, 2]


@pytest.mark.parametrize("inputs", ["no JSON", '{"a": 1}', "{{tasks.made.values.auc}}"])
def test_inputs_that_are_no_array_fail_the_loop(bench, loop, wheel, inputs):
    run = bench.run([wheel("made", "set_values"), loop(inputs, after=["made"])])
    assert run.task("each").message.startswith("cannot start: inputs must be a JSON array, not ")


def test_a_loop_over_nothing_succeeds(bench, loop):
    assert bench.run([loop("[]")]).result == "SUCCESS"
