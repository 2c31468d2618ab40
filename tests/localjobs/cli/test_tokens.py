"""Runs with an idempotency token: of several with the same one, only one happens."""

import subprocess

from localjobs.state.store import Store

TOKEN = ("--idempotency-token", "monday")


def test_a_second_run_waits_for_the_first_and_ends_like_it(bench, wheel, start, pid_in, localjobs, tmp_path):
    bench.write([wheel("a", "sleep", "1.5", tmp_path / "pid"), wheel("b", "fail", after=["a"])])
    first = start("run", "job", *TOKEN)
    pid_in(tmp_path / "pid")
    second = localjobs("run", "job", *TOKEN)
    first.communicate(timeout=20)
    store = Store(bench.root)
    (run_id,) = store.run_ids()
    assert (first.returncode, second.returncode) == (1, 1)
    assert f"run {run_id} was begun with this token" in second.stderr
    assert "b: FAILED" in second.stdout
    assert [len(task.attempts) for task in store.load(run_id).tasks] == [1, 1]


def test_of_several_at_once_one_happens(bench, wheel, start):
    bench.write([wheel("a")])
    processes = [start("run", "job", *TOKEN) for _ in range(3)]
    for process in processes:
        process.communicate(timeout=30)
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert len(Store(bench.root).run_ids()) == 1


def test_a_run_whose_runner_is_killed_is_not_waited_for_for_ever(bench, wheel, start, pid_in, tmp_path):
    bench.write([wheel("a", "sleep", "60", tmp_path / "pid")])
    first = start("run", "job", *TOKEN)
    pid_in(tmp_path / "pid")
    second = start("run", "job", *TOKEN)
    assert second.stdout.readline()  # it has found the first one
    first.kill()
    output, _ = second.communicate(timeout=20)
    assert second.returncode == 1
    assert "the runner of this run died" in output


def test_production_runs_from_another_branch_only_if_forced(bench, wheel, localjobs):
    bench.write([wheel("a")])
    file = bench.root / "databricks.yml"
    target = '"local": {"default": true, "mode": "production", "git": {"branch": "release"}}'
    text = file.read_text()
    assert '"local": {"default": true}' in text
    file.write_text(text.replace('"local": {"default": true}', target))
    subprocess.run(["git", "init", "-q", "-b", "main", bench.root], check=True)
    for command in (("run", "job"), ("schedule", "--next", "1")):
        refused = localjobs(*command)
        assert refused.returncode == 2
        assert "is deployed from the branch 'release'" in refused.stderr
        assert "is deployed from" not in localjobs(*command, "--force").stderr
    assert "SUCCESS" in localjobs("runs").stdout
