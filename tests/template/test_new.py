"""`make new`: a project of another name, with a mapping of its own, that lints and passes tests of its own."""

import os
import re
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAPPING = """
data:
  label_delay_days: 30
  mapping:
    transactions:
      columns: {transaction_id: claim, event_time: reported, customer_id: insured, terminal_id: garage, amount: sum}
"""
# What differs between targets, the platform's types, every setting of every job, and pure functions.
SOME_TESTS = ("bundle/test_targets.py", "bundle/test_types.py", "bundle/test_golden.py", "claims_x/test_config.py")


@pytest.fixture(scope="module")
def script():
    spec = spec_from_file_location("new", ROOT / "template" / "new.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def project(script, tmp_path_factory):
    folder = tmp_path_factory.mktemp("new")
    (folder / "settings.yml").write_text(MAPPING, encoding="utf-8")
    assert script.main(["claims_x", "--mapping", f"{folder}/settings.yml", "--to", f"{folder}/claims_x"]) == 0
    return folder / "claims_x"


@pytest.fixture
def refusal(script, capsys):
    """What the script says when it refuses."""

    def refuse(*words):
        assert script.main([str(word) for word in words]) == 2
        return capsys.readouterr().err

    return refuse


@pytest.fixture(scope="module")
def run(project, tmp_path_factory):
    """Runs a module of the project, whose wheel is installed in front of this environment's packages."""
    site = tmp_path_factory.mktemp("site")
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}

    def in_the_project(*words):
        command = [sys.executable, "-m", *words]
        return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)

    offline = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--disable-pip-version-check")
    installed = in_the_project("pip", "install", *offline, "--target", str(site), ".")
    assert installed.returncode == 0, installed.stderr
    return in_the_project


def test_no_file_and_no_path_has_the_old_name(project):
    listed = subprocess.run(["git", "-C", project, "ls-files", "-z"], capture_output=True, text=True, check=True)
    files = [file for file in listed.stdout.split("\0") if file]

    old = re.compile(r"fraud[_-]detection")
    assert len(files) > 500
    assert [file for file in files if old.search(file)] == []
    assert [file for file in files if old.search((project / file).read_text("utf-8", errors="replace"))] == []


def test_nothing_leads_back_to_the_template(project):
    assert not (project / "template").exists()
    about = re.compile(r"make new|new-project\.md|template/new")
    for name in ("Makefile", "README.md", "mkdocs.yml"):
        assert about.search((ROOT / name).read_text(encoding="utf-8"))
        assert not about.search((project / name).read_text(encoding="utf-8"))


def test_its_bundle_lints(run):
    linted = run("localjobs", "lint", "-t", "prod")

    assert linted.returncode == 0, linted.stdout


def test_its_name_neither_moves_an_import_nor_makes_a_line_too_long(run):
    checked = run("ruff", "check", "--select=I,E501", "--output-format=concise", "src", "tests")

    assert checked.returncode == 0, checked.stdout


def test_its_own_tests_pass(run):
    tested = run("pytest", "-q", "-p", "no:cacheprovider", *(f"tests/{name}" for name in SOME_TESTS))

    assert tested.returncode == 0, tested.stdout
    assert int(re.findall(r"(\d+) passed", tested.stdout)[0]) > 50


def test_jobs_of_deployed_targets_read_its_mapping_and_the_local_one_generated_data(project):
    settings = [
        line for line in (project / "databricks.yml").read_text("utf-8").splitlines() if "settings/data.yml" in line
    ]

    assert (project / "settings" / "data.yml").read_text(encoding="utf-8") == MAPPING
    assert "    default: ${workspace.file_path}/settings/data.yml" in settings
    golden = project / "tests" / "bundle" / "golden"
    assert "training.parameters[settings].default" in (golden / "local.txt").read_text(encoding="utf-8")
    assert "training.parameters[settings].default" not in (golden / "staging.txt").read_text(encoding="utf-8")


UNFIT = ["Claims", "1st", "a-b", "a__b", "x", "pandas", "class", "a_name_of_15_ch"]
OF_YAML = ["on", "off", "yes", "no", "null", "true", "false", "y", "n"]
TAKEN = ["docs", "resources", "settings", "runcosts", "bundle", "conftest"]


@pytest.fixture
def other_root(script, tmp_path, monkeypatch):
    """A folder that the script copies in place of this project."""
    root = tmp_path / "other"
    (root / "settings").mkdir(parents=True)
    (root / "settings" / "README.md").touch()
    (root / "databricks.yml").write_text("bundle: {name: fraud_detection}\n", encoding="utf-8")
    monkeypatch.setattr(script, "ROOT", root)
    return root


@pytest.mark.parametrize("name", [*UNFIT, *OF_YAML, *TAKEN])
def test_a_name_that_a_package_or_a_bundle_cannot_have_is_refused(refusal, tmp_path, monkeypatch, name):
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry not in {"", str(ROOT)}])

    assert f"the name {name!r}: expected" in refusal(name, "--to", tmp_path / "there")
    assert not (tmp_path / "there").exists()


def test_what_git_does_not_know_cannot_be_copied(refusal, other_root, tmp_path):
    said = refusal("claims_x", "--to", tmp_path / "there")

    assert f"git ls-files in {other_root} failed" in said
    assert "not a git repository" in said
    assert not (tmp_path / "there").exists()


def test_a_step_that_fails_is_told_with_its_end_and_a_second_try_is_not_in_its_own_way(refusal, other_root, tmp_path):
    subprocess.run(["git", "init", "--quiet", other_root], check=True)
    subprocess.run(["git", "-C", other_root, "add", "--all"], check=True)
    (tmp_path / "settings.yml").write_text(MAPPING, encoding="utf-8")
    words = ("claims_x", "--mapping", tmp_path / "settings.yml", "--to", tmp_path / "there")

    first, second = refusal(*words), refusal(*words)

    assert first == second
    assert "writing the settings of its jobs failed" in first
    assert "unrecognized arguments: --renew" in first
    assert not (tmp_path / "there").exists()


def test_a_folder_with_something_in_it_is_left_alone(refusal, tmp_path):
    (tmp_path / "mine.txt").touch()

    assert "is there already" in refusal("claims_x", "--to", tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_settings_that_no_job_could_use_are_refused(refusal, tmp_path):
    (tmp_path / "settings.yml").write_text("data: {mapping: {transactions: {colums: {}}}}\n", encoding="utf-8")

    said = refusal("claims_x", "--mapping", tmp_path / "settings.yml", "--to", tmp_path / "there")

    assert "colums" in said
    assert not (tmp_path / "there").exists()


def test_make_knows_it():
    command = ["make", "--dry-run", "--always-make", "--no-print-directory", "new", "NAME=claims", "MAPPING=m.yml"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert 'template/new.py "claims" --mapping "m.yml"' in shown
