"""What localjobs lint makes of the bundle."""

import shutil

import pytest

from localjobs.bundle.resolve import Request
from localjobs.lint.lint import lint


@pytest.fixture
def copy(root, tmp_path):
    """The bundle in a folder of its own, with its code beside it."""
    for name in ("databricks.yml", "pyproject.toml", "requirements-databricks.txt", "requirements-serverless.txt"):
        shutil.copy(root / name, tmp_path)
    shutil.copytree(root / "resources", tmp_path / "resources")
    (tmp_path / "src").symlink_to(root / "src")
    return tmp_path


def test_the_bundle_has_no_faults(copy, target):
    assert lint(Request(copy, target, environment={})) == []


def test_a_parameter_that_no_task_understands_is_found(copy):
    file = copy / "resources" / "training.job.yml"
    text = file.read_text()
    assert "candidate:" in text
    file.write_text(text.replace("candidate:", "candidat:"))
    findings = lint(Request(copy, "prod", environment={}))
    assert [one.message for one in findings] == [
        "the parser of validate does not know --candidat",
        "the parser of register does not know --candidat",
    ]
