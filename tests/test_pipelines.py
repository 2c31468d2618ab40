"""The pipelines of GitHub and Azure DevOps: pinned, with least rights, without secrets, calling what exists."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTIONS = sorted((ROOT / ".github" / "actions").glob("*/action.yml"))
AZURE = [ROOT / "azure-pipelines.yml", *sorted((ROOT / ".azure").glob("*.yml"))]
ALL = [*WORKFLOWS, *ACTIONS, *AZURE]
USES = re.compile(r"^\s*(?:- )?uses: (.*)$", re.MULTILINE)
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
TOKEN = "id-token"  # noqa: S105 - the name of a permission
NAMES = [str(file.relative_to(ROOT)) for file in ALL]


def read(file):
    return YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))


def jobs_of(file):
    return read(file)["jobs"].items()


def mappings_in(value):
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from mappings_in(inner)


def test_both_platforms_have_pipelines():
    assert {file.stem for file in WORKFLOWS} == {"pull-request", "deploy", "nightly"}
    assert len(ACTIONS) == 1
    assert len(AZURE) > 1


def test_actionlint_finds_nothing():
    program = shutil.which("actionlint") or shutil.which("actionlint", path=str(ROOT / ".venv" / "bin"))
    if program is None:
        pytest.skip("no actionlint here; .ci/install-actionlint installs it")

    result = subprocess.run([program, *map(str, WORKFLOWS)], cwd=ROOT, capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("file", [*WORKFLOWS, *ACTIONS], ids=lambda file: file.parent.name + "/" + file.name)
def test_every_action_is_pinned_by_hash_with_its_version_beside_it(file):
    used = [action for action in USES.findall(file.read_text(encoding="utf-8")) if not action.startswith("./")]

    assert used
    assert [action for action in used if not PINNED.fullmatch(action)] == []


def test_one_version_of_each_action_is_used():
    used = {action for file in [*WORKFLOWS, *ACTIONS] for action in USES.findall(file.read_text(encoding="utf-8"))}

    assert len({action.partition("@")[0] for action in used}) == len(used)


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_every_job_names_its_rights_and_ends_by_itself(file):
    assert read(file)["permissions"] == {}
    for name, job in jobs_of(file):
        assert job["permissions"], name
        assert job["timeout-minutes"], name


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_only_jobs_of_an_environment_may_sign_in_to_a_workspace(file):
    for name, job in jobs_of(file):
        assert (TOKEN in job["permissions"]) == ("environment" in job) == ("DATABRICKS_HOST" in job.get("env", {})), (
            name
        )


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_no_job_that_runs_the_change_may_write(file):
    for name, job in jobs_of(file):
        rights = {right for right, level in job["permissions"].items() if level == "write"} - {TOKEN}
        checks_out = any("actions/checkout" in step.get("uses", "") for step in job["steps"])
        assert not (rights and checks_out), name


def test_deployments_wait_for_each_other_and_are_not_cut_off():
    for name, job in jobs_of(ROOT / ".github" / "workflows" / "deploy.yml"):
        assert job["concurrency"] == {"group": f"deploy-{name}", "cancel-in-progress": False}
    stages = {stage["stage"]: stage for stage in mappings_in(read(AZURE[0])["stages"]) if "stage" in stage}
    assert {name for name, stage in stages.items() if stage.get("lockBehavior")} == {"staging", "production"}


def test_on_azure_a_connection_signs_in_and_nothing_needs_one_before_it_is_set_up():
    switched = [part for part in mappings_in(read(AZURE[0])) if "${{ if parameters.deploy }}" in part]
    wanted = [part["connection"] for part in mappings_in(read(AZURE[0])) if "connection" in part]
    found = [part["connection"] for part in mappings_in(switched) if "connection" in part]

    assert sorted(found) == sorted(wanted)
    assert set(wanted) == {"fraud-validate", "fraud-integration", "fraud-staging", "fraud-production"}
    assert read(AZURE[0])["parameters"] == [{"name": "deploy", "type": "boolean", "default": False}]


@pytest.mark.parametrize("file", ALL, ids=NAMES)
def test_no_stored_secret_is_used(file):
    text = file.read_text(encoding="utf-8")

    assert not re.search(r"secrets\.|CLIENT_SECRET|DATABRICKS_TOKEN|PASSWORD|dapi[0-9a-f]", text)


@pytest.mark.parametrize("file", ALL, ids=NAMES)
def test_scripts_and_templates_that_a_pipeline_names_are_there(file):
    text = file.read_text(encoding="utf-8")
    scripts = [ROOT / name for name in re.findall(r"\.ci/[a-z-]+", text)]
    templates = [mapping["template"] for mapping in mappings_in(read(file)) if "template" in mapping]

    assert [script for script in scripts if not os.access(script, os.X_OK)] == []
    assert [name for name in templates if not {file.parent / name, ROOT / name} & set(AZURE)] == []


def test_both_platforms_call_the_same_scripts():
    def called(files):
        found = {name for file in files for name in re.findall(r"\.ci/[a-z-]+|make \w+", file.read_text("utf-8"))}
        return {name for name in found if "azure" not in name}

    assert called([*WORKFLOWS, *ACTIONS]) == called(AZURE)


def test_the_cli_of_both_platforms_is_the_same_commit():
    found = {sha for file in ALL for sha in re.findall(r"setup-cli[@/]([0-9a-f]{40})", file.read_text("utf-8"))}

    assert len(found) == 1


@pytest.mark.parametrize("script", sorted((ROOT / ".ci").iterdir()), ids=lambda script: script.name)
def test_every_script_stops_at_the_first_error_and_is_bash(script):
    assert "\nset -euo pipefail\n" in script.read_text(encoding="utf-8")
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
