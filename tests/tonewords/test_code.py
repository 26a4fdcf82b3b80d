from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tonewords.code import (
    FAMILIES,
    LANGUAGES,
    MIN_DISTANCE,
    MIN_STEP,
    NUMBERS,
    TONES,
    VOICES,
    Source,
    ToneWord,
    codebook,
    tone_hz,
    translate,
    words,
)

tone_words = st.builds(ToneWord, st.sampled_from(LANGUAGES), st.integers(0, NUMBERS - 1), st.sampled_from(VOICES))


def test_any_two_words_differ_in_three_tones() -> None:
    book = codebook()
    assert book.shape == (len(LANGUAGES) * NUMBERS, 7)
    for row, word in enumerate(book):
        distances = (book[row + 1 :] != word).sum(axis=1)
        assert not len(distances) or distances.min() >= MIN_DISTANCE


def test_every_word_begins_with_the_marker_and_never_returns_to_it() -> None:
    assert (codebook()[:, 0] == 0).all()
    assert (codebook()[:, 1:] > 0).all()
    assert (abs(codebook()[:, 1:].astype(int) - codebook()[:, :-1]) >= MIN_STEP).all()


def test_families_share_no_band_and_stay_within_the_telephone_band() -> None:
    bands = [tone_hz(family) for family in range(FAMILIES)]
    assert all(len(band) == TONES for band in bands)
    assert all(below[-1] + 100 < above[0] for below, above in itertools.pairwise(bands))
    assert bands[0][0] >= 400 and bands[-1][-1] <= 3000


@given(tone_words)
def test_text_and_index_lead_back_to_the_word(word: ToneWord) -> None:
    assert ToneWord.parse(str(word)) == word
    assert ToneWord.parse(f"{str(word).upper()}.") == word
    assert ToneWord.of_index(word.index, word.voice) == word


@given(tone_words, st.sampled_from(LANGUAGES))
def test_translation_can_be_undone(word: ToneWord, target: str) -> None:
    assert translate(translate(str(word), target), word.language) == str(word)


@pytest.mark.parametrize("text", ["", "hello", "es12a", "es128a", "xx001a", "es001z", "es001a es002a"])
def test_what_is_no_word_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no tone word"):
        ToneWord.parse(text)


def test_a_translation_keeps_order_voice_and_number() -> None:
    assert translate("en001a en127b", "ca") == "ca001a ca127b"
    assert words("c", "fr", 3, first=126) == ["fr126c", "fr127c", "fr000c"]


def test_each_source_has_a_family() -> None:
    sources = [Source.of_family(family) for family in range(FAMILIES)]
    assert [source.family for source in sources] == list(range(FAMILIES))
    assert len(set(sources)) == FAMILIES
