"""What differs between the targets, and what must not leak from one to another."""

import json

import pytest

HOLDS_DATA = ["schemas", "volumes", "registered_models", "experiments"]
TOO_MUCH = {"ALL_PRIVILEGES", "MANAGE", "CREATE_SCHEMA", "CREATE_VOLUME"}


def parameters_of(tree):
    return {
        parameter["name"]: parameter["default"] for parameter in tree["resources"]["jobs"]["training"]["parameters"]
    }


@pytest.mark.parametrize(
    ("target", "status"), [("local", "PAUSED"), ("dev", "PAUSED"), ("staging", "PAUSED"), ("prod", "UNPAUSED")]
)
def test_schedules_are_paused_outside_production(jobs, target, status):
    scheduled = [job["schedule"] for job in jobs(target).values() if "schedule" in job]

    assert scheduled
    assert {schedule["pause_status"] for schedule in scheduled} == {status}


def test_the_schedule_is_off_peak(jobs):
    assert jobs("prod")["training"]["schedule"]["quartz_cron_expression"].split()[2] in {"1", "2", "3", "4"}


@pytest.mark.parametrize("target", ["local", "dev", "staging"])
def test_nothing_outside_production_names_what_is_productions(deployed, target):
    production = parameters_of(deployed("prod"))
    names = [production["model_name"], production["landing"], production["experiment"]]
    names += [f"{production['catalog']}.{production['schema']}."]

    other = json.dumps(deployed(target))

    assert [name for name in names if name in other] == []
    assert parameters_of(deployed(target))["schema"] != production["schema"]


@pytest.mark.parametrize("target", ["local", "dev"])
def test_a_developers_resources_carry_the_developers_name(deployed, target):
    parameters = parameters_of(deployed(target))

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


@pytest.mark.parametrize("target", ["staging", "prod"])
def test_production_runs_as_a_service_principal_from_its_own_folder(resolved, target):
    tree = resolved(target)
    principal = tree["variables"]["service_principal"]["value"]

    assert all(job["run_as"] == {"service_principal_name": principal} for job in tree["resources"]["jobs"].values())
    assert tree["workspace"]["root_path"] == f"/Workspace/Users/{principal}/.bundle/fraud_detection/{target}"
    assert {permission["level"] for permission in tree["permissions"]} == {"CAN_VIEW", "CAN_RUN", "CAN_MANAGE"}


@pytest.mark.parametrize("target", ["staging", "prod"])
def test_what_holds_data_cannot_be_destroyed_in_production(resolved, target):
    resources = resolved(target)["resources"]

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
    for target in ("local", "staging", "prod"):
        assert not {"clusters", "instance_pools"} & set(resolved(target)["resources"])


def test_resource_keys_are_unique_over_all_kinds(resolved):
    keys = [key for named in resolved("dev")["resources"].values() for key in named]

    assert len(keys) == len(set(keys))
