import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fraud_detection.features.spans import NOWHERE, Span


@st.composite
def marked_spans(draw):
    marks = draw(st.lists(st.booleans(), max_size=12))
    position = st.integers(0, len(marks))
    pairs = draw(st.lists(st.tuples(position, position).map(sorted), min_size=1, max_size=8))
    low, high = np.array(pairs).T
    return np.array(marks, dtype=bool), Span(low, high)


@given(marked_spans())
def test_sums_and_marks_equal_those_of_slices(drawn):
    marks, span = drawn
    for row, (low, high) in enumerate(zip(span.low, span.high, strict=True)):
        found = [position for position in range(low, high) if marks[position]] or [NOWHERE]
        assert span.count[row] == high - low
        assert span.sum(marks)[row] == marks[low:high].sum()
        assert (span.first(marks)[row], span.last(marks)[row]) == (found[0], found[-1])
        assert span.newest_position()[row] == (high - 1 if high > low else NOWHERE)
        assert span.newest(2).sum(marks)[row] == marks[low:high][-2:].sum()


def test_after_a_position_the_rest_is_left_and_after_nowhere_all():
    span = Span(np.array([1, 1]), np.array([5, 5])).after(np.array([3, NOWHERE]))
    assert (span.low.tolist(), span.high.tolist()) == ([4, 1], [5, 5])
