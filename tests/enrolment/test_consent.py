"""What counts as a yes when a caller is asked: his language's words, whatever the accents, and no no among them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.enrolment.consent import LONGEST, NO, YES, agreed
from dragoman.languages import LANGUAGES


def test_every_language_has_a_yes_and_a_no() -> None:
    assert set(YES) == set(NO) == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_its_own_words_count(language: str) -> None:
    for word in YES[language]:
        assert agreed(word, language) and agreed(f"{word.capitalize()}.", language)
    for word in NO[language]:
        assert not agreed(word, language)


@pytest.mark.parametrize(
    ("text", "language", "yes"),
    [
        ("Yes, please.", "en", True),
        ("Sí, de acuerdo.", "es", True),
        ("si", "it", True),
        ("Oui!", "fr", True),
        ("Có", "vi", True),
        ("Đồng ý", "vi", True),
        ("はい。", "ja", True),
        ("No, yes, no.", "en", False),
        ("I don't say yes", "en", False),
        ("Nein, ja.", "de", False),
        ("não", "pt", False),
        ("What did you say?", "en", False),
        ("yesterday", "en", False),
        ("", "en", False),
        ("123", "en", False),
        ("yes " * (LONGEST + 1), "en", False),
        ("yes", "xx", True),
    ],
)
def test_answers(text: str, language: str, yes: bool) -> None:
    assert agreed(text, language) is yes


@given(st.data(), st.sampled_from(sorted(LANGUAGES)), st.text())
def test_whatever_else_is_said_a_yes_and_a_no_are_no_yes(data: st.DataObject, language: str, between: str) -> None:
    yes, no = (data.draw(st.sampled_from(sorted(words[language]))) for words in (YES, NO))
    assert not agreed(f"{yes} {between} {no}", language)
