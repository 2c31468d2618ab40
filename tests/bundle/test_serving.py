"""The app of staging and production: how it is started, and what it may use."""

import pytest

from fraud_detection.config import load_section, read_yaml
from fraud_detection.scoring.online import cli
from fraud_detection.scoring.online.credentials import TOKEN
from fraud_detection.scoring.online.settings import ServingSettings


@pytest.fixture(params=["staging", "prod"])
def target(request):
    return request.param


@pytest.fixture
def app(deployed, target):
    return deployed(target)["resources"]["apps"]["serving"]


@pytest.mark.parametrize("target", ["local", "dev"])
def test_developers_have_no_app_that_costs(resolved, target):
    assert not {"apps", "database_instances"} & set(resolved(target)["resources"])


def test_its_command_is_the_one_that_people_use_with_options_that_it_knows(app):
    python, dash, module, command, *options = app["config"]["command"]

    assert (python, dash, module, command) == ("python", "-m", cli.__name__, "run")
    names = [option.partition("=")[0] for option in options]
    assert names == ["--settings", "--model-name"]


def test_its_settings_are_ones_that_it_knows_and_name_the_real_store(app, root):
    file = next(option.partition("=")[2] for option in app["config"]["command"] if option.startswith("--settings"))
    settings = load_section(ServingSettings, read_yaml(root / file)["serving"], "serving")

    assert settings.store == "postgres"


def test_the_token_comes_from_a_secret_scope_and_stands_nowhere(app):
    env = {one["name"]: one for one in app["config"]["env"]}
    secret = next(one["secret"] for one in app["resources"] if one["name"] == "token")

    assert env[TOKEN] == {"name": TOKEN, "value_from": "token"}
    assert secret["permission"] == "READ"


def test_it_may_use_what_it_needs_and_nothing_of_another_target(app, target):
    granted = {one["name"]: next(iter(set(one) - {"name", "description"})) for one in app["resources"]}
    model = next(one["uc_securable"] for one in app["resources"] if one["name"] == "model")

    assert granted == {"token": "secret", "store": "database", "model": "uc_securable"}
    assert model["permission"] == "EXECUTE"
    assert f"--model-name={model['securable_full_name']}" in app["config"]["command"]
    assert app["name"].endswith(target)
