from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from dragoman.demo.labels import MAX_LINES, WRAP_PX, Label, place_labels, wrap


def width_of(line: str) -> float:
    return 7.0 * len(line)


def test_labels_far_apart_lie_in_one_row() -> None:
    first, second = place_labels([Label(500, "b", "red"), Label(0, "a", "red", "700 ms")], width_of, 1000)
    assert (first.label.text, second.label.text) == ("a", "b")
    assert first.above == second.above


@given(st.lists(st.tuples(st.floats(0, 1400), st.text("ab ", max_size=120), st.sampled_from(["", "700 ms"]))))
def test_no_two_overlap_and_none_leaves_the_picture(labels: list[tuple[float, str, str]]) -> None:
    placed = place_labels([Label(x, text, "red", span) for x, text, span in labels], width_of, 1430)
    assert len(placed) == len(labels)
    for label in placed:
        assert label.x + label.width <= 1430
    for one, other in itertools.combinations(placed, 2):
        beside = one.x < other.x + other.width and other.x < one.x + one.width
        level = one.above < other.above + other.height and other.above < one.above + one.height
        assert not (beside and level)


def test_long_text_is_wrapped_and_cut() -> None:
    lines = wrap("one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen", width_of)
    assert len(lines) == MAX_LINES
    assert lines[-1].endswith(" …")
    assert all(width_of(line) <= WRAP_PX for line in lines[:-1])
    assert wrap("", width_of) == ("",)
