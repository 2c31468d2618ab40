"""The two environments: which package `pyspark` comes from, and that all else is the same."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
CLASSIC, CONNECT = "requirements.txt", "requirements-connect.txt"
OF_ONE = {"pyspark", "delta-spark", "py4j", "databricks-connect", "setuptools", "six"}
BOUNDED_BY_THE_CLIENT = {"pyarrow"}


def pins(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", text, re.MULTILINE))


def test_the_packages_that_own_pyspark_never_meet():
    assert {"pyspark", "delta-spark"} <= set(pins(CLASSIC))
    assert "databricks-connect" not in pins(CLASSIC)
    assert "databricks-connect" in pins(CONNECT)
    assert not {"pyspark", "delta-spark"} & set(pins(CONNECT))


def test_everything_else_has_one_version():
    classic, connect = pins(CLASSIC), pins(CONNECT)

    assert set(classic) ^ set(connect) <= OF_ONE
    other = {name for name in set(classic) & set(connect) if classic[name] != connect[name]}
    assert other <= BOUNDED_BY_THE_CLIENT, "run `make lock`, which resolves both"


def test_each_package_of_databricks_connect_is_locked_by_hash():
    text = (ROOT / CONNECT).read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[a-z0-9])", text)[1:]

    assert len(entries) > 100
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []
