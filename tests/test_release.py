"""What is released: one version, a small wheel, and commands that import what they need when they need it."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MOST_BYTES = 2_000_000
DATA = ("pyspark", "mlflow", "polars", "pandas", "sklearn", "xgboost", "deltalake", "matplotlib", "databricks.sdk")
SLOW = ("pydantic", "jinja2", "ruamel.yaml", "markdown_it", "pygments", "psutil", "rich.markdown", "rich.traceback")
HEAVY = (*DATA, *SLOW)
"""What takes longer to import than --help may take, by benchmarks/start_times.py."""
ANSWER_HELP = f"""
import importlib, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name in {HEAVY!r}:
            raise ImportError(f"{{name}} is imported before it is needed")

sys.meta_path.insert(0, Refuse())
module, _, called = sys.argv.pop(1).partition(":")
found = importlib.import_module(module)
assert found.__file__.startswith(sys.path[1]), found.__file__
sys.exit(getattr(found, called)())
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    words = [sys.executable, "-m", "build", "--quiet", "--wheel", "--no-isolation", "--outdir", folder, ROOT]
    subprocess.run(words, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def unpacked(wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_the_wheel_is_small_and_holds_the_three_packages_alone(wheel, unpacked):
    assert wheel.stat().st_size < MOST_BYTES
    assert {one.name for one in unpacked.iterdir() if not one.name.endswith(".dist-info")} == {
        "fraud_detection",
        "localjobs",
        "runcosts",
    }


@pytest.mark.parametrize("command", PROJECT["scripts"])
def test_every_command_of_the_wheel_answers_help_without_importing_what_is_heavy(command, unpacked, tmp_path):
    words = [sys.executable, "-c", ANSWER_HELP, PROJECT["scripts"][command], "--help"]
    done = subprocess.run(
        words, cwd=tmp_path, env={"PYTHONPATH": str(unpacked)}, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout.lower()


def test_the_version_is_written_in_pyproject_and_nowhere_else(wheel):
    version = PROJECT["version"]
    sources = [*(ROOT / "src").rglob("*.py"), ROOT / "databricks.yml", ROOT / "Makefile"]
    assert len(sources) > 100

    assert wheel.name == f"fraud_detection-{version}-py3-none-any.whl"
    assert [file for file in sources if f'"{version}"' in file.read_text(encoding="utf-8")] == []


def test_the_newest_release_of_the_changelog_is_no_newer_than_the_version():
    lines = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    headings = [line.split("]")[0].removeprefix("## [") for line in lines if line.startswith("## [")]
    released = [tuple(map(int, heading.split("."))) for heading in headings if heading != "Unreleased"]

    assert headings[0] == "Unreleased"
    assert released == sorted(released, reverse=True)
    assert all(one <= tuple(map(int, PROJECT["version"].split("."))) for one in released)
