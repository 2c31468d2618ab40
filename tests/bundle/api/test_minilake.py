"""The bundle's jobs and the doctor against minilake, an emulator of the API that others wrote.

It keeps jobs and what a workspace is made of; tasks of wheels it skips, and it knows no repair: runs are tested beside.
"""

import json
import os
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config
from databricks.sdk.service.catalog import PermissionsChange, Privilege
from typer.testing import CliRunner

from fraud_detection.deploy.cli import app
from localjobs.bundle.identity import Identity
from localjobs.bundle.resolve import Request, resolve

ROOT = Path(__file__).parents[3]
PROGRAM = ROOT / ".local" / "minilake-env" / "bin" / "minilake"
PRINCIPAL = "00000000-0000-0000-0000-000000000000"
STARTED_WITHIN_SECONDS = 60


@pytest.fixture(scope="module")
def minilake(tmp_path_factory):
    """A client of a workspace of its own."""
    if not PROGRAM.exists():
        pytest.skip("no minilake here; .ci/install-minilake installs it")
    folder = tmp_path_factory.mktemp("minilake")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # A folder of extensions that is empty, and no notebooks: nothing is fetched.
    own = {"DATA_DIR": folder / "data", "DUCKDB_EXTENSION_DIR": folder / "none", "NOTEBOOK": "0"}
    env = {"PATH": os.environ["PATH"], "HOME": str(folder)} | {f"MINILAKE_{key}": str(one) for key, one in own.items()}
    with (folder / "log").open("w") as log:
        server = subprocess.Popen([PROGRAM, "--port", str(port)], cwd=folder, env=env, stdout=log, stderr=log)
    try:
        wait_for(f"http://127.0.0.1:{port}/_minilake/health")
        host = f"http://127.0.0.1:{port}"
        yield WorkspaceClient(config=Config(host=host, token="a", auth_type="pat", retry_timeout_seconds=5))  # noqa: S106
    finally:
        server.terminate()
        server.wait(10)


def wait_for(url):
    deadline = time.monotonic() + STARTED_WITHIN_SECONDS
    while time.monotonic() < deadline:
        try:
            return urllib.request.urlopen(url, timeout=2).close()  # noqa: S310 - of this machine
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"{url} does not answer")


@pytest.mark.parametrize("target", ["dev", "staging", "prod"])
def test_every_job_is_kept_with_all_its_fields(target, minilake, as_settings, deployed):
    for key in deployed(target)["resources"]["jobs"]:
        wanted = as_settings(target, key)
        job = minilake.jobs.create(**wanted.as_shallow_dict()).job_id
        found = minilake.jobs.get(job).settings.as_dict()
        minilake.jobs.delete(job)

        for task in [*found["tasks"], *(expected := wanted.as_dict())["tasks"]]:
            task.setdefault("run_if", "ALL_SUCCESS")  # which it writes down where nothing is said
        assert found == expected


def test_the_doctor_sees_what_is_made_between_two_visits(minilake, monkeypatch, tmp_path):
    bundle = tmp_path / "prod.json"
    variables = {"catalog": "risk"}  # the usual one, main, is a word of DuckDB's own
    tree = resolve(Request(ROOT, "prod", variables, environment={}, user=Identity("tester@databricks.com"))).tree
    bundle.write_text(json.dumps(tree), encoding="utf-8")
    monkeypatch.setenv("DATABRICKS_HOST", minilake.config.host)
    monkeypatch.setenv("DATABRICKS_TOKEN", "a")

    def passing():
        done = CliRunner().invoke(app, ["doctor", "--bundle", str(bundle), "-o", "json"])
        assert done.exit_code == 1, "its machines are those of another cloud"
        return {one["subject"] for one in json.loads(done.stdout) if one["level"] == "ok"}

    before = passing()
    minilake.catalogs.create(name="risk")
    minilake.service_principals.create(application_id=PRINCIPAL, active=True)
    minilake.groups.create(display_name="analysts")
    granted = [Privilege.USE_CATALOG]
    changes = [PermissionsChange(add=granted, principal=name) for name in (PRINCIPAL, "analysts")]
    minilake.grants.update("catalog", "risk", changes=changes)

    assert passing() - before == {
        "catalog risk",
        "schema risk.fraud",  # who made the catalog owns it
        f"service principal {PRINCIPAL}",
        "group analysts",
        "use of risk by jobs",
        f"use of risk by {PRINCIPAL}",
        "use of risk by analysts",
    }
