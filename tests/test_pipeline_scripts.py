"""What the scripts of the pipelines do: tags against a real repository, calls of the Databricks CLI as they are made.

The CLI needs a workspace, so a program of its name writes down what it is told.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SUMMARY = {"resources": {"volumes": {"landing": {"id": "main.dev_me_fraud.landing"}}}}


@pytest.fixture
def project(tmp_path):
    """A folder with the scripts, and the version 1.2.3."""
    shutil.copytree(ROOT / ".ci", tmp_path / "p" / ".ci")
    (tmp_path / "p" / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n', encoding="utf-8")
    (tmp_path / "p" / "CHANGELOG.md").write_text("## [Unreleased]\n\n## [1.2.3] - 2026-11-28\n", encoding="utf-8")
    return tmp_path / "p"


def run(project, *words, path=None):
    env = {"PATH": f"{path}:/usr/bin:/bin" if path else "/usr/bin:/bin", "HOME": str(project)}
    return subprocess.run(words, cwd=project, env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def repository(project):
    """A clone whose main has one commit, tagged v1.2.3, and a commit beside it."""

    def git(*words):
        done = run(project, "git", "-c", "user.name=a", "-c", "user.email=a@example.com", *words)
        assert done.returncode == 0, done.stderr

    git("init", "--quiet", "--initial-branch", "main")
    git("add", ".")
    git("commit", "--quiet", "--message", "a")
    git("update-ref", "refs/remotes/origin/main", "HEAD")
    git("tag", "v1.2.3")
    git("commit", "--quiet", "--allow-empty", "--message", "b")
    return git


@pytest.mark.usefixtures("repository")
def test_the_tag_of_the_version_on_main_is_deployed(project):
    assert run(project, ".ci/check-tag", "v1.2.3").returncode == 0


@pytest.mark.usefixtures("repository")
def test_a_tag_that_is_not_the_version_is_refused(project):
    done = run(project, ".ci/check-tag", "v1.2.4")

    assert done.returncode == 1
    assert done.stdout == "the tag is v1.2.4 and pyproject.toml says 1.2.3: expected the tag v1.2.3\n"


@pytest.mark.usefixtures("repository")
def test_a_tag_that_the_changelog_does_not_tell_of_is_refused(project):
    (project / "CHANGELOG.md").write_text("## [Unreleased]\n", encoding="utf-8")

    done = run(project, ".ci/check-tag", "v1.2.3")

    assert done.returncode == 1
    assert "no section ## [1.2.3]" in done.stdout


def test_a_tag_beside_main_is_refused(project, repository):
    repository("tag", "--force", "v1.2.3")

    done = run(project, ".ci/check-tag", "v1.2.3")

    assert done.returncode == 1
    assert "v1.2.3 is no commit of main" in done.stdout


@pytest.fixture
def told(project):
    """Programs that write down how they are called; a call that names `broken` fails."""
    programs, calls = project / "programs", project / "calls"
    for program in (programs / "databricks", project / ".venv" / "bin" / "fraud-data"):
        program.parent.mkdir(parents=True, exist_ok=True)
        answer = f"case \"$*\" in *'--output json'*) echo '{json.dumps(SUMMARY)}';; *broken*) exit 1;; esac"
        program.write_text(f'#!/bin/sh\necho "{program.name} $*" >> {calls}\n{answer}\n', encoding="utf-8")
        program.chmod(0o755)

    def call(*words):
        done = run(project, *words, path=programs)
        return done.returncode, calls.read_text(encoding="utf-8").splitlines() if calls.exists() else []

    return call


def test_nothing_is_deployed_that_is_not_valid(told):
    assert told(".ci/deploy", "broken") == (1, ["databricks bundle validate --strict -t broken"])


def test_a_deployment_validates_first(told):
    assert told(".ci/deploy", "staging") == (
        0,
        [
            "databricks bundle validate --strict -t staging",
            "databricks bundle deploy -t staging",
            "databricks bundle summary -t staging",
        ],
    )


@pytest.mark.parametrize(("day", "parameters"), [("", ""), ("2026-01-31", " --params as_of=2026-01-31")])
def test_an_acceptance_run_has_the_day_that_it_is_given(day, parameters, told):
    assert told(".ci/accept", "staging", day) == (0, [f"databricks bundle run training -t staging{parameters}"])


def test_the_integration_fills_the_volume_of_its_own_deployment(told):
    status, calls = told(".ci/integrate", "dev")

    assert status == 0
    assert calls[-2:] == [
        "databricks fs cp --recursive --overwrite .local/integration dbfs:/Volumes/main/dev_me_fraud/landing",
        "databricks bundle run training -t dev --params as_of=2018-10-01",
    ]
