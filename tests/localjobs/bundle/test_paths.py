import json

import pytest

from localjobs.bundle.resolve import Request, deploy, resolve
from localjobs.errors import BundleError


@pytest.fixture
def bundle(tmp_path):
    """A bundle whose job stands in resources/ and has one task."""
    (tmp_path / "databricks.yml").write_text("bundle: {name: b}\ninclude: [resources/*.yml]")
    (tmp_path / "resources").mkdir()
    (tmp_path / "src").mkdir()
    (tmp_path / "src/step.py").write_text("")

    def write(**task):
        job = {"tasks": [{"task_key": "t", **task}]}
        (tmp_path / "resources/x.yml").write_text(json.dumps({"resources": {"jobs": {"x": job}}}))
        return Request(tmp_path, environment={})

    return write


def task_of(bundle):
    return bundle.jobs["x"]["tasks"][0]


def test_paths_are_relative_to_the_file_that_names_them(bundle, tmp_path):
    request = bundle(spark_python_task={"python_file": "../src/step.py"}, libraries=[{"whl": "../dist/*.whl"}])
    assert task_of(deploy(request))["spark_python_task"]["python_file"] == str(tmp_path / "src/step.py")
    assert task_of(deploy(request))["libraries"] == [{"whl": "dist/*.whl"}]


def test_in_a_workspace_a_notebook_has_no_extension(bundle):
    request = bundle(notebook_task={"notebook_path": "../src/step.py"})
    assert task_of(resolve(request))["notebook_task"]["notebook_path"].endswith("/files/src/step")
    assert task_of(deploy(request))["notebook_task"]["notebook_path"].endswith("/src/step.py")


def test_paths_of_the_workspace_stay(bundle):
    request = bundle(spark_python_task={"python_file": "/Workspace/x.py"}, libraries=[{"whl": "/Volumes/a/b/c/x.whl"}])
    assert task_of(deploy(request))["spark_python_task"]["python_file"] == "/Workspace/x.py"
    assert task_of(deploy(request))["libraries"] == [{"whl": "/Volumes/a/b/c/x.whl"}]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("../src/gone.py", "does not exist"),
        ("../../secret.py", "leaves the bundle"),
        ("../src/link.py", "leaves the bundle"),
    ],
)
def test_a_path_that_is_missing_or_leaves_the_bundle_is_refused_with_its_line(bundle, tmp_path, path, message):
    (tmp_path / "src/link.py").symlink_to("/etc/hostname")
    with pytest.raises(BundleError, match=rf"resources/x.yml:1: .*{message}"):
        deploy(bundle(spark_python_task={"python_file": path}))
