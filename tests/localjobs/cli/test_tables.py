"""What a terminal of 80 columns shows."""

from io import StringIO

import pytest
from rich.console import Console

from localjobs.cli.progress import showing_progress
from localjobs.cli.tables import print_run


@pytest.fixture
def terminal():
    return Console(file=StringIO(), width=80, highlight=False)


def test_a_narrow_terminal_shows_whole_names_and_figures(bench, wheel, terminal):
    bench.sink.columns = {"estimated_cost_usd": 12.3456, "dbu": 0.1234}
    key = "features_of_customers"
    print_run(bench.run([wheel(key, "set_values")]), bench.root, terminal)
    lines = terminal.file.getvalue().splitlines()
    row = next(line for line in lines if key in line)
    assert row.split()[:3] == [key, "SUCCESS", "1"]
    assert row.split()[-2:] == ["12.3456", "0.1234"]
    table = lines[: lines.index(row) + 1]
    assert max(len(line) for line in table) <= 80
    assert "│" not in "".join(table)


def test_progress_tells_of_each_step_of_a_loop_once(bench, wheel, terminal):
    loop = {"inputs": "[1, 2]", "concurrency": 1, "task": wheel("one")}
    tasks = [{"task_key": "each", "for_each_task": loop}, wheel("beside", "sleep", "0.3")]
    with showing_progress(terminal) as listener:
        bench.run(tasks, listener=listener)
    said = [line for line in terminal.file.getvalue().splitlines() if line.startswith("each: ")]
    assert len(said) == len(set(said))
    assert [line for line in said if "iterations" in line] == [
        f"each: RUNNING  {done} of 2 iterations" for done in range(3)
    ]


def test_a_loop_that_fails_names_no_log_of_its_own(bench, wheel, terminal):
    loop = {"inputs": "[1]", "concurrency": 1, "task": wheel("one", "fail")}
    run = bench.run([{"task_key": "each", "for_each_task": loop}])
    print_run(run, bench.root, terminal)
    logs = [line for line in terminal.file.getvalue().splitlines() if "  log: " in line]
    assert len(logs) == 1
    assert logs[0].endswith("/one[0]/0/output.log")


def test_repairs_are_named_with_what_they_ran_again(bench, wheel, terminal):
    run = bench.run([wheel("a", "fail"), wheel("b", after=["a"])])
    print_run(run, bench.root, terminal)
    assert "repair 1" not in terminal.file.getvalue()
    print_run(bench.repair(run, now=[wheel("a"), wheel("b", after=["a"])]), bench.root, terminal)
    assert "repair 1: SUCCESS: a, b\nresult: SUCCESS\n" in terminal.file.getvalue()
