"""The app of staging and production: how it is started, and what it may use."""

import re

import pytest

from fraud_detection.config import load_section, read_yaml
from fraud_detection.scoring.online import cli
from fraud_detection.scoring.online.credentials import TOKEN
from fraud_detection.scoring.online.settings import ServingSettings


@pytest.fixture
def app(deployed, production):
    return deployed(production)["resources"]["apps"]["serving"]


def test_developers_have_no_app_that_costs(resolved, development):
    assert not {"apps", "database_instances"} & set(resolved(development)["resources"])


def test_its_name_is_one_that_an_app_may_have(app):
    assert re.fullmatch(r"[a-z0-9-]{2,30}", app["name"])


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


def test_it_may_use_what_it_needs_and_nothing_of_another_target(app, production):
    granted = {one["name"]: next(iter(set(one) - {"name", "description"})) for one in app["resources"]}
    model = next(one["uc_securable"] for one in app["resources"] if one["name"] == "model")

    assert granted == {"token": "secret", "store": "database", "model": "uc_securable"}
    assert model["permission"] == "EXECUTE"
    assert f"--model-name={model['securable_full_name']}" in app["config"]["command"]
    assert app["name"].endswith(production)
