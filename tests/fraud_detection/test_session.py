"""The environment decides which Spark is used."""

import hashlib
import sys
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import pytest
from pyspark.sql import SparkSession

from fraud_detection import local_spark
from fraud_detection import session as session_module
from fraud_detection.errors import MachineError
from fraud_detection.session import get_session, in_workspace, on_databricks, require_package, uses_connect

NAMES = ("DATABRICKS_RUNTIME_VERSION", "SPARK_REMOTE", "DATABRICKS_CONFIG_PROFILE", "DATABRICKS_HOST")


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def sessions(monkeypatch):
    """What each way would give, so that no test needs a cluster."""

    class Builder:
        def remote(self, address):
            return SimpleNamespace(getOrCreate=lambda: f"connect to {address}")

        def getOrCreate(self):  # noqa: N802  as in Spark
            return "ambient"

    class DatabricksSession:
        builder = SimpleNamespace(getOrCreate=lambda: "workspace")

    monkeypatch.setattr(SparkSession, "builder", Builder())
    monkeypatch.setitem(sys.modules, "databricks.connect", SimpleNamespace(DatabricksSession=DatabricksSession))
    monkeypatch.setattr(local_spark, "build_local_session", lambda warehouse: f"local in {warehouse.name}")


@pytest.mark.parametrize(
    ("environment", "session"),
    [
        ({}, "local in warehouse"),
        ({"SPARK_REMOTE": "sc://localhost"}, "connect to sc://localhost"),
        ({"DATABRICKS_CONFIG_PROFILE": "dev"}, "workspace"),
        ({"DATABRICKS_HOST": "https://example.com"}, "workspace"),
        ({"SPARK_REMOTE": "sc://localhost", "DATABRICKS_HOST": "https://example.com"}, "connect to sc://localhost"),
        ({"DATABRICKS_RUNTIME_VERSION": "18", "DATABRICKS_HOST": "https://example.com"}, "ambient"),
    ],
)
def test_the_environment_chooses_the_session(monkeypatch, sessions, tmp_path, environment, session):
    assert sessions is None
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    package = "databricks-connect" if session == "workspace" else "pyspark"
    monkeypatch.setattr(session_module, "_installed", lambda: {package: "1"})
    assert get_session(tmp_path / "warehouse") == session


def install(folder, name, number):
    """What an installation leaves for others to find it by."""
    notes = folder / f"{name.replace('-', '_')}-{number}.dist-info"
    notes.mkdir()
    (notes / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n")


@pytest.mark.parametrize("environment", [{}, {"SPARK_REMOTE": "sc://localhost"}, {"DATABRICKS_HOST": "https://a.b"}])
def test_both_packages_in_one_environment_are_refused_whatever_is_wanted(monkeypatch, tmp_path, environment):
    for name in ("pyspark", "databricks-connect"):
        install(tmp_path, name, "0.1")
    monkeypatch.syspath_prepend(tmp_path)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(
        MachineError, match=r"holds pyspark 0\.1 and databricks-connect 0\.1, which overwrite each other"
    ):
        get_session(tmp_path)


@pytest.mark.parametrize(
    ("environment", "installed", "told"),
    [
        (
            {"DATABRICKS_HOST": "https://a.b"},
            {"pyspark": "4"},
            r"DATABRICKS_HOST names a workspace, .*pyspark 4; expected",
        ),
        ({}, {"databricks-connect": "18"}, r"a session on this machine is wanted, .*databricks-connect 18; expected"),
        ({}, {}, "holds no Spark; expected pyspark"),
    ],
)
def test_the_wrong_package_is_told_with_the_environment_that_has_the_right_one(
    monkeypatch, environment, installed, told
):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(MachineError, match=told):
        require_package(installed)


def test_a_server_that_is_named_may_be_asked_with_either_package(monkeypatch):
    monkeypatch.setenv("SPARK_REMOTE", "sc://localhost")

    require_package({"pyspark": "4"})
    require_package({"databricks-connect": "18"})


def test_a_workspace_has_its_own_tables_and_a_server_on_this_machine_those_of_here(monkeypatch):
    assert not in_workspace()
    monkeypatch.setenv("DATABRICKS_CONFIG_PROFILE", "dev")
    assert in_workspace()
    monkeypatch.setenv("SPARK_REMOTE", "sc://localhost")
    assert not in_workspace()


def test_a_cluster_is_known_by_its_runtime_and_a_workspace_by_its_address(monkeypatch):
    assert (on_databricks(), uses_connect()) == (False, False)
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "18.0")
    assert (on_databricks(), uses_connect()) == (True, False)


def test_without_the_delta_jars_the_error_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(local_spark, "JARS", tmp_path)
    with pytest.raises(MachineError, match=r"found no Delta jars in .*; run `make setup`"):
        get_session(tmp_path / "warehouse")


def test_the_local_session_speaks_delta_in_utc(spark):
    assert spark.conf.get("spark.sql.session.timeZone") == "UTC"
    assert spark.conf.get("spark.sql.catalog.spark_catalog") == "org.apache.spark.sql.delta.catalog.DeltaCatalog"


def test_jars_are_fetched_once_and_only_those_that_were_chosen(monkeypatch, tmp_path):
    (tmp_path / "maven").mkdir()
    (tmp_path / "maven" / "a.jar").write_bytes(b"jar")
    monkeypatch.setattr(local_spark, "MAVEN", (tmp_path / "maven").as_uri())
    monkeypatch.setattr(local_spark, "JARS", tmp_path / "jars")
    monkeypatch.setattr(local_spark, "MAVEN_JARS", {"a.jar": "0" * 64})
    with pytest.raises(MachineError, match=r"a\.jar has SHA-256 .*; expected 0{64}: do not use it"):
        local_spark.fetch_jars()
    assert list((tmp_path / "jars").iterdir()) == []
    monkeypatch.setattr(local_spark, "MAVEN_JARS", {"a.jar": hashlib.sha256(b"jar").hexdigest()})
    assert local_spark.fetch_jars() == [tmp_path / "jars" / "a.jar"]
    (tmp_path / "jars" / "a-of-before.jar").touch()
    assert local_spark.fetch_jars() == []
    assert [jar.name for jar in (tmp_path / "jars").iterdir()] == ["a.jar"]


def test_the_jars_of_delta_are_those_of_the_installed_package():
    assert f"delta-spark_4.1_2.13-{version('delta-spark')}.jar" in {Path(path).name for path in local_spark.MAVEN_JARS}
