"""The bench's meeting in virtual time: every word is heard once, the figures add up, and are the same each time."""

from __future__ import annotations

import numpy as np
import pytest
from bench.latency.figures import PARTS
from bench.latency.script import write
from bench.latency.simulated import KNOWN_AFTER, SILENCE, WORD, Words, run
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tonewords.encode import encode

SCRIPT = write(8, 3)


def test_a_meeting_is_held_and_measured_and_is_the_same_each_time() -> None:
    first, again = run(6, 2), run(6, 2)
    words = first.analysis.result["words"]
    assert words["spoken"] == words["heard"] > 0
    assert not any(words[fate] for fate in ("lost", "doubled", "revised", "damaged", "out_of_order"))
    assert first.analysis.spans and first.analysis.result["translations_not_found"] == 0
    for span in first.analysis.spans:
        assert span.ms == pytest.approx(sum(span.parts_ms[part] for part in PARTS))
        assert 300 < span.ms < 3000  # no engine is faster, and nobody waits so long
    assert [span.ms for span in first.analysis.spans] == [span.ms for span in again.analysis.spans]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 2000), min_size=1, max_size=30))
def test_words_are_heard_in_pieces_of_any_length(sizes: list[int]) -> None:
    said = list(SCRIPT.sentences[0].words[:4])
    sound = np.concatenate([np.zeros(777, np.int16), encode(said), np.zeros(SILENCE, np.int16)])
    ear = Words(SCRIPT).ear("leg", "en")
    at, turn = 0, 0
    while at < len(sound):
        size = sizes[turn % len(sizes)]
        ear.feed(sound[at : at + size])
        at, turn = at + size, turn + 1
    heard = ear.words()
    assert [word.text.strip(".,") for word in heard] == said
    assert all(word.end - word.start == WORD for word in heard)
    assert heard[0].start == 777 + np.flatnonzero(encode(said))[0]


def test_a_word_is_told_before_its_last_tone_has_ended_and_not_earlier() -> None:
    ear = Words(SCRIPT).ear("leg", "en")
    said = SCRIPT.sentences[0].words[0]
    sound = encode(said)[np.flatnonzero(encode(said))[0] :]
    ear.feed(sound[: KNOWN_AFTER - 1])
    assert ear.flush(ended=False) == []
    ear.feed(sound[KNOWN_AFTER - 1 : KNOWN_AFTER])
    assert [word.text.strip(".,") for word in ear.flush(ended=False)] == [said]
    assert ear.words() == []
