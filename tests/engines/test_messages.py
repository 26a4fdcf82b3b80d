"""What is packed into frames comes out as it went in."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dragoman.engines.asr import messages as asr
from dragoman.engines.base import Hypothesis, Word
from dragoman.engines.tts import messages as tts

samples = st.lists(st.integers(-32768, 32767), max_size=50).map(lambda values: np.array(values, np.int16))
times = st.integers(0, 1 << 50)
words = st.builds(Word, st.text(max_size=8), times, times)


@given(samples, times)
def test_audio_to_the_recogniser(pcm: np.ndarray, at: int) -> None:
    back, back_at = asr.decode_audio(asr.encode_audio(pcm, at))
    np.testing.assert_array_equal(back, pcm)
    assert back_at == at == asr.decode_at(asr.encode_at(at))


@given(st.builds(Hypothesis, st.lists(words, max_size=4).map(tuple), st.booleans(), st.booleans(), times))
def test_hypotheses(hypothesis: Hypothesis) -> None:
    assert asr.decode_hypothesis(asr.encode_hypothesis(hypothesis)) == hypothesis


@given(st.integers(0, (1 << 32) - 1), samples, st.text(max_size=20))
def test_speech(number: int, pcm: np.ndarray, text: str) -> None:
    payload = tts.encode_audio(number, pcm)
    assert tts.decode_id(payload) == number
    np.testing.assert_array_equal(tts.decode_audio(payload), pcm)
    speak = tts.Speak(number, text, "es", 3)
    assert tts.Speak.decode(speak.encode()) == speak
