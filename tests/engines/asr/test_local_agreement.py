"""LocalAgreement-2: only what two hypotheses agree on is confirmed, and it is confirmed once, in order."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from dragoman.engines.asr.local_agreement import SHIFT, LocalAgreement
from dragoman.engines.base import Word
from dragoman.media.format import ms_to_samples

WORD = ms_to_samples(300)


def said(text: str, at: int = 0) -> tuple[Word, ...]:
    """Words of 300 ms each, beginning at audio time ``at``."""
    return tuple(Word(word, at + i * WORD, at + (i + 1) * WORD) for i, word in enumerate(text.split()))


def texts(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words)


def test_the_second_time_confirms() -> None:
    agreement = LocalAgreement()
    assert agreement.insert(said("we have looked")) == ()
    assert texts(agreement.insert(said("we have look at it"))) == "we have"
    assert texts(agreement.tentative) == "look at it"
    assert texts(agreement.insert(said("we have looked at it now"))) == ""
    assert texts(agreement.insert(said("we have looked at it now then"))) == "looked at it now"
    assert texts(agreement.finish(said("we have looked at it now then."))) == "then."


def test_a_full_stop_that_goes_away_is_not_confirmed() -> None:
    agreement = LocalAgreement()
    agreement.insert(said("it works."))
    assert texts(agreement.insert(said("it works for us."))) == "it"


def test_a_confirmed_word_that_moved_is_not_new() -> None:
    agreement = LocalAgreement()
    for _ in range(2):
        agreement.insert(said("one two three"))
    moved = said("three four", at=2 * WORD + SHIFT - 10)
    assert texts(agreement.finish(moved)) == "four"


def test_a_word_said_twice_is_two_words() -> None:
    agreement = LocalAgreement()
    for _ in range(2):
        agreement.insert(said("no"))
    assert texts(agreement.finish((*said("no"), *said("no", at=WORD + ms_to_samples(100))))) == "no"


def test_the_window_may_begin_anywhere_before_the_confirmed_end() -> None:
    agreement = LocalAgreement()
    for _ in range(2):
        agreement.insert(said("one two three"))
    assert texts(agreement.finish(said("three four", at=2 * WORD))) == "four"


def test_force_keeps_the_last_words_back() -> None:
    agreement = LocalAgreement()
    agreement.insert(said("a b c d"))
    assert texts(agreement.force(2)) == "a b"
    assert texts(agreement.tentative) == "c d"
    assert agreement.force(2) == ()
    assert texts(agreement.finish(said("a b c d"))) == "c d"


@st.composite
def hearings(draw: st.DrawFn) -> tuple[tuple[Word, ...], list[tuple[Word, ...]]]:
    """What was said, and what was heard of it: growing windows, times that shake, last words misheard."""
    count = draw(st.integers(1, 30))
    words, at = [], 0
    for i in range(count):
        at += draw(st.integers(0, ms_to_samples(400)))
        length = draw(st.integers(ms_to_samples(400), ms_to_samples(600)))
        words.append(Word(draw(st.sampled_from(["no", "yes", "well", f"w{i}"])), at, at + length))
        at += length
    shake = ms_to_samples(40)
    found, start = [], 0
    for end in [*sorted(draw(st.lists(st.integers(1, count), max_size=12))), count]:
        heard: list[Word] = []
        for word in words[start:end]:
            move = draw(st.integers(-shake, shake))
            after = heard[-1].end if heard else 0
            heard.append(Word(word.text, max(after, word.start + move), max(after, word.end + move)))
        wrong = draw(st.integers(0, 2)) if end != count else 0
        heard = [
            Word(f"{word.text}?{draw(st.integers(0, 9))}", word.start, word.end) if i >= len(heard) - wrong else word
            for i, word in enumerate(heard)
        ]
        found.append(tuple(heard))
    return tuple(words), found


@given(hearings())
def test_nothing_is_said_that_two_did_not_say(data: tuple[tuple[Word, ...], list[tuple[Word, ...]]]) -> None:
    _, heard = data
    agreement = LocalAgreement()
    seen: list[set[str]] = []
    last = 0
    for hypothesis in heard[:-1]:
        seen.append({word.text for word in hypothesis})
        for word in agreement.insert(hypothesis):
            assert len(seen) >= 2
            assert word.text in seen[-1] & seen[-2]
            assert last <= word.start <= word.end
            last = word.end
        assert agreement.confirmed_until == last


@given(hearings())
def test_every_word_is_confirmed_once(data: tuple[tuple[Word, ...], list[tuple[Word, ...]]]) -> None:
    words, heard = data
    agreement = LocalAgreement()
    confirmed = [word for hypothesis in heard[:-1] for word in agreement.insert(hypothesis)]
    confirmed += agreement.finish(heard[-1])
    wrong = [word for word in confirmed if "?" in word.text]
    if not wrong:  # misheard twice in the same way is confirmed, by the rule
        assert texts(confirmed) == texts(words)
