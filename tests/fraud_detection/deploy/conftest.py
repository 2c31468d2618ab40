"""A workspace on loopback that answers in the documented shapes of the REST API, and remembers what it was asked."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

PRINCIPAL = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
CATALOGS = "/api/2.1/unity-catalog"
EFFECTIVE = f"{CATALOGS}/effective-permissions"
SCIM = "/api/2.0/preview/scim/v2"
MAKES = {"entitlements": [{"value": "allow-cluster-create"}]}
TABLES = ("billing.usage", "billing.list_prices", "lakeflow.job_task_run_timeline", "compute.node_timeline")


def effective(**granted):
    """Who has what, as the API tells it; two underscores stand for a principal of the other kind."""
    return {
        "privilege_assignments": [
            {"principal": principal, "privileges": [{"privilege": one} for one in privileges]}
            for principal, privileges in granted.items()
        ]
    }


def node(name, **more):
    size = {"memory_mb": 8192, "num_cores": 2, "category": "General Purpose"}
    return {"node_type_id": name, "instance_type_id": name, "description": name, **size, **more}


def healthy():
    """Path → answer of a workspace in which production can be deployed."""
    answers = {
        f"{SCIM}/Me": {"id": "7", "userName": PRINCIPAL, "active": True, "groups": [{"display": "deployers"}], **MAKES},
        f"{SCIM}/ServicePrincipals": {
            "Resources": [{"id": "7", "applicationId": PRINCIPAL, "active": True, **MAKES}],
        },
        f"{SCIM}/Groups": {"Resources": [{"id": "2", "displayName": "analysts"}, {"id": "3", "displayName": "mlops"}]},
        "/api/2.1/clusters/list-node-types": {"node_types": [node("i3.xlarge"), node("r5d.xlarge"), node("m5d.large")]},
        "/api/2.1/clusters/spark-versions": {"versions": [{"key": "18.x-scala2.13", "name": "18 LTS"}]},
        "/api/2.0/sql/warehouses/abc": {"id": "abc", "name": "shared", "state": "STOPPED"},
        f"{CATALOGS}/catalogs/main": {"name": "main", "owner": "admins"},
        f"{EFFECTIVE}/catalog/main": effective(
            deployers=["USE_CATALOG", "CREATE_SCHEMA"], analysts=["USE_CATALOG"], **{PRINCIPAL: ["USE_CATALOG"]}
        ),
        f"{CATALOGS}/resource-quotas/catalog/main/schema-quota": {
            "quota_info": {"quota_name": "schema-quota", "quota_count": 12, "quota_limit": 10000}
        },
        f"{CATALOGS}/catalogs/system": {"name": "system", "owner": "System user"},
        f"{EFFECTIVE}/catalog/system": effective(**{"account users": ["USE_CATALOG"]}),
        f"/api/2.0/workspace/get-status?path=/Users/{PRINCIPAL}": {
            "path": f"/Users/{PRINCIPAL}",
            "object_type": "DIRECTORY",
        },
        "/api/2.0/secrets/scopes/list": {"scopes": []},
        "/api/2.0/apps": {"apps": [{"name": "another"}]},
        "/api/2.0/database/instances": {},
    }
    for table in TABLES:
        schema = table.split(".")[0]
        answers[f"{CATALOGS}/tables/system.{table}"] = {"full_name": f"system.{table}"}
        answers[f"{EFFECTIVE}/schema/system.{schema}"] = effective(**{PRINCIPAL: ["USE_SCHEMA"]})
        answers[f"{EFFECTIVE}/table/system.{table}"] = effective(**{PRINCIPAL: ["SELECT"]})
    return answers


class Handler(BaseHTTPRequestHandler):
    """Answers by path; an answer may be a number, which is a refusal, or bytes, which are sent as they are."""

    def do_GET(self):
        self.server.asked.append((self.command, self.path))
        address = urlsplit(self.path)
        query = parse_qs(address.query)
        named = f"{address.path}?path={query['path'][0]}" if "path" in query else address.path
        answer = self.server.answers.get(named, 404)
        if "startIndex" in query and query["startIndex"] != ["1"] and isinstance(answer, dict):
            answer = {"Resources": []}  # a SCIM list ends with an empty page
        if isinstance(answer, int):
            self.send(answer, json.dumps({"error_code": CODES[answer], "message": f"no: {named}"}).encode())
        else:
            self.send(200, answer if isinstance(answer, bytes) else json.dumps(answer).encode())

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - names of http.server

    def send(self, status, content):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


CODES = {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "RESOURCE_DOES_NOT_EXIST", 500: "INTERNAL_ERROR"}


@pytest.fixture
def ready_workspace():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.answers, server.asked = healthy(), []
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def signed_in_there(ready_workspace, monkeypatch):
    monkeypatch.setenv("DATABRICKS_HOST", f"http://127.0.0.1:{ready_workspace.server_port}")
    monkeypatch.setenv("DATABRICKS_TOKEN", "a")
    monkeypatch.setenv("DATABRICKS_AUTH_TYPE", "pat")
    return ready_workspace
