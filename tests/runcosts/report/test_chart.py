"""Where bars stand."""

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runcosts.report.chart import BOTTOM, MOST_COLOURS, OTHERS, TOP, draw_chart
from runcosts.report.graph import HEIGHT, WIDTH, draw_graph
from runcosts.report.marks import Mark

FIRST = dt.date(2026, 11, 1)
SIZE = (360, 240)


def draw(sums, names, days=3, marks=()):
    amounts = {(FIRST + dt.timedelta(days=day), name): Decimal(amount) for (day, name), amount in sums.items()}
    return draw_chart(amounts, names, (FIRST, FIRST + dt.timedelta(days=days - 1)), marks, SIZE)


def test_pieces_of_a_day_stand_on_each_other_in_proportion():
    chart = draw({(0, "a"): "3", (0, "b"): "1", (2, "b"): "2"}, ["a", "b"])
    low, high, other = chart.pieces
    room = SIZE[1] - TOP - BOTTOM
    assert (low.height, high.height) == (room * 3 / 4, room / 4)
    assert high.y + high.height == low.y
    assert other.x > low.x == high.x
    assert [piece.colour for piece in chart.pieces] == [1, 2, 2]
    assert low.title == "Sun 01 Nov: a, 3.00"


@given(st.lists(st.decimals("0.000001", "99999", places=6), min_size=1, max_size=8))
def test_no_bar_leaves_the_picture_and_lines_are_few(amounts):
    chart = draw({(0, str(number)): amount for number, amount in enumerate(amounts)}, list(map(str, range(8))))
    assert min(piece.y for piece in chart.pieces) >= TOP - 0.05
    assert max(piece.y + piece.height for piece in chart.pieces) <= SIZE[1] - BOTTOM + 0.05
    assert 2 <= len(chart.grid) <= 5


def test_more_jobs_than_colours_share_the_last_and_lose_nothing():
    names = [f"job {number}" for number in range(9)]
    chart = draw(dict.fromkeys(((0, name) for name in names), "1"), names)
    assert len(chart.legend) == MOST_COLOURS
    assert chart.legend[-1] == OTHERS
    tall = {piece.colour: piece.height for piece in chart.pieces}
    assert tall[MOST_COLOURS] == pytest.approx(4 * tall[1], abs=0.1)


def test_a_mark_stands_in_the_middle_of_its_day():
    chart = draw({(1, "a"): "1"}, ["a"], marks=[Mark(FIRST + dt.timedelta(days=1), "m")])
    (piece,), (mark,) = chart.pieces, chart.marks
    assert mark.x == pytest.approx(piece.x + piece.width / 2, abs=0.1)


def test_a_period_in_which_nothing_ran_has_a_chart():
    assert draw({}, []).pieces == ()


@pytest.mark.parametrize("downwards", [True, False])
def test_tasks_stand_after_what_they_wait_for_and_never_on_each_other(downwards):
    tasks = [{"task_key": "d", "depends_on": [{"task_key": "b"}, {"task_key": "c"}]}]
    tasks += [{"task_key": key, "depends_on": [{"task_key": "a"}]} for key in "bc"] + [{"task_key": "a"}]
    graph = draw_graph(tasks, {"a": Decimal(1), "b": Decimal(3)}, downwards=downwards)
    boxes = {box.key: box for box in graph.boxes}
    along = (lambda box: box.y) if downwards else (lambda box: box.x)
    assert along(boxes["a"]) < along(boxes["b"]) == along(boxes["c"]) < along(boxes["d"])
    assert abs(boxes["b"].x - boxes["c"].x) >= WIDTH or abs(boxes["b"].y - boxes["c"].y) >= HEIGHT
    assert (boxes["b"].share, boxes["d"].cost) == (0.75, "?")
    assert len(graph.lines) == 4
