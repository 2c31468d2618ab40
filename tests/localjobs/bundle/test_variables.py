import json

import pytest

from localjobs.bundle.resolve import Request, resolve
from localjobs.errors import BundleError

TEMPLATE = """
bundle: {name: b}
variables:
  colour: {default: from default}
  shapes: {type: complex, default: [round]}
targets:
  plain: {default: true}
  painted: {variables: {colour: from target, shapes: [square]}}
"""


@pytest.fixture
def values(tmp_path):
    (tmp_path / "databricks.yml").write_text(TEMPLATE)

    def read(target="painted", given=None, environment=None, overrides=None):
        if overrides is not None:
            file = tmp_path / ".databricks/bundle" / target / "variable-overrides.json"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(overrides))
        tree = resolve(Request(tmp_path, target, given or {}, environment or {})).tree
        return {name: variable["value"] for name, variable in tree["variables"].items()}

    return read


def test_each_source_of_a_value_beats_the_next(values):
    overrides = {"colour": "from file"}
    environment = {"BUNDLE_VAR_colour": "from environment"}
    assert values("plain")["colour"] == "from default"
    assert values()["colour"] == "from target"
    assert values(overrides=overrides)["colour"] == "from file"
    assert values(overrides=overrides, environment=environment)["colour"] == "from environment"
    assert values(given={"colour": "by hand"}, overrides=overrides, environment=environment)["colour"] == "by hand"


def test_a_complex_variable_comes_from_files_only(values):
    assert values()["shapes"] == ["square"]
    assert values(overrides={"shapes": ["oval"]})["shapes"] == ["oval"]
    with pytest.raises(BundleError, match="shapes is complex"):
        values(given={"shapes": "[x]"})


def test_an_unknown_variable_is_refused_naming_the_known(values):
    with pytest.raises(BundleError, match=r"--var sets 'color', which is no variable; these are: colour, shapes"):
        values(given={"color": "x"})


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ("{}", "variable x has no value: use --var x="),
        ("{lookup: {cluster: shared}}", "`lookup` needs a workspace"),
        ("{default: 1, defualt: 2}", "unknown key 'defualt'; known are: default, description, lookup, type"),
        ("{default: '${var.y}'}", r"\$\{var.y\} does not exist"),
        ("{default: '${var.x}'}", "circle: var.x → var.x"),
        ("{default: '${bundle.colour}'}", r"bundle has: environment, git, name, target"),
    ],
)
def test_a_variable_without_a_value_is_refused(tmp_path, definition, message):
    (tmp_path / "databricks.yml").write_text(f"bundle: {{name: b}}\nvariables:\n  x: {definition}\n")
    with pytest.raises(BundleError, match=message):
        resolve(Request(tmp_path, environment={}))
