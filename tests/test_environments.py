"""The two environments: which package `pyspark` comes from, and that all else is the same."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CLASSIC, CONNECT = "requirements.txt", "requirements-connect.txt"
OF_ONE = {"pyspark", "delta-spark", "py4j", "databricks-connect", "setuptools", "six"}
WITHOUT_HASHES = {"requirements-serverless.txt"}  # serverless environments would want one of our own wheel too
LOCKS = sorted(file.name for file in ROOT.glob("requirements*.txt") if file.name not in WITHOUT_HASHES)
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


@pytest.mark.parametrize("name", LOCKS)
def test_each_package_is_locked_by_hash(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    entries = [entry for entry in re.split(r"\n(?=[a-z0-9])", text) if re.match(r"[a-z0-9._-]+==", entry)]

    assert len(entries) == len(pins(name)) > 5
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []
