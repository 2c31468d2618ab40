"""What the Databricks CLI itself says of the bundle, where it is installed and signed in."""

import os
import shutil
import subprocess

import pytest

SIGNED_IN = shutil.which("databricks") and (
    "DATABRICKS_HOST" in os.environ or "DATABRICKS_CONFIG_PROFILE" in os.environ
)


@pytest.mark.skipif(not SIGNED_IN, reason="wants the Databricks CLI, and a workspace (DATABRICKS_HOST)")
def test_the_cli_has_neither_errors_nor_warnings(root, target):
    command = [root / ".ci" / "validate-bundle", target]
    validated = subprocess.run(command, capture_output=True, text=True, check=False)

    assert validated.returncode == 0, validated.stdout + validated.stderr
