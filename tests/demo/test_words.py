from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dragoman.demo.words import recall, words


def test_spelling_does_not_count() -> None:
    assert words("Buenos DÍAS, a todos: ¡sí!", "es") == ["buenos", "dias", "a", "todos", "si"]
    assert words("Don’t, we'll", "en") == ["dont", "well"]
    assert words("こんにちは 世界", "ja") == list("こんにちは世界")


def test_recall_counts_words_in_order() -> None:
    assert recall("we have a problem", "we have a big problem", "en") == 1.0
    assert recall("we have a problem", "we have", "en") == 0.5
    assert recall("one two", "two one", "en") == 0.5
    assert recall("we have a problem", "", "en") == 0.0


@given(st.text(), st.text())
def test_recall_is_a_share(script: str, heard: str) -> None:
    assert 0.0 <= recall(script, heard, "en") <= 1.0
    assert recall(script, script, "en") == 1.0
