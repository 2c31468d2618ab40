import signal
import time

from localjobs.state.store import Store

OFTEN = {"quartz_cron_expression": "0/3 * * * * ?", "timezone_id": "UTC"}


def test_a_job_runs_whenever_it_is_due_until_a_signal(bench, wheel, start):
    bench.write([wheel("a", "print_arguments", "{{job.trigger.type}}")], schedule=OFTEN)
    process = start("schedule")
    store = Store(bench.root)
    deadline = time.monotonic() + 30
    while sum(store.load(run_id).ended for run_id in store.run_ids()) < 1:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 0, output
    assert "next: job at " in output
    runs = [store.load(run_id) for run_id in store.run_ids()]
    assert all(run.ended for run in runs)
    assert {run.trigger for run in runs} == {"PERIODIC"}
    assert bench.log(runs[-1], "a") == "arguments ['periodic']\n"


def test_the_next_times_can_be_listed(bench, wheel, localjobs):
    schedule = {"quartz_cron_expression": "0 0 0 1 1 ?", "timezone_id": "UTC"}
    bench.write([wheel("a")], schedule=schedule)
    lines = localjobs("schedule", "--next", "2").stdout.splitlines()
    assert [line[4:] for line in lines] == ["-01-01T00:00:00+00:00  job"] * 2


def test_a_bundle_without_schedules_exits_with_two(bench, wheel, localjobs):
    bench.write([wheel("a")])
    assert localjobs("schedule").returncode == 2
