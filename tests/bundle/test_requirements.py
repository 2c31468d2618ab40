"""What a cluster installs: one version of what models depend on, and nothing that the runtime owns."""

import re
from importlib.metadata import requires

import pytest
from packaging.requirements import Requirement

PINNED = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", re.MULTILINE)
ONE_VERSION_EVERYWHERE = ["mlflow", "mlflow-skinny", "xgboost-cpu", "scikit-learn", "optuna", "polars", "deltalake"]
OWNED_BY_THE_RUNTIME = {"pyspark", "delta-spark", "databricks-connect"}


@pytest.fixture(scope="module")
def pins(root):
    def read(name):
        found = dict(PINNED.findall((root / name).read_text(encoding="utf-8")))
        assert found
        return found

    return read


@pytest.fixture(scope="module")
def wheel_requirements():
    parsed = [Requirement(text) for text in requires("fraud-detection") or []]
    assert parsed
    return [each for each in parsed if each.marker is None or each.marker.evaluate({"extra": ""})]


@pytest.mark.parametrize("package", ONE_VERSION_EVERYWHERE)
def test_a_model_finds_the_versions_that_it_was_trained_with(pins, package):
    assert pins("requirements-databricks.txt")[package] == pins("requirements.txt")[package]


def test_nothing_that_the_runtime_owns_is_installed(pins, wheel_requirements):
    assert not OWNED_BY_THE_RUNTIME & set(pins("requirements-databricks.txt"))
    assert not OWNED_BY_THE_RUNTIME & {each.name for each in wheel_requirements}


def test_xgboost_and_xgboost_cpu_never_meet(pins):
    assert "xgboost" not in pins("requirements-databricks.txt")


def test_what_the_runtime_ships_stays_at_its_version(pins):
    runtime, installed = pins("constraints-databricks.txt"), pins("requirements-databricks.txt")

    assert {name: version for name, version in installed.items() if runtime.get(name, version) != version} == {}
    assert {"numpy", "pandas", "pyarrow"} <= set(runtime) & set(installed)


def test_the_wheel_finds_all_that_it_requires_in_the_lock(pins, wheel_requirements):
    installed = pins("requirements-databricks.txt")

    assert [str(each) for each in wheel_requirements if installed.get(each.name, "0") not in each.specifier] == []


def test_every_package_of_the_lock_has_hashes(root):
    text = (root / "requirements-databricks.txt").read_text(encoding="utf-8")
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]

    assert len(blocks) > 50
    assert [block.split("\n")[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_serverless_installs_what_a_cluster_does(pins):
    assert pins("requirements-serverless.txt") == pins("requirements-databricks.txt"), "make lock writes it"
