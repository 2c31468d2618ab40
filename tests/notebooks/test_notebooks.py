"""Every notebook of the project, run to its end in this session, and what it shows."""

import ast
import re
from pathlib import Path

import mlflow
import pytest

from fraud_detection import local_spark
from fraud_detection.errors import DataError, ModelError
from localjobs.report.notebook_page import Page
from localjobs.taskside.localjobs_task.notebooks import HEADER, read_cells

FOLDER = Path(__file__).parents[2] / "notebooks"
NAMES = sorted(file.stem for file in FOLDER.glob("*.py"))
SCHEMA = {"schema": "notebooks"}


@pytest.fixture
def local_folder(spark, monkeypatch):  # noqa: ARG001  the session has to be there, else a notebook starts another
    """Lets notebooks find the tables of a folder, and leaves the session and MLflow as they were."""
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    monkeypatch.setitem(local_spark.SETTINGS, "spark.sql.shuffle.partitions", "1")
    yield lambda folder: monkeypatch.setenv("FRAUD_LOCAL_FOLDER", str(folder))
    mlflow.set_tracking_uri(before[0])
    mlflow.set_registry_uri(before[1])


@pytest.fixture
def run(world, local_folder, monkeypatch):
    monkeypatch.chdir(FOLDER)
    local_folder(world)

    def run_notebook(name, **parameters):
        page = Page(name)
        page.run(FOLDER / f"{name}.py", SCHEMA | parameters)
        return page.render()

    return run_notebook


def pictures(page):
    return page.count('src="data:image/png;base64,')


def test_transactions_are_explored(run):
    page = run("explore_transactions")

    assert pictures(page) == 4
    assert re.search(r"[\d,]+ transactions of 100 days, [\d,]+ labelled, [\d,]+ known as fraud", page)
    assert len(re.findall(r"<td>M\d{6}</td>", page)) == 10


def test_features_are_audited_and_the_audit_finds_a_cheat(run):
    page = run("build_and_audit_features", audited="5")

    assert pictures(page) == 2
    assert "5 rows audited, 0 values differ" in page
    assert re.search(r"<td>35</td>\s*<td>0</td>", page)
    assert re.search(r"[1-9]\d* values of the feature that cheats were caught", page)
    assert "<td>terminal_fraud_share_7d</td>" in page


def test_the_champion_is_reviewed(run):
    page = run("review_model")

    assert pictures(page) == 4
    assert "version 1 is champion; the gate said: passed" in page
    assert re.search(r"[1-9][\d,]* of [\d,]+ known frauds caught, [1-9][\d,]* saved", page)
    assert "fraud_model, version 1" in page


def test_costs_are_reviewed_and_a_smaller_cluster_is_found(run):
    page = run("review_costs")

    assert pictures(page) == 3
    assert "9 attempts of 3 runs" in page
    assert re.search(r"<td>training.data_prep</td>\s*<td>[^<]+</td>\s*<td>m5d.large alone</td>", page)


def test_a_planted_shift_of_amounts_is_to_be_seen(run):
    page = run("review_drift")

    assert pictures(page) == 4
    moved = re.search(r"on 2018-07-09 (\d+) of 36 features are over 0.2", page)
    assert int(moved[1]) >= 5
    assert "amount_over_usual: PSI" in page


@pytest.mark.classic("pandas API of Databricks' client calls functions as its own runtime has them")
def test_pandas_its_api_on_spark_and_spark_give_one_answer(run):
    page = run("pandas_api_on_spark")

    assert pictures(page) == 1
    assert page.count("500 customers, equal") == 3
    assert "pandas.core.frame and pyspark.pandas.frame" in page
    assert "Exchange hashpartitioning" in page


@pytest.mark.parametrize("name", [name for name in NAMES if name != "review_model"])
def test_without_tables_a_notebook_says_which_job_makes_them(local_folder, tmp_path, monkeypatch, name):
    monkeypatch.chdir(FOLDER)
    local_folder(tmp_path)
    page = Page(name)

    with pytest.raises(
        DataError, match=r"there is no table spark_catalog\.none_yet\.\w+; expected what the job"
    ) as told:
        page.run(FOLDER / f"{name}.py", {"schema": "none_yet"})

    assert "`databricks bundle run" in str(told.value)
    assert "there is no table" in page.render()
    assert not list(tmp_path.glob("warehouse/*"))


def test_without_a_model_the_review_says_so(run):
    with pytest.raises(ModelError, match="there is no model absent; expected one: run the training job"):
        run("review_model", model_name="absent")


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_imports_and_defines_nothing(name):
    file = FOLDER / f"{name}.py"
    text = file.read_text(encoding="utf-8")
    cells = list(read_cells(file))
    defined = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda | ast.While | ast.Try)
    ]

    assert text.startswith(f"{HEADER}\n# MAGIC %md\n# MAGIC # ")
    assert defined == []
    assert len(cells) > 5
    assert max(len(cell.source.strip().splitlines()) for cell in cells) <= 20


def test_there_are_notebooks_and_each_is_run_here():
    tests = Path(__file__).read_text(encoding="utf-8")

    assert len(NAMES) == 6
    assert [name for name in NAMES if f'run("{name}"' not in tests] == []
