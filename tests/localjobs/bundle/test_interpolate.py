import time

import pytest

from localjobs.bundle.interpolate import interpolate
from localjobs.errors import BundleError

SPACES = ("bundle", "var", "variables")


def with_variables(text, **values):
    tree = {"variables": {name: {"value": value} for name, value in values.items()}, "text": text}
    return interpolate(tree, SPACES)["text"]


@pytest.mark.parametrize("value", [3, 1.5, True, ["a"], {"k": "v"}, None])
def test_a_reference_that_is_the_whole_string_keeps_its_type(value):
    assert with_variables("${var.x}", x=value) == value


def test_a_reference_inside_a_string_becomes_text():
    assert with_variables("a-${var.x}-${var.y}", x=3, y=True) == "a-3-true"


def test_references_are_followed_through_variables_and_into_structures():
    assert with_variables("${var.x}", x="${var.y[0].deep}", y=[{"deep": "${var.z}"}], z=7) == 7


def test_references_into_other_namespaces_stay():
    assert (
        with_variables("${resources.jobs.x.id} ${secrets.y} {{job.id}}")
        == "${resources.jobs.x.id} ${secrets.y} {{job.id}}"
    )


def test_a_structure_inside_a_string_is_refused():
    with pytest.raises(BundleError, match="must be the whole string"):
        with_variables("a ${var.x}", x=[1])


def test_a_circle_is_shown():
    with pytest.raises(BundleError, match=r"in a circle: var.y → var.x → var.y"):
        with_variables("${var.x}", x="${var.y}", y="${var.x}")


def test_text_that_almost_is_a_reference_costs_no_time():
    start = time.perf_counter()
    assert with_variables("${" + "a" * 5000 + "!") == "${" + "a" * 5000 + "!"
    assert time.perf_counter() - start < 1
