"""Tasks that are files of the bundle: Python scripts and SQL."""

from textwrap import dedent

import pytest


@pytest.fixture
def file(bench):
    def write(name, text):
        (bench.root / name).parent.mkdir(exist_ok=True)
        (bench.root / name).write_text(dedent(text).lstrip())
        return f"./{name}"

    return write


def test_a_script_is_main_in_its_own_folder_with_its_arguments(bench, file):
    file("jobs/beside.py", "WORD = 'beside'\n")
    path = file(
        "jobs/script.py",
        """
        import sys
        from pathlib import Path
        import beside
        if __name__ == "__main__":
            print(beside.WORD, Path.cwd().name, Path(__file__).name, sys.argv[1:])
        """,
    )
    script = {"python_file": path, "parameters": ["--day", "{{job.parameters.day}}"]}
    run = bench.run([{"task_key": "s", "spark_python_task": script}], parameters=[{"name": "day", "default": "1"}])
    assert bench.log(run, "s") == "beside jobs script.py ['--day', '1']\n"


@pytest.mark.parametrize(
    ("ending", "result", "message"),
    [("sys.exit(0)", "SUCCESS", ""), ("sys.exit(4)", "FAILED", "exit status 4"), ("1 / 0", "FAILED", "Zero")],
)
def test_a_script_ends_as_it_says(bench, file, ending, result, message):
    path = file("script.py", f"import sys\n{ending}\n")
    task = bench.run([{"task_key": "s", "spark_python_task": {"python_file": path}}]).task("s")
    assert task.result == result
    assert message in task.message


def sql_task(path, **settings):
    return {"task_key": "q", "sql_task": {"warehouse_id": "w", "file": {"path": path}, **settings}}


def test_sql_runs_statement_by_statement_with_parameters(bench, file):
    path = file(
        "count.sql",
        """
        -- a comment; with a semicolon and :no_parameter
        create table t (word text);
        insert into t values ('a;b'), (:day), ("c"); ;
        select word, ':none' from t; -- the end
        """.replace('"c"', "'c'"),
    )
    run = bench.run([sql_task(path, parameters={"day": "x'); drop table t; --"})])
    assert run.result == "SUCCESS", run.task("q").message
    assert bench.log(run, "q") == "session made\na;b | :none\nx'); drop table t; -- | :none\nc | :none\n"


def test_sql_gets_job_parameters_which_win(bench, file):
    path = file("one.sql", "select :day, :own")
    task = sql_task(path, parameters={"day": "task", "own": "{{task.name}}"})
    run = bench.run([task], parameters=[{"name": "day", "default": "job"}])
    assert bench.log(run, "q").endswith("job | q\n")


def test_sql_that_fails_names_its_cause(bench, file):
    message = bench.run([sql_task(file("one.sql", "select * from gone"))]).task("q").message
    assert "no such table: gone" in message


def test_sql_without_a_project_session_runs_on_plain_spark(bench, file, monkeypatch):
    monkeypatch.delenv("PYTHONPATH")
    path = file("one.sql", "select 1 + 1 as two, :day as day; create temporary view v as select 3; select * from v")
    run = bench.run([sql_task(path, parameters={"day": "monday"})])
    assert run.result == "SUCCESS", run.task("q").message
    assert "|2  |monday|" in bench.log(run, "q")
