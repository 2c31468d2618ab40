import re

import pytest

from localjobs.report.graph import NODE_HEIGHT, NODE_WIDTH, break_name, draw_graph
from localjobs.state.records import Dependency, Task


def make_tasks(**after):
    return [
        Task(task_key=key, kind="python_wheel_task", depends_on=tuple(Dependency(task_key=dep) for dep in deps))
        for key, deps in after.items()
    ]


@pytest.mark.parametrize("downwards", [True, False])
def test_boxes_never_overlap(downwards):
    tasks = make_tasks(a=[], b=["a"], c=["a"], d=["b", "c"], e=["a"], f=["d", "a"], g=[])
    nodes = draw_graph(tasks, downwards=downwards).nodes
    for index, one in enumerate(nodes):
        for other in nodes[index + 1 :]:
            assert abs(one.x - other.x) >= NODE_WIDTH or abs(one.y - other.y) >= NODE_HEIGHT


def test_a_task_stands_after_what_it_depends_on():
    picture = draw_graph(make_tasks(c=["b"], b=["a"], a=[]), downwards=False)
    places = {node.task.task_key: node.x for node in picture.nodes}
    assert places["a"] < places["b"] < places["c"]
    assert picture.width > places["c"] + NODE_WIDTH


def test_a_line_past_a_layer_goes_around_its_boxes():
    picture = draw_graph(make_tasks(a=[], b=["a"], c=["b", "a"]), downwards=False)
    middle = next(node for node in picture.nodes if node.task.task_key == "b")
    past = picture.edges[-1].path
    heights = [int(y) for _, y in (pair.split(",") for pair in past.replace("L", "").replace("C", "").split()[3:5])]
    assert all(y < middle.y or y > middle.y + NODE_HEIGHT for y in heights)


@pytest.mark.parametrize("downwards", [True, False])
def test_everything_is_inside_the_picture_and_no_room_is_left_over(downwards):
    picture = draw_graph(make_tasks(a=[], b=["a"], c=["b", "a"], d=["b"]), downwards=downwards)
    lines = [tuple(map(int, pair)) for edge in picture.edges for pair in re.findall(r"(\d+),(\d+)", edge.path)]
    boxes = [(node.x + NODE_WIDTH, node.y + NODE_HEIGHT) for node in picture.nodes]
    rights, bottoms = zip(*lines, *boxes, strict=True)
    assert 0 < picture.width - max(rights) < 10
    assert 0 < picture.height - max(bottoms) < 10


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("train", ("train",)),
        ("eighteen_letters_x", ("eighteen_letters_x",)),
        ("reconcile_the_bill_daily", ("reconcile_the_bill_", "daily")),
        ("a_averyverylongwordindeed", ("a_averyverylongwordin", "deed")),
        ("x" * 60, ("x" * 21, "x" * 20 + "…")),
    ],
)
def test_a_long_name_takes_two_lines_broken_between_words(name, lines):
    assert break_name(name) == lines
