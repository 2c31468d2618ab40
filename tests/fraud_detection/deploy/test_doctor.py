"""fraud-deploy doctor against a server that answers in the shapes of the REST API, through the real SDK."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fraud_detection.deploy import doctor
from fraud_detection.deploy.cli import app
from localjobs.bundle.identity import Identity
from localjobs.bundle.resolve import Request, resolve

ROOT = Path(__file__).parents[3]
PRINCIPAL = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
CATALOGS = "/api/2.1/unity-catalog"
EFFECTIVE = f"{CATALOGS}/effective-permissions"
SCIM = "/api/2.0/preview/scim/v2"
NODES = "/api/2.1/clusters/list-node-types"
LOCAL_METADATA = "/.well-known/databricks-config"  # the SDK asks every host how to sign in


@pytest.fixture(scope="module")
def production(tmp_path_factory):
    """The bundle's own target prod, resolved."""
    variables = {"service_principal": PRINCIPAL, "warehouse_id": "abc"}
    tree = resolve(Request(ROOT, "prod", variables, environment={}, user=Identity("tester@databricks.com"))).tree
    file = tmp_path_factory.mktemp("bundle") / "prod.json"
    file.write_text(json.dumps(tree), encoding="utf-8")
    return file


@pytest.fixture
def examine(production):
    """The exit status and the findings of the command, by subject."""

    def run(*words, bundle=None):
        done = CliRunner().invoke(app, ["doctor", "--bundle", str(bundle or production), "-o", "json", *words])
        return done.exit_code, {one["subject"]: one for one in json.loads(done.stdout)}

    return run


def failing(findings):
    return sorted(subject for subject, one in findings.items() if one["level"] == "fails")


@pytest.mark.usefixtures("signed_in_there")
def test_a_workspace_that_has_everything_passes(examine):
    status, findings = examine()

    assert failing(findings) == []
    assert status == 0
    assert {"node type", "runtime", "warehouse", "catalog", "schema", "grant", "quota", "system table", "folder"} < {
        one["kind"] for one in findings.values()
    }


def test_only_reading_requests_arrive(signed_in_there, examine):
    examine()

    assert len(signed_in_there.asked) > 20
    assert {method for method, _ in signed_in_there.asked} == {"GET"}


ANALYSTS = "use of main by analysts"
LACKING = {
    "a node type that the region lacks": (
        {NODES: {"node_types": [{"node_type_id": "Standard_DS3_v2", "memory_mb": 1, "num_cores": 4}]}},
        ["i3.xlarge", "m5d.large", "r5d.xlarge"],
        "not among the 1 node types",
    ),
    "a runtime that is not on offer": (
        {"/api/2.1/clusters/spark-versions": {"versions": [{"key": "17.3.x-scala2.13", "name": "17.3"}]}},
        ["18.x-scala2.13"],
        "near it are 17.3.x-scala2.13",
    ),
    "no such warehouse": ({"/api/2.0/sql/warehouses/abc": 404}, ["SQL warehouse abc"], "no: /api/2.0/sql"),
    "a deleted warehouse": (
        {"/api/2.0/sql/warehouses/abc": {"id": "abc", "state": "DELETED"}},
        ["SQL warehouse abc"],
        "state is DELETED",
    ),
    "no service principal": (
        {f"{SCIM}/ServicePrincipals": {"Resources": []}},
        [f"service principal {PRINCIPAL}"],
        "none of that application id",
    ),
    "a group that is missing": (
        {f"{SCIM}/Groups": {"Resources": [{"id": "2", "displayName": "analysts"}]}},
        ["group mlops"],
        "none of that name",
    ),
    "a group without use of the catalog": (
        {f"{EFFECTIVE}/catalog/main": {"privilege_assignments": []}},
        [ANALYSTS, f"use of main by {PRINCIPAL}", "use of main by jobs", "schema main.fraud"],
        "USE_CATALOG is missing on catalog main",
    ),
    "a full catalog": (
        {f"{CATALOGS}/resource-quotas/catalog/main/schema-quota": {"quota_info": {"quota_count": 9, "quota_limit": 9}}},
        ["schemas of main"],
        "9 of 9 schemas",
    ),
    "another's schema": (
        {
            f"{CATALOGS}/schemas/main.fraud": {"full_name": "main.fraud", "owner": "somebody"},
            f"{EFFECTIVE}/schema/main.fraud": {"privilege_assignments": []},
        },
        ["schema main.fraud"],
        "owned by somebody",
    ),
    "a system schema that is off": (
        {f"{CATALOGS}/tables/system.lakeflow.job_task_run_timeline": 404},
        ["system.lakeflow.job_task_run_timeline"],
        "no: /api/2.1",
    ),
    "a scope without the secret": (
        {
            "/api/2.0/secrets/scopes/list": {"scopes": [{"name": "fraud-serving-prod"}]},
            "/api/2.0/secrets/list": {"secrets": [{"key": "another"}]},
        },
        ["secret fraud-serving-prod/token"],
        "without token",
    ),
}


@pytest.mark.parametrize("name", LACKING)
def test_what_is_missing_is_found_and_each_finding_says_what_mends_it(name, signed_in_there, examine):
    answers, subjects, said = LACKING[name]
    signed_in_there.answers.update(answers)

    status, findings = examine()

    assert status == 1
    assert set(subjects) <= set(failing(findings))
    assert said in findings[subjects[0]]["found"]
    for subject in failing(findings):
        assert findings[subject]["expected"]
        assert findings[subject]["mend"]


OF_THE_SIGN_IN = ["sign-in", "making clusters"]
UNREADABLE = {
    "forbidden": 403,
    "a server error": 500,
    "no JSON": b"<html>sign in</html>",
    "a list": [],
    "a text": "yes",
}
NO_CERTAINTY_FROM_SILENCE = {
    LOCAL_METADATA,
    "/api/2.0/apps",
    "/api/2.0/database/instances",
    "/api/2.0/secrets/scopes/list",
}


@pytest.mark.parametrize("answer", UNREADABLE.values(), ids=UNREADABLE)
def test_every_answer_that_cannot_be_read_is_a_finding_and_never_a_pass(answer, signed_in_there, examine, monkeypatch):
    monkeypatch.setattr(doctor, "PATIENCE_SECONDS", 1)
    sign_in = signed_in_there.answers.pop(f"{SCIM}/Me")
    signed_in_there.answers = dict.fromkeys(signed_in_there.answers, answer) | {f"{SCIM}/Me": sign_in}
    signed_in_there.answers[f"{CATALOGS}/schemas/main.fraud"] = answer

    status, findings = examine()

    assert status == 1
    assert [subject for subject, one in findings.items() if one["level"] == "ok"] == OF_THE_SIGN_IN


@pytest.mark.usefixtures("signed_in_there")
def test_an_empty_answer_passes_nothing_but_what_may_be_absent(signed_in_there, examine):
    sign_in = signed_in_there.answers[f"{SCIM}/Me"]
    signed_in_there.answers = {path: {} for path in signed_in_there.answers} | {f"{SCIM}/Me": sign_in}

    _, findings = examine()

    passed = {subject for subject, one in findings.items() if one["level"] == "ok"}
    assert passed == {*OF_THE_SIGN_IN, "apps", "database instances", "secret fraud-serving-prod/token"}


def test_a_refused_sign_in_ends_the_examination(signed_in_there, examine):
    signed_in_there.answers[f"{SCIM}/Me"] = 401

    status, findings = examine()

    assert (status, list(findings)) == (1, ["sign-in"])
    assert {path for _, path in signed_in_there.asked} <= {f"{SCIM}/Me", LOCAL_METADATA}


def test_a_host_that_does_not_answer_is_a_finding_and_no_long_wait(examine, monkeypatch):
    monkeypatch.setattr(doctor, "PATIENCE_SECONDS", 1)
    monkeypatch.setenv("DATABRICKS_HOST", "http://127.0.0.1:9")
    monkeypatch.setenv("DATABRICKS_TOKEN", "a")

    status, findings = examine()

    assert (status, failing(findings)) == (1, ["sign-in"])
    assert "Timed out" in findings["sign-in"]["found"]


def test_without_credentials_the_finding_says_how_to_sign_in(examine, monkeypatch, tmp_path):
    for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN", "DATABRICKS_AUTH_TYPE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("PATH", str(tmp_path))

    status, findings = examine()

    assert (status, failing(findings)) == (1, ["sign-in"])
    assert "databricks auth login" in findings["sign-in"]["mend"]


def test_who_may_make_no_cluster_is_told_unless_a_group_may(signed_in_there, examine):
    principals = signed_in_there.answers[f"{SCIM}/ServicePrincipals"]["Resources"]
    signed_in_there.answers[f"{SCIM}/Me"]["userName"] = "somebody@example.com"
    principals[0] |= {"entitlements": [], "groups": [{"value": "3", "display": "mlops"}]}
    signed_in_there.answers[f"{SCIM}/Groups/3"] = {"id": "3", "displayName": "mlops"}

    assert failing(examine()[1]) == ["making clusters"]

    signed_in_there.answers[f"{SCIM}/Groups/3"]["entitlements"] = [{"value": "allow-cluster-create"}]
    assert failing(examine()[1]) == []


def test_a_pool_that_exists_is_asked_whether_the_largest_cluster_fits(signed_in_there, examine, production, tmp_path):
    tree = json.loads(production.read_text())
    for job in tree["resources"]["jobs"].values():
        for cluster in job["job_clusters"]:
            cluster["new_cluster"]["instance_pool_id"] = "pool-1"
    bundle = tmp_path / "pooled.json"
    bundle.write_text(json.dumps(tree))
    pool = {"instance_pool_id": "pool-1", "state": "ACTIVE", "max_capacity": 3}
    signed_in_there.answers["/api/2.0/instance-pools/get"] = pool

    assert failing(examine(bundle=bundle)[1]) == ["instance pool pool-1"]

    pool["max_capacity"] = 5
    assert failing(examine(bundle=bundle)[1]) == []


def test_a_full_catalog_has_room_for_a_schema_that_is_there(signed_in_there, examine):
    quota = {"quota_info": {"quota_count": 9, "quota_limit": 9}}
    schema = {"full_name": "main.fraud", "owner": PRINCIPAL}
    signed_in_there.answers[f"{CATALOGS}/resource-quotas/catalog/main/schema-quota"] = quota
    assert failing(examine()[1]) == ["schemas of main"]

    signed_in_there.answers[f"{CATALOGS}/schemas/main.fraud"] = schema
    status, findings = examine()

    assert (status, failing(findings)) == (0, [])
    assert findings["schemas of main"]["found"] == "main.fraud is there already"

    signed_in_there.answers[f"{CATALOGS}/schemas/main.fraud"] = schema | {"full_name": "main.other"}
    assert "schemas of main" in failing(examine()[1])


def test_what_only_an_account_administrator_may_ask_can_be_left_out_and_is_said_to_be(signed_in_there, examine):
    signed_in_there.answers[f"{CATALOGS}/resource-quotas/catalog/main/schema-quota"] = 403

    assert failing(examine()[1]) == ["schemas of main"]
    status, findings = examine("--skip", "quota")

    assert (status, findings["schemas of main"]["level"]) == (0, "skipped")


@pytest.mark.usefixtures("signed_in_there")
def test_the_text_shows_for_each_failure_what_was_found_expected_and_mends_it(signed_in_there, production):
    signed_in_there.answers[NODES] = {"node_types": []}

    done = CliRunner().invoke(app, ["doctor", "--bundle", str(production)])

    assert "fails    i3.xlarge\n           found:    not among the 0 node types offered\n" in done.output
    assert "mend:     set the variables data_node" in done.output
    assert done.output.rstrip().endswith("nothing was changed")


@pytest.mark.parametrize("words", [["--skip", "quotas"], ["--bundle", "no.json"]])
def test_an_option_or_a_bundle_that_cannot_be_used_ends_with_2(words, production):
    done = CliRunner().invoke(app, ["doctor", "--bundle", str(production), *words])

    assert done.exit_code == 2
    assert "expected" in done.output
