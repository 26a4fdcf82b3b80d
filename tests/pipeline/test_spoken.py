"""How a text's words are laid out over the time in which it is spoken."""

from __future__ import annotations

from itertools import pairwise

import pytest

from dragoman.pipeline.spoken import lay_out, units_of


def test_scripts_that_do_not_part_words_are_laid_out_by_their_characters() -> None:
    assert units_of("我们星期四见") == list("我们星期四见")
    assert units_of("Donnerstag") == ["Donnerstag"]
    clause = lay_out("我们星期四下午四点见。", 10.0, 12.0)
    assert [word.text for word in clause.words] == list("我们星期四下午四点见")


def test_words_are_laid_out_in_order_from_the_first_sound_to_the_last() -> None:
    clause = lay_out("Yes, on the 24 of May.", 3.0, 6.0)
    assert [word.text for word in clause.words] == ["yes", "on", "the", "24", "of", "may"]
    assert clause.words[0].start == 3.0
    assert clause.words[-1].end == pytest.approx(6.0)
    assert all(one.end <= other.start + 1e-9 for one, other in pairwise(clause.words))
    assert clause.words[3].end - clause.words[3].start > clause.words[2].end - clause.words[2].start
