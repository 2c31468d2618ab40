"""Policies against a server that speaks the part of the REST API that they need, through the real SDK."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from databricks.sdk import WorkspaceClient
from typer.testing import CliRunner

from fraud_detection.deploy.cli import app
from fraud_detection.deploy.policies import apply_steps, plan_policies, read_policies
from fraud_detection.errors import ConfigurationError

API = "/api/2.0/policies/clusters/"
JOBS = {"name": "jobs", "description": "of jobs", "definition": {"b": {"type": "fixed", "value": 1}, "a": {}}}
DEV = {"name": "dev", "max_clusters_per_user": 1, "definition": {"a": {}}}


class Workspace(BaseHTTPRequestHandler):
    """Keeps policies as a workspace does, and what was asked of it."""

    def do_GET(self):
        known = self.path.partition("?")[0] == API + "list"
        self.answer({"policies": list(self.server.policies.values())} if known else None)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        verb = self.path.removeprefix(API)
        self.server.written.append((verb, body))
        if body["name"] == "refused":
            return self.answer({"error_code": "PERMISSION_DENIED", "message": "only administrators"}, 403)
        policy_id = body.get("policy_id") or f"id-{body['name']}"
        self.server.policies[policy_id] = body | {"policy_id": policy_id, "is_default": False}
        return self.answer({"policy_id": policy_id} if verb == "create" else {})

    def answer(self, content, status=200):
        self.send_response(status if content is not None else 404)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(content or {}).encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def workspace():
    with ThreadingHTTPServer(("127.0.0.1", 0), Workspace) as server:
        server.policies, server.written = {}, []
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def client(workspace):
    return WorkspaceClient(host=f"http://127.0.0.1:{workspace.server_port}", token="a", auth_type="pat")  # noqa: S106


@pytest.fixture
def folder(tmp_path):
    def write(*policies):
        for number, policy in enumerate(policies):
            (tmp_path / f"{number}.json").write_text(json.dumps(policy), encoding="utf-8")
        return tmp_path

    return write


def install(folder, client):
    steps = plan_policies(read_policies(folder), client)
    apply_steps(steps, client)
    return [(step.action, step.policy.name) for step in steps]


def test_policies_that_are_missing_are_created_as_the_api_takes_them(workspace, client, folder):
    done = install(folder(JOBS, DEV), client)

    assert done == [("create", "dev"), ("create", "jobs")]
    assert workspace.written == [
        ("create", {"name": "dev", "description": "", "max_clusters_per_user": 1, "definition": '{"a": {}}'}),
        (
            "create",
            {
                "name": "jobs",
                "description": "of jobs",
                "definition": '{"a": {}, "b": {"type": "fixed", "value": 1}}',
            },
        ),
    ]


def test_installing_again_writes_nothing(workspace, client, folder):
    install(folder(JOBS, DEV), client)
    workspace.written.clear()

    assert install(folder(JOBS, DEV), client) == [("keep", "dev"), ("keep", "jobs")]
    assert workspace.written == []


def test_order_and_spaces_of_a_definition_are_no_change(workspace, client, folder):
    install(folder(JOBS), client)
    workspace.policies["id-jobs"]["definition"] = '{ "b":{"value":1,"type":"fixed"},"a":{} }'

    assert install(folder(JOBS), client) == [("keep", "jobs")]


def test_a_policy_that_differs_is_changed_under_its_id_and_others_are_left_alone(workspace, client, folder):
    install(folder(JOBS), client)
    workspace.policies["other"] = {"policy_id": "other", "name": "of somebody else", "definition": "{}"}
    workspace.written.clear()

    done = install(folder({**JOBS, "definition": {"a": {"type": "unlimited"}}}), client)

    assert done == [("change", "jobs")]
    assert [(verb, body["policy_id"]) for verb, body in workspace.written] == [("edit", "id-jobs")]


@pytest.fixture
def signed_in(workspace, monkeypatch):
    monkeypatch.setenv("DATABRICKS_HOST", f"http://127.0.0.1:{workspace.server_port}")
    monkeypatch.setenv("DATABRICKS_TOKEN", "a")
    monkeypatch.setenv("DATABRICKS_AUTH_TYPE", "pat")


def run(*words):
    return CliRunner().invoke(app, ["policies", *map(str, words)])


@pytest.mark.usefixtures("signed_in")
def test_the_command_does_nothing_until_it_is_told_to(workspace, folder):
    result = run("--folder", folder(JOBS))

    assert (result.exit_code, workspace.written) == (0, [])
    assert "create  jobs" in result.output
    assert "--apply does it" in result.output


@pytest.mark.usefixtures("signed_in")
def test_the_command_installs_when_it_is_told_to(workspace, folder):
    assert run("--folder", folder(JOBS), "--apply").exit_code == 0
    assert [verb for verb, _ in workspace.written] == ["create"]


@pytest.mark.usefixtures("signed_in")
def test_a_refusal_of_the_workspace_ends_the_command_with_its_reason(folder):
    result = run("--folder", folder({**JOBS, "name": "refused"}), "--apply")

    assert result.exit_code == 2
    assert "only administrators" in result.output


@pytest.mark.parametrize(
    ("policies", "said"),
    [
        ((), "the policies none"),
        ((JOBS, JOBS), "the policies jobs, jobs"),
        (({"name": "a"},), "expected name, definition"),
        (({**JOBS, "definitions": {}},), "no key but"),
    ],
)
def test_what_is_no_policy_is_refused(policies, said, folder):
    with pytest.raises(ConfigurationError, match=said):
        read_policies(folder(*policies))


def test_what_is_no_json_is_refused(tmp_path):
    (tmp_path / "a.json").write_text("{", encoding="utf-8")

    with pytest.raises(ConfigurationError, match="is not JSON"):
        read_policies(tmp_path)
