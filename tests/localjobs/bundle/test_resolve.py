import json
import shutil

import pytest

from localjobs.bundle.identity import Identity
from localjobs.bundle.resolve import Request, deploy, resolve

TESTER = Identity("tester@databricks.com", id="1000012345")


@pytest.fixture
def bundle_folder(cli_bundle, tmp_path):
    """The bundle outside a git checkout, as it was when the CLI resolved it."""
    return shutil.copytree(cli_bundle, tmp_path / "bundle")


def golden(folder, target):
    """What the CLI printed, without what only a dashboard's editor knows."""
    tree = json.loads((folder / f"resolved.{target}.json").read_text().replace("BUNDLE_ROOT", str(folder)))
    for dashboard in tree["resources"]["dashboards"].values():
        del dashboard["serialized_dashboard"]
    return tree


@pytest.mark.parametrize("target", ["local", "dev", "prod"])
def test_a_bundle_resolves_to_what_the_cli_makes_of_it(bundle_folder, target):
    ours = resolve(Request(bundle_folder, target, user=TESTER, environment={})).tree
    expected = golden(bundle_folder, target)
    for section in {*ours, *expected}:
        assert ours.get(section) == expected.get(section), section


def test_a_deployment_leaves_no_bundle_reference(cli_bundle):
    tree = deploy(Request(cli_bundle, "dev", user=TESTER, environment={})).tree
    assert "${" not in json.dumps(tree["resources"])


def test_a_deployment_names_and_numbers_what_it_makes(cli_bundle):
    resources = deploy(Request(cli_bundle, "dev", user=TESTER, environment={})).tree["resources"]
    jobs = resources["jobs"]
    assert resources["registered_models"]["fraud_model"]["id"] == "main.dev_tester_fraud.dev_tester_fraud_model"
    assert resources["volumes"]["landing"]["schema_name"] == "dev_tester_fraud"
    score = next(task for task in jobs["training"]["tasks"] if task["task_key"] == "score")
    assert score["run_job_task"]["job_id"] == jobs["experiments"]["id"]
    assert jobs["experiments"]["id"].isdigit()


def test_ids_are_the_same_each_time_and_differ_by_target(cli_bundle):
    def job_id(target):
        return deploy(Request(cli_bundle, target, user=TESTER, environment={})).jobs["training"]["id"]

    assert job_id("dev") == job_id("dev") != job_id("prod")


def test_on_this_machine_the_files_are_where_they_are(cli_bundle):
    bundle = deploy(Request(cli_bundle, "prod", user=TESTER, environment={}))
    assert bundle.tree["workspace"]["file_path"] == str(cli_bundle)
