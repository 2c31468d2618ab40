"""The table [tool.runcosts], and where the ledger may lie."""

import pytest

from runcosts.errors import NoPriceError, SettingsError
from runcosts.settings import Settings, check_settings, ledger_folder, load_settings

PATTERN = ".local/warehouse/{schema}/run_costs"


def write_table(root, text):
    (root / "pyproject.toml").write_text(f"[tool.runcosts]\n{text}\n", encoding="utf-8")
    return root


def test_the_table_is_read_and_the_rest_has_defaults(tmp_path):
    settings = load_settings(write_table(tmp_path, f'ledger = "{PATTERN}"\ntier = "enterprise"'))

    assert settings == Settings(ledger=PATTERN, tier="enterprise")
    assert (settings.terms.cloud, settings.terms.tier, settings.terms.sku) == ("aws", "enterprise", "jobs_compute")


def test_a_bundle_without_the_table_or_the_file_has_the_defaults(tmp_path):
    assert load_settings(tmp_path) == Settings()
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n", encoding="utf-8")
    assert load_settings(tmp_path) == Settings()


def test_an_unknown_key_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(SettingsError, match="has 'ledgr'; expected one of ledger, tracking_uri, cloud"):
        load_settings(write_table(tmp_path, 'ledgr = "x"'))


def test_a_target_may_be_bought_elsewhere(tmp_path):
    root = write_table(
        tmp_path, 'tier = "enterprise"\n[tool.runcosts.targets.there]\ncloud = "azure"\nregion = "eastus"'
    )

    assert load_settings(root) == load_settings(root, "here") == Settings(tier="enterprise")
    assert load_settings(root, "there") == Settings(tier="enterprise", cloud="azure", region="eastus")


@pytest.mark.parametrize("target", ["there", "here", None])
def test_an_unknown_key_of_any_target_is_refused(tmp_path, target):
    with pytest.raises(SettingsError, match=r"\[tool.runcosts\] targets.there has 'clod'"):
        load_settings(write_table(tmp_path, '[tool.runcosts.targets.there]\nclod = "azure"'), target)


@pytest.mark.parametrize("text", ["tier = 1", 'tier = ""', "ledger = []"])
def test_a_value_that_is_not_text_is_refused(tmp_path, text):
    with pytest.raises(SettingsError, match="expected text"):
        load_settings(write_table(tmp_path, text))


def test_settings_that_the_prices_cannot_follow_are_refused(prices):
    check_settings(Settings(), prices)
    with pytest.raises(SettingsError, match="price file is in USD"):
        check_settings(Settings(currency="EUR"), prices)
    with pytest.raises(NoPriceError, match="no rate for aws/moon/premium/jobs_compute"):
        check_settings(Settings(region="moon"), prices)


def test_the_ledgers_folder_follows_the_jobs_parameters(tmp_path):
    folder = ledger_folder(tmp_path, PATTERN, {"schema": "dev_me_fraud"})

    assert folder == tmp_path / ".local/warehouse/dev_me_fraud/run_costs"


@pytest.mark.parametrize(
    "pattern", ["../run_costs", "/somewhere/run_costs", "a/../../run_costs", ".", "link/run_costs"]
)
def test_a_folder_outside_the_bundle_is_refused(tmp_path, pattern):
    root = tmp_path / "bundle"
    root.mkdir()
    (root / "link").symlink_to(tmp_path)

    with pytest.raises(SettingsError, match="expected a folder below"):
        ledger_folder(root, pattern, {})


@pytest.mark.parametrize("schema", ["..", "a/b", "", "../../x", "a\nb"])
def test_a_parameter_that_is_no_plain_name_is_refused(tmp_path, schema):
    with pytest.raises(SettingsError, match="expected a plain folder name"):
        ledger_folder(tmp_path, PATTERN, {"schema": schema})


def test_a_parameter_that_the_job_lacks_is_named(tmp_path):
    with pytest.raises(SettingsError, match="needs the job parameter schema; the job has as_of, catalog"):
        ledger_folder(tmp_path, PATTERN, {"catalog": "c", "as_of": "d"})
