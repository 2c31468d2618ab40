import pytest


def test_a_task_that_returns_succeeds_and_its_output_is_kept(bench, wheel, results):
    run = bench.run([wheel("a")])
    assert results(run) == {"a": "SUCCESS"}
    assert run.result == "SUCCESS"
    assert bench.log(run, "a") == "all is well\n"


def test_a_task_that_raises_fails_with_its_cause(bench, wheel):
    run = bench.run([wheel("a", "fail")])
    assert run.result == "FAILED"
    assert run.task("a").message == "RuntimeError: it was meant to fail"
    assert "Traceback" in bench.log(run, "a")
    assert bench.log(run, "a").startswith("about to fail\n")


def test_an_error_without_a_message_is_told_by_its_place(bench, wheel):
    message = bench.run([wheel("a", "fail_without_a_word")]).task("a").message
    assert message.startswith("AssertionError: raised without a message at ")
    assert "demo_tasks/__init__.py:" in message


@pytest.mark.parametrize(
    ("function", "result", "message"),
    [
        ("exit_with_zero", "SUCCESS", ""),
        ("exit_with_three", "FAILED", "exit status 3"),
        ("exit_silently", "FAILED", "exit status 0 and left no result: it did not return from its entry point"),
        ("kill_itself", "FAILED", "killed by SIGKILL, which is what the kernel does when memory runs out"),
        ("no_such_function", "FAILED", "neither an entry point nor a function 'no_such_function'"),
    ],
)
def test_only_a_result_record_makes_a_success(bench, wheel, function, result, message):
    task = bench.run([wheel("a", function)]).task("a")
    assert task.result == result
    assert message in task.message


def test_an_entry_point_of_the_installed_metadata_comes_first(bench, wheel):
    task = wheel("a")
    task["python_wheel_task"] |= {"package_name": "ruff", "entry_point": "nothing"}
    assert "no entry point" not in bench.run([task]).task("a").message
    task["python_wheel_task"] |= {
        "package_name": "Markdown-It-Py",
        "entry_point": "markdown-it",
        "parameters": ["--help"],
    }
    run = bench.run([task])
    assert run.result == "SUCCESS"
    assert "usage" in bench.log(run, "a")


def test_named_parameters_come_with_all_job_parameters_which_win(bench, wheel):
    parameters = [{"name": "day", "default": "1"}, {"name": "extra", "default": "e"}]
    run = bench.run([wheel("a", "print_arguments", named={"day": "task", "own": "x"})], parameters=parameters)
    assert bench.log(run, "a") == "arguments ['--own=x', '--day=1', '--extra=e']\n"


def test_positional_parameters_get_job_parameters_only_where_they_ask(bench, wheel):
    task = wheel("a", "print_arguments", "--day", "{{job.parameters.day}}")
    run = bench.run([task], parameters=[{"name": "day", "default": "1"}], params={"day": "two words"})
    assert bench.log(run, "a") == "arguments ['--day', 'two words']\n"


def test_a_parameter_that_the_job_does_not_have_is_refused(bench, wheel):
    with pytest.raises(Exception, match="job job has no parameter 'dya'; known are: day"):
        bench.run([wheel("a")], parameters=[{"name": "day", "default": "1"}], params={"dya": "2"})


def test_references_are_replaced_when_the_task_starts(bench, wheel):
    texts = ["{{job.name}}", "{{job.run_id}}", "{{task.name}}", "{{task.execution_count}}", "{{tasks.a.result_state}}"]
    run = bench.run([wheel("a"), wheel("b", "print_arguments", *texts, after=["a"])])
    assert bench.log(run, "b") == f"arguments {['the job', str(run.run_id), 'b', '1', 'success']}\n"


def test_a_task_runs_in_the_bundle_without_the_marks_of_a_cluster(bench, wheel, monkeypatch):
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "18.0")
    cluster = {"job_cluster_key": "c", "new_cluster": {"spark_env_vars": {"MY_VARIABLE": "{{secrets/s/k}}"}}}
    monkeypatch.setenv("LOCALJOBS_SECRET_S_K", "from a secret")
    run = bench.run([wheel("a", "print_surroundings", job_cluster_key="c")], job_clusters=[cluster])
    expected = f"folder {bench.root}\nversion None\nvariable from a secret\nstandard input ''\n"
    assert bench.log(run, "a") == expected


def test_the_peak_of_memory_is_measured(bench, wheel):
    attempt = bench.run([wheel("a", "hold_memory")]).task("a").attempts[0]
    assert 200 * 2**20 < attempt.peak_memory_bytes < 400 * 2**20


def test_processor_time_is_measured_also_of_what_a_task_starts(bench, wheel):
    attempt = bench.run([wheel("a", "work_in_a_child")]).task("a").attempts[0]
    assert 0.6 < attempt.cpu_seconds < 4


def test_a_clusters_python_path_stands_behind_the_runners_own(bench, wheel, tmp_path):
    extra = tmp_path / "extra"
    extra.mkdir()
    (extra / "extra_tasks.py").write_text("import demo_tasks\ndef main(): print('from the cluster')\n")
    (extra / "localjobs_task.py").write_text("raise SystemExit('not the runner')\n")
    task = wheel("a", "main", job_cluster_key="c")
    task["python_wheel_task"]["package_name"] = "extra_tasks"
    cluster = {"job_cluster_key": "c", "new_cluster": {"spark_env_vars": {"PYTHONPATH": str(extra)}}}
    run = bench.run([task], job_clusters=[cluster])
    assert run.result == "SUCCESS", bench.log(run, "a")
    assert bench.log(run, "a") == "from the cluster\n"
