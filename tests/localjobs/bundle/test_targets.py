import pytest

from localjobs.bundle.targets import apply_target, choose_target
from localjobs.errors import BundleError


@pytest.mark.parametrize(
    ("targets", "wanted", "chosen"),
    [
        ({"a": {}, "b": {"default": True}}, None, "b"),
        ({"a": {}, "b": {"default": True}}, "a", "a"),
        ({"a": None}, None, "a"),
        ({}, None, "default"),
    ],
)
def test_the_target_is_the_one_asked_for_else_the_default_else_the_only_one(targets, wanted, chosen):
    assert choose_target({"targets": targets}, wanted) == chosen


@pytest.mark.parametrize(
    ("targets", "wanted", "message"),
    [
        ({"a": {}, "b": {}}, None, "no target is the default; choose one with -t: a, b"),
        ({"a": {}}, "prod", "no target 'prod'; the targets are: a"),
        ({"a": {"default": True}, "b": {"default": True}}, None, "more than one target is the default: a, b"),
    ],
)
def test_an_unclear_target_is_refused(targets, wanted, message):
    with pytest.raises(BundleError, match=message):
        choose_target({"targets": targets}, wanted)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ({"mod": "development"}, "unknown key 'mod'"),
        ({"mode": "test"}, "mode 'test' is neither development nor production"),
        ({"variables": {"x": 1}}, "sets the variable 'x', which is not declared"),
    ],
)
def test_a_target_with_unknown_settings_is_refused(target, message):
    with pytest.raises(BundleError, match=message):
        apply_target({"targets": {"dev": target}}, "dev")


def test_a_target_lies_over_the_bundle():
    tree = {
        "bundle": {"name": "b"},
        "resources": {"jobs": {"x": {"name": "one", "tags": {"a": "1"}}}},
        "targets": {"dev": {"mode": "development", "resources": {"jobs": {"x": {"tags": {"b": "2"}}}}}},
    }
    applied = apply_target(tree, "dev")
    assert applied["resources"]["jobs"]["x"] == {"name": "one", "tags": {"a": "1", "b": "2"}}
    assert applied["bundle"] == {"name": "b", "target": "dev", "environment": "dev", "mode": "development"}
    assert "targets" not in applied
