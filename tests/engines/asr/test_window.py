"""The window policy: what is decoded when, that each finalize is answered once, that the window stays bounded."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.engines.asr.window import FULL, LIMIT, PROMPT, TRIM, Found, SlidingWindow
from dragoman.engines.base import Hypothesis, Word
from dragoman.media.format import SAMPLE_RATE, Pcm, ms_to_samples

INTERVAL = ms_to_samples(500)
WORD_S = 0.4


_NOISE = np.random.default_rng(1).standard_normal(4 * SAMPLE_RATE)


def noise(samples: int, level: float = 3000.0) -> Pcm:
    return (_NOISE[:samples] * level).astype(np.int16)


def decode(window: SlidingWindow, speech_from: int = 0) -> list[Hypothesis] | None:
    """Decode what is due, as one who hears word number n in the n-th 0.4 s of an utterance; None: nothing was due."""
    job = window.take()
    if job is None:
        return None
    first = -(-(job.base - speech_from) // round(WORD_S * SAMPLE_RATE))
    last = (job.base - speech_from + len(job.audio)) // round(WORD_S * SAMPLE_RATE)
    offset = (job.base - speech_from) / SAMPLE_RATE
    return window.done(
        [Found(f" w{n}", n * WORD_S - offset, (n + 1) * WORD_S - offset, 0.5) for n in range(first, last)]
    )


def words_of(hypotheses: list[Hypothesis]) -> list[str]:
    return [word.text for hypothesis in hypotheses if hypothesis.is_final for word in hypothesis.words]


def test_nothing_is_due_before_the_interval() -> None:
    window = SlidingWindow(INTERVAL)
    window.push(noise(INTERVAL - 1), 0)
    assert window.take() is None
    window.push(noise(1), INTERVAL - 1)
    assert window.partial_due
    assert decode(window) == [Hypothesis((Word("w0", 0, 6400, 0.5),), False, False, INTERVAL)]
    assert window.take() is None


def test_two_agreeing_decodings_make_a_final_within_the_utterance() -> None:
    window = SlidingWindow(INTERVAL)
    window.push(noise(INTERVAL), 1000)
    decode(window)
    window.push(noise(INTERVAL), 1000 + INTERVAL)
    confirmed, tentative = decode(window) or []
    assert confirmed == Hypothesis((Word("w0", 1000, 7400, 0.5),), True, False, 7400)
    assert (tentative.is_final, tentative.text) == (False, "w1")


def test_a_final_comes_before_the_next_utterance_is_decoded() -> None:
    window = SlidingWindow(INTERVAL)
    window.push(noise(INTERVAL), 0)
    window.finalize(INTERVAL)
    window.push(noise(INTERVAL * 2), 50_000)
    assert window.final_due
    (final,) = decode(window) or []
    assert (final.end_of_utterance, final.text, final.upto) == (True, "w0", INTERVAL)
    (partial,) = decode(window) or []
    assert partial.words[0].start == 50_000


def test_one_job_at_a_time() -> None:
    window = SlidingWindow(INTERVAL)
    window.push(noise(INTERVAL), 0)
    assert window.take() is not None
    window.finalize(INTERVAL)
    assert window.take() is None
    window.done([])
    assert window.take() is not None
    window.done([])
    with pytest.raises(ValueError, match="no job"):
        window.done([])


def test_quiet_audio_is_not_decoded() -> None:
    window = SlidingWindow(INTERVAL)
    window.push(noise(SAMPLE_RATE, 10), 0)
    window.finalize(SAMPLE_RATE)
    job = window.take()
    assert job is not None
    assert len(job.audio) == 0
    assert window.done([]) == [Hypothesis((), True, True, SAMPLE_RATE)]


def test_finalize_without_audio_is_answered() -> None:
    window = SlidingWindow(INTERVAL)
    window.finalize(77)
    assert decode(window) == [Hypothesis((), True, True, 77)]


def test_silence_that_was_not_sent_moves_the_words_behind_it() -> None:
    window = SlidingWindow(INTERVAL)
    window.push(noise(6400), 0)
    window.push(noise(12800), 100_000)
    window.finalize(112_800)
    job = window.take()
    assert job is not None
    (final,) = window.done([Found("a", 0.0, 0.4), Found("b", 0.75, 1.1)])
    assert final.words[0] == Word("a", 0, 6400)
    assert final.words[1].start == 100_000 + round(0.05 * SAMPLE_RATE)


def test_what_was_said_before_is_the_prompt() -> None:
    window = SlidingWindow(INTERVAL)
    for utterance in range(60):
        at = utterance * 100_000
        window.push(noise(32_000), at)
        window.finalize(at + 32_000)
        job = window.take()
        assert job is not None
        assert len(job.prompt) <= PROMPT
        if utterance:
            assert job.prompt.endswith(f"last{utterance - 1}")
        window.done([Found(" first", 0, 0.5), Found(f" last{utterance}", 0.5, 1)])


def test_a_long_monologue_stays_in_a_short_window_and_loses_no_word() -> None:
    window = SlidingWindow(INTERVAL)
    told: list[Hypothesis] = []
    chunk, longest = ms_to_samples(100), 0
    for at in range(0, 120 * SAMPLE_RATE, chunk):
        window.push(noise(chunk), at)
        job_words = decode(window)
        told += job_words or []
        longest = max(longest, at + chunk - (told[-1].upto if told else 0))
    window.finalize(120 * SAMPLE_RATE)
    told += decode(window) or []
    assert words_of(told) == [f"w{n}" for n in range(300)]
    assert window.dropped == 0
    assert [each.upto for each in told if each.is_final] == sorted(each.upto for each in told if each.is_final)


def test_who_never_agrees_is_confirmed_when_the_window_is_full() -> None:
    window = SlidingWindow(INTERVAL)
    told: list[Hypothesis] = []
    for n, at in enumerate(range(0, 60 * SAMPLE_RATE, INTERVAL)):
        window.push(noise(INTERVAL), at)
        job = window.take()
        assert job is not None
        assert len(job.audio) <= FULL + INTERVAL
        seconds = len(job.audio) / SAMPLE_RATE
        told += window.done([Found(f"x{n}", s, s + 0.4) for s in np.arange(0.0, seconds - 0.5, 0.5)])
    assert words_of(told)


def test_what_nobody_understands_is_let_go() -> None:
    window = SlidingWindow(INTERVAL)
    for at in range(0, 60 * SAMPLE_RATE, INTERVAL):
        window.push(noise(INTERVAL), at)
        job = window.take()
        assert job is not None
        assert len(job.audio) <= FULL + INTERVAL
        assert window.done([]) == []


def test_a_decoder_that_is_too_slow_loses_the_oldest_and_it_is_counted() -> None:
    window = SlidingWindow(INTERVAL)
    for at in range(0, 40 * SAMPLE_RATE, INTERVAL):
        window.push(noise(INTERVAL), at)
    assert window.dropped == 40 * SAMPLE_RATE - LIMIT
    job = window.take()
    assert job is not None
    assert len(job.audio) == LIMIT
    told = window.done([Found("late", 0.0, 0.5)])
    assert told[0].words[0].start == window.dropped
    window.finalize(40 * SAMPLE_RATE)
    job = window.take()
    assert job is not None
    assert len(job.audio) == FULL - TRIM


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("push"), st.integers(1, 30_000)),
            st.tuples(st.just("jump"), st.integers(1, 200_000)),
            st.tuples(st.just("finalize"), st.just(0)),
            st.tuples(st.just("decode"), st.integers(0, 3)),
        ),
        max_size=40,
    ),
    st.data(),
)
def test_any_order_of_events(events: list[tuple[str, int]], data: st.DataObject) -> None:
    """Each finalize is answered once, in order; times of words never go back and lie within the audio."""
    window = SlidingWindow(INTERVAL)
    at, finals = 0, 0
    told: list[Hypothesis] = []
    times = st.floats(0, 40, allow_nan=False)

    def work() -> bool:
        if window.take() is None:
            return False
        found = data.draw(st.lists(st.builds(Found, st.sampled_from([" a", "b ", "", "c"]), times, times), max_size=5))
        told.extend(window.done(found))
        return True

    for kind, amount in events:
        if kind == "push":
            window.push(noise(amount), at)
            at += amount
        elif kind == "jump":
            at += amount
        elif kind == "finalize":
            window.finalize(at)
            finals += 1
        else:
            for _ in range(amount):
                work()
    while work():
        pass
    assert sum(each.end_of_utterance for each in told) == finals
    spoken = [word for each in told if each.is_final for word in each.words]
    edges = [time for word in spoken for time in (word.start, word.end)]
    assert edges == sorted(edges)
    assert all(0 <= edge <= at for edge in edges)
    assert all(word.text for word in spoken)
