"""What differs between the targets, and what must not leak from one to another."""

import json
import re

import pytest

HOLDS_DATA = ["schemas", "volumes", "registered_models", "experiments"]
TOO_MUCH = {"ALL_PRIVILEGES", "MANAGE", "CREATE_SCHEMA", "CREATE_VOLUME"}


def parameters_of(tree):
    return {
        parameter["name"]: parameter["default"] for parameter in tree["resources"]["jobs"]["training"]["parameters"]
    }


@pytest.mark.parametrize(
    ("target", "status"),
    [
        *((name, "PAUSED") for name in ("local", "dev", "staging", "dev-azure", "staging-azure")),
        ("prod-serverless", "PAUSED"),
        *((name, "UNPAUSED") for name in ("prod", "prod-azure")),
    ],
)
def test_what_starts_jobs_is_paused_outside_production_and_so_is_the_stream_everywhere(jobs, target, status):
    starts = {
        key: next(job[name]["pause_status"] for name in ("schedule", "trigger", "continuous") if name in job)
        for key, job in jobs(target).items()
    }

    assert starts == {key: "PAUSED" if key == "streaming" else status for key in starts}


def test_the_schedule_is_off_peak(jobs):
    assert jobs("prod")["training"]["schedule"]["quartz_cron_expression"].split()[2] in {"1", "2", "3", "4"}


@pytest.mark.parametrize("target", ["local", "dev", "staging", "prod-serverless"])
def test_nothing_outside_production_names_what_is_productions(deployed, target):
    production = parameters_of(deployed("prod"))
    names = [re.escape(production[name]) for name in ("model_name", "landing", "experiment")]
    names += [rf"{production['catalog']}\.{production['schema']}"]

    other = json.dumps(deployed(target))

    assert [name for name in names if re.search(rf"{name}(?![\w-])", other)] == []
    assert parameters_of(deployed(target))["schema"] != production["schema"]


def test_no_resource_of_a_developer_names_a_table_of_production_and_every_table_is_the_developers(
    deployed, development
):
    catalog, schema = (parameters_of(deployed(development))[name] for name in ("catalog", "schema"))
    text = json.dumps(deployed(development)["resources"])

    named = re.findall(rf"\b{catalog}\.(\w+)\.", text) + re.findall(rf"/Volumes/{catalog}/(\w+)/", text)

    assert named
    assert set(named) == {schema}


def test_names_of_tables_in_the_dashboard_leave_the_schema_to_the_deployment(root, resolved, production):
    dashboards = resolved(production)["resources"]["dashboards"].values()

    assert [one["dataset_schema"] for one in dashboards] == ["${resources.schemas.fraud.name}"]
    text = "".join((root / one["file_path"]).read_text(encoding="utf-8") for one in dashboards)
    assert not re.search(r"(FROM|JOIN) \w+\.\w+", text, re.IGNORECASE)


def test_a_developers_resources_carry_the_developers_name(deployed, development):
    parameters = parameters_of(deployed(development))

    assert parameters["schema"] == "dev_tester_fraud"
    assert parameters["model_name"].endswith(".dev_tester_fraud.dev_tester_fraud_model")
    assert "[dev tester]" in parameters["experiment"]


def test_the_schemas_variable_is_read_where_the_schema_is_made_and_nowhere_else(root):
    files = [root / "databricks.yml", *sorted((root / "resources").glob("*.yml"))]

    uses = [
        file.name for file in files for line in file.read_text(encoding="utf-8").splitlines() if "{var.schema}" in line
    ]

    assert uses == ["storage.yml"]


def test_the_local_target_reads_a_folder_up_to_the_end_of_the_generated_data(deployed):
    parameters = parameters_of(deployed("local"))

    assert (parameters["as_of"], parameters["landing"]) == ("2018-10-01", ".local/landing")
    assert parameters_of(deployed("dev"))["as_of"] == "{{job.start_time.iso_date}}"


def test_production_runs_as_a_service_principal_from_its_own_folder(resolved, production):
    tree = resolved(production)
    principal = tree["variables"]["service_principal"]["value"]

    assert all(job["run_as"] == {"service_principal_name": principal} for job in tree["resources"]["jobs"].values())
    assert tree["workspace"]["root_path"] == f"/Workspace/Users/{principal}/.bundle/fraud_detection/{production}"
    assert {permission["level"] for permission in tree["permissions"]} == {"CAN_RUN", "CAN_MANAGE"}


def test_readers_see_jobs_and_the_dashboard_and_nothing_of_secrets(resolved, production):
    tree = resolved(production)
    readers = tree["variables"]["readers"]["value"]

    # The CLI lays permissions of the whole bundle on scopes and apps too, CAN_VIEW as READ of the secrets.
    assert readers not in {permission.get("group_name") for permission in tree["permissions"]}
    named = {
        (kind, permission["level"])
        for kind, resources in tree["resources"].items()
        for resource in resources.values()
        for permission in resource.get("permissions", [])
        if permission.get("group_name") == readers
    }
    assert named == {("jobs", "CAN_VIEW"), ("dashboards", "CAN_READ")}
    for job in tree["resources"]["jobs"].values():
        assert {"level": "CAN_VIEW", "group_name": readers} in job["permissions"]


def test_what_holds_data_cannot_be_destroyed_in_production(resolved, production):
    resources = resolved(production)["resources"]

    for kind in HOLDS_DATA:
        assert resources[kind]
        assert all(one["lifecycle"] == {"prevent_destroy": True} for one in resources[kind].values())


def test_grants_are_the_least_that_serves_and_development_has_none(resolved):
    grants = resolved("prod")["resources"]["schemas"]["fraud"]["grants"]

    assert {grant["principal"]: grant["privileges"] for grant in grants}["analysts"] == ["USE_SCHEMA", "SELECT"]
    assert not TOO_MUCH & {privilege for grant in grants for privilege in grant["privileges"]}
    assert "grants" not in resolved("dev")["resources"]["schemas"]["fraud"]


def test_interactive_compute_is_developers_only_and_ends_by_itself(resolved):
    resources = resolved("dev")["resources"]

    assert 0 < resources["clusters"]["dev"]["autotermination_minutes"] <= 30
    assert 0 < resources["instance_pools"]["small"]["idle_instance_autotermination_minutes"] <= 15
    assert resources["instance_pools"]["small"]["max_capacity"] <= 4


def test_nobody_else_has_interactive_compute(resolved, target):
    assert bool({"clusters", "instance_pools"} & set(resolved(target)["resources"])) == (target == "dev")


def test_resource_keys_are_unique_over_all_kinds(resolved, target):
    keys = [key for named in resolved(target)["resources"].values() for key in named]

    assert len(keys) == len(set(keys))
