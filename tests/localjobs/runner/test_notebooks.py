import json
from textwrap import dedent

import pytest


@pytest.fixture
def notebook(bench):
    """Makes a notebook's file and its task."""

    def make(text, name="explore.py", key="n", **settings):
        (bench.root / name).write_text(dedent(text).lstrip())
        return {"task_key": key, "notebook_task": {"notebook_path": f"./{name}", **settings}}

    return make


def test_cells_share_names_and_the_exit_is_the_output(bench, notebook, wheel):
    task = notebook("""
        # Databricks notebook source
        # MAGIC %md
        # MAGIC # Not *code*, however it looks:
        # COMMAND ----------
        x = 20
        # COMMAND ----------
        def double():
            return 2 * x
        # COMMAND ----------
        print("before", __name__)
        dbutils.jobs.taskValues.set("doubled", double())
        dbutils.notebook.exit(double())
        # COMMAND ----------
        print("never")
    """)
    run = bench.run([task, wheel("b", "print_value", "n", "doubled", after=["n"])])
    assert run.result == "SUCCESS", run.task("n").message
    assert bench.log(run, "n") == "before __main__\n"
    assert run.task("n").attempts[0].output == "40"
    assert bench.log(run, "b") == "value 40\n"


def test_widgets_take_job_parameters_then_the_tasks_then_their_default(bench, notebook):
    task = notebook(
        """
        # Databricks notebook source
        dbutils.widgets.text("day", "never used")
        dbutils.widgets.dropdown("size", "small", ["small", "large"])
        print(dbutils.widgets.getAll())
        dbutils.widgets.get("gone")
        """,
        base_parameters={"day": "task", "mine": "{{task.name}}"},
    )
    run = bench.run([task], parameters=[{"name": "day", "default": "1"}])
    assert bench.log(run, "n").startswith("{'day': '1', 'size': 'small', 'mine': 'n'}\n")
    assert run.task("n").message.endswith("no input widget named gone is defined; defined are: day, mine, size")


def test_an_error_names_the_line_of_the_file(bench, notebook):
    task = notebook("""
        # Databricks notebook source
        x = 1
        # COMMAND ----------

        x / 0
    """)
    run = bench.run([task])
    assert run.task("n").message == "ZeroDivisionError: division by zero"
    assert f'File "{bench.root}/explore.py", line 5, in <module>\n    x / 0' in bench.log(run, "n")


def test_jupyter_notebooks_run_too(bench, notebook):
    cells = [
        {"cell_type": "markdown", "source": ["# title"]},
        {"cell_type": "code", "source": ["%load_ext autoreload\n", "import sys\n", "print(len(sys.argv))"]},
        {"cell_type": "code", "source": "1 / 0"},
    ]
    run = bench.run([notebook(json.dumps({"cells": cells}), "explore.ipynb")])
    assert bench.log(run, "n").startswith("1\n")
    assert 'explore.ipynb, cell 3", line 1, in <module>\n    1 / 0' in bench.log(run, "n")


def test_magics_run_sql_and_other_notebooks(bench, notebook, monkeypatch):
    monkeypatch.setenv("DEMO_DATABASE", ":memory:")
    notebook("# Databricks notebook source\nshared = 'from the other'\n", "other.py")
    task = notebook(
        """
        # Databricks notebook source
        # MAGIC %run ./other
        # COMMAND ----------
        # MAGIC %pip install nothing
        # COMMAND ----------
        # MAGIC %sql
        # MAGIC create table t as select :day as day;
        # MAGIC select * from t
        # COMMAND ----------
        display(shared)
        display(spark.sql("select 7"))
        """,
        base_parameters={"day": "monday"},
    )
    run = bench.run([task])
    assert run.result == "SUCCESS", run.task("n").message
    printed = bench.log(run, "n").splitlines()
    assert printed[0].startswith("localjobs: %pip install nothing: installs nothing here")
    assert printed[1:] == ["session made", "monday", "from the other", "7"]


def test_a_magic_of_another_language_fails_by_its_name(bench, notebook):
    run = bench.run([notebook("# Databricks notebook source\n# MAGIC %scala\n# MAGIC val x = 1\n")])
    assert "the magic %scala does not run here" in run.task("n").message


def test_a_notebook_that_never_says_spark_pays_for_no_session(bench, notebook):
    run = bench.run([notebook("# Databricks notebook source\nprint('light')\n")])
    assert bench.log(run, "n") == "light\n"


def test_a_file_without_the_header_is_no_notebook(bench, notebook):
    assert "is no notebook" in bench.run([notebook("print('a script')\n")]).task("n").message
