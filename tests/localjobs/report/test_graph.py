import pytest

from localjobs.report.graph import NODE_HEIGHT, NODE_WIDTH, draw_graph
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
