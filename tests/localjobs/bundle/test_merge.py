import pytest

from localjobs.bundle.merge import merge, merge_keyed_lists, refuse_duplicates
from localjobs.errors import BundleError


def test_maps_merge_deeply_and_lists_concatenate():
    assert merge({"a": {"x": 1, "l": [1]}}, {"a": {"y": 2, "l": [2]}}) == {"a": {"x": 1, "y": 2, "l": [1, 2]}}


def test_null_never_deletes():
    assert merge({"a": 1}, {"a": None}) == {"a": 1}


@pytest.mark.parametrize(("base", "over"), [({"x": 1}, [1]), ([1], "x"), ("x", 1), (True, 1)])
def test_a_clash_of_types_is_an_error(base, over):
    with pytest.raises(BundleError, match="a: cannot merge"):
        merge({"a": base}, {"a": over})


def test_tasks_of_one_key_merge_and_come_out_sorted():
    job = {"tasks": [{"task_key": "b", "x": 1}, {"task_key": "a"}, {"task_key": "b", "y": 2}]}
    assert merge_keyed_lists(job)["tasks"] == [{"task_key": "a"}, {"task_key": "b", "x": 1, "y": 2}]


def test_dependencies_of_merged_tasks_concatenate():
    job = {
        "tasks": [
            {"task_key": "c", "depends_on": [{"task_key": "a"}]},
            {"task_key": "c", "depends_on": [{"task_key": "b"}]},
        ]
    }
    assert merge_keyed_lists(job)["tasks"][0]["depends_on"] == [{"task_key": "a"}, {"task_key": "b"}]


def test_two_tasks_of_one_key_in_one_file_are_refused():
    tree = {"resources": {"jobs": {"job": {"tasks": [{"task_key": "a"}, {"task_key": "a"}]}}}}
    with pytest.raises(BundleError, match="tasks has two entries with task_key 'a'"):
        refuse_duplicates(tree)
