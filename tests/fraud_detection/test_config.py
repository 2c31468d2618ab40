"""Settings are checked when they are loaded."""

import pytest

from fraud_detection.config import DataSettings, load_section, read_yaml
from fraud_detection.errors import ConfigurationError


def test_without_values_the_defaults_stand():
    assert load_section(DataSettings, {}, "data") == DataSettings()


def test_a_value_replaces_its_default():
    loaded = load_section(DataSettings, {"label_delay_days": 3}, "data")
    assert loaded == DataSettings(label_delay_days=3)


def test_an_unknown_key_fails_and_names_the_known_ones():
    known = "label_delay_days, future_tolerance_hours, max_file_bytes"
    with pytest.raises(ConfigurationError, match=f"data has no setting delay, zone; known are {known}"):
        load_section(DataSettings, {"zone": "UTC", "delay": 3}, "data")


def test_a_value_of_the_wrong_type_fails_and_is_named():
    with pytest.raises(ConfigurationError, match=r"data\.label_delay_days is 'soon': .*valid integer"):
        load_section(DataSettings, {"label_delay_days": "soon"}, "data")


def test_a_settings_file_is_a_mapping_of_sections(tmp_path):
    path = tmp_path / "settings.yml"
    path.write_text("data: {label_delay_days: 3}\n", encoding="utf-8")
    assert read_yaml(path) == {"data": {"label_delay_days": 3}}
    path.write_text("", encoding="utf-8")
    assert read_yaml(path) == {}


@pytest.mark.parametrize("text", ["- data", "data", "17"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path, text):
    (tmp_path / "settings.yml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="expected a mapping of sections"):
        read_yaml(tmp_path / "settings.yml")


@pytest.mark.parametrize("text", ["data: [", "a: 1\na: 2", "a: !!python/object/apply:os.getcwd []", "\x00"])
def test_a_file_that_is_no_yaml_or_would_run_code_is_refused_and_named(tmp_path, text):
    (tmp_path / "settings.yml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"settings\.yml is not YAML"):
        read_yaml(tmp_path / "settings.yml")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"found no settings file .*none\.yml"):
        read_yaml(tmp_path / "none.yml")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"retention_hours": 24}, "retention_hours is 24; expected at least 168"),
        ({"max_quarantined_share": 2}, "max_quarantined_share is 2.0; expected 0 to 1"),
        ({"mapping": {"transactions": {"delimiter": "||"}}}, "delimiter is '||'; expected one character"),
        ({"mapping": {"transactions": {"attributes": {"x; drop": "y"}}}}, "attribute 'x; drop' is no name"),
        ({"mapping": {"transactions": {"columns": {"amount": None}}}}, "transactions lack amount"),
        ({"mapping": {"labels": {"attributes": {"x": "y"}}}}, "labels have attributes; expected none"),
        ({"mapping": {"labels": []}}, r"data.mapping.labels is \[\]; expected a mapping"),
    ],
)
def test_what_would_lose_rows_or_cannot_be_a_mapping_is_refused_by_name(values, message):
    with pytest.raises(ConfigurationError, match=message.replace("||", "[|][|]")):
        load_section(DataSettings, values, "data")
