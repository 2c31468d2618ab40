"""`localjobs notebook`: a notebook to a page."""

import re
from textwrap import dedent

import pytest

SHOWN = """
    # Databricks notebook source
    # MAGIC %md
    # MAGIC # Sales & more
    # MAGIC | a | b |
    # MAGIC |---|---|
    # MAGIC | 1 | 2 |
    # COMMAND ----------
    # MAGIC %restart_python
    # COMMAND ----------
    dbutils.widgets.text("day", "monday")
    print("<printed>", dbutils.widgets.get("day"))
    # COMMAND ----------
    import pandas as pd
    from matplotlib.figure import Figure
    figure = Figure()
    figure.subplots().plot([1, 2])
    display(figure)
    display(pd.DataFrame({"big": [12345.678], "name": ["<b>"]}))
    displayHTML("<h1>whole</h1>")
    # COMMAND ----------
    dbutils.notebook.exit("done")
    # COMMAND ----------
    print("never")
"""


@pytest.fixture
def notebook(bench):
    def make(text, name="shown.py"):
        (bench.root / name).write_text(dedent(text).lstrip())
        return name

    return make


def page_of(bench, name="shown"):
    return (bench.root / ".local" / "notebooks" / f"{name}.html").read_text(encoding="utf-8")


def test_prose_prints_figures_tables_and_documents_stand_on_the_page_in_order(bench, notebook, localjobs):
    done = localjobs("notebook", notebook(SHOWN), "--params", "day=friday")

    assert done.returncode == 0, done.stderr
    assert done.stdout == "page: .local/notebooks/shown.html\n"
    body = page_of(bench).partition("<main>")[2]
    parts = ["<h1>Sales &amp; more</h1>", "<th>a</th>", "&lt;printed&gt; friday", "data:image/png;base64,iVBOR"]
    parts += ["<td>12,346</td>", "<td>&lt;b&gt;</td>", 'srcdoc="&lt;h1&gt;whole&lt;/h1&gt;"']
    assert [part for part in parts if part not in body] == []
    assert sorted(parts, key=body.index) == parts
    assert "never" not in body
    assert not re.search(r"<script|https?://", body)


def test_a_notebook_that_fails_leaves_its_page_and_the_others_run(bench, notebook, localjobs):
    notebook("# Databricks notebook source\nprint('before')\n1 / 0\n", "broken.py")

    done = localjobs("notebook", "broken.py", notebook(SHOWN))

    assert done.returncode == 1
    assert "broken.py: ZeroDivisionError: division by zero" in done.stderr
    assert re.search(r"before.*ZeroDivisionError: division by zero", page_of(bench, "broken"), re.DOTALL)
    assert "friday" not in page_of(bench)
    assert "monday" in page_of(bench)


def test_a_notebook_that_is_not_there_is_refused(bench, localjobs):
    done = localjobs("notebook", "absent.py")

    assert done.returncode == 2
    assert "there is no notebook absent.py" in done.stderr
    assert not (bench.root / ".local").exists()
