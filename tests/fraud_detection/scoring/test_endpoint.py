"""The endpoint of the plain model, through the real SDK, against a server that keeps what it is asked."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from databricks.sdk import WorkspaceClient

from fraud_detection.scoring.endpoint import name_endpoint, serve_version

MODEL = "main.fraud.fraud_model"
ENDPOINTS = "/api/2.0/serving-endpoints"


class Platform(ThreadingHTTPServer):
    """Knows endpoints by name, and which calls were made."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.endpoints, self.changes = {}, []

    def answer(self, method, path, body):
        name = path.removeprefix(ENDPOINTS).strip("/").removesuffix("/config")
        if method == "GET":
            return (
                (200, self.endpoints[name])
                if name in self.endpoints
                else (404, {"error_code": "RESOURCE_DOES_NOT_EXIST"})
            )
        self.changes.append((method, path, body))
        config = body["config"] if method == "POST" else body
        self.endpoints[body.get("name", name)] = {"name": body.get("name", name), "pending_config": config}
        return 200, self.endpoints[body.get("name", name)]


class Handler(BaseHTTPRequestHandler):
    def handle_any(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        status, content = self.server.answer(self.command, self.path.partition("?")[0], body)
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = handle_any  # noqa: N815  as the base class calls them

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def platform():
    with Platform() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def client(platform):
    return WorkspaceClient(host=f"http://127.0.0.1:{platform.server_port}", token="t", auth_type="pat")  # noqa: S106


def entity(version, size="Small"):
    return {
        "name": "champion",
        "entity_name": MODEL,
        "entity_version": version,
        "workload_size": size,
        "scale_to_zero_enabled": True,
    }


def test_the_first_champion_makes_the_endpoint_and_the_next_one_moves_it(platform, client):
    done = [serve_version(client, "fraud-fraud_model", MODEL, version, "Small") for version in (1, 2)]

    assert done == ["made", "updated"]
    made, updated = platform.changes
    assert made[:2] == ("POST", ENDPOINTS)
    assert made[2]["name"] == "fraud-fraud_model"
    assert made[2]["config"]["served_entities"] == [entity("1")]
    assert updated[:2] == ("PUT", f"{ENDPOINTS}/fraud-fraud_model/config")
    assert updated[2]["served_entities"] == [entity("2")]


def test_a_retry_of_the_task_changes_nothing(platform, client):
    done = [serve_version(client, "e", MODEL, 3, "Small") for _ in range(2)]

    assert done == ["made", "same"]
    assert len(platform.changes) == 1


def test_another_size_is_a_change(client):
    assert [serve_version(client, "e", MODEL, 3, size) for size in ("Small", "Large")] == ["made", "updated"]


def test_endpoints_of_two_targets_have_different_names():
    assert name_endpoint(MODEL) == "fraud-fraud_model"
    assert name_endpoint("main.dev_me_fraud.dev_me_fraud_model") == "dev_me_fraud-dev_me_fraud_model"
