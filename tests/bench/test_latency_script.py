"""What the phones of bench/latency say: as it was written, with a voice that never speaks over itself."""

from __future__ import annotations

from itertools import pairwise

import pytest
from bench.latency.script import (
    BREATH_S,
    FULL_STOP_S,
    KINDS,
    LANGUAGE_OF,
    LEAD_S,
    MONOLOGUE_AFTER,
    MONOLOGUE_WORDS,
    write,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tonewords.code import ToneWord
from tests.tonewords.decode import decode


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 120), st.integers(0, 1000))
def test_nobody_speaks_over_himself_and_pauses_are_those_of_speech(clauses: int, seed: int) -> None:
    script = write(clauses, seed)
    assert write(clauses, seed) == script
    assert min(sentence.start_s for sentence in script.sentences) >= LEAD_S
    for voice, language in LANGUAGE_OF.items():
        for before, after in pairwise(script.of(voice)):
            assert after.start_s - before.end_s >= FULL_STOP_S[0] - 1e-9
        said = [ToneWord.parse(word) for word in script.words(voice)]
        assert {word.language for word in said} <= {language}
        for kind in KINDS.values():
            numbers = [word.number for word in said if word.number in kind]
            assert all((b - a) % len(kind) == 1 for a, b in pairwise(numbers))
        assert all(ToneWord.parse(sentence.words[-1]).number in KINDS["."] for sentence in script.of(voice))
    breaths = [breath for sentence in script.sentences for breath in sentence.breaths.values()]
    assert all(BREATH_S[0] <= breath <= BREATH_S[1] for breath in breaths)


def test_people_interrupt_each_other_and_hold_monologues() -> None:
    script = write(5 * MONOLOGUE_AFTER, 1)
    starts = [(sentence.start_s, sentence.end_s) for sentence in script.sentences]
    assert sum(after[0] < before[1] for before, after in pairwise(starts)) >= 3
    assert sum(len(sentence.words) >= MONOLOGUE_WORDS for sentence in script.sentences) == 5
    assert not any(len(sentence.words) >= MONOLOGUE_WORDS for sentence in write(MONOLOGUE_AFTER // 2, 1).sentences)


def test_a_microphone_says_the_words_when_they_are_due() -> None:
    script = write(12, 3)
    for voice in LANGUAGE_OF:
        heard = decode(script.microphone(voice))
        assert [word.text for word in heard] == script.words(voice)
        at = 0
        for sentence in script.of(voice):
            assert heard[at].start_s == pytest.approx(sentence.start_s, abs=0.01)
            at += len(sentence.words)
            assert heard[at - 1].end_s == pytest.approx(sentence.end_s, abs=0.01)
