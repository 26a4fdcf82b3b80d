"""A recogniser that says nothing of the speech it is given: when that is a stall, and when it is enough of restarts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dragoman.media.format import FRAME_SAMPLES, SAMPLE_RATE, ms_to_samples
from dragoman.recovery.asr import SILENT_MS, STALLS, SilenceWatch, silent_after_ms

LIMIT = ms_to_samples(SILENT_MS)


def listen(watch: SilenceWatch, now: float, seconds: float, *, speed: float = 1.0) -> tuple[float, float | None]:
    """Give speech until it counts as stalled; (now, seconds of speech given by then or None)."""
    for frame in range(round(seconds * 50)):
        watch.given(FRAME_SAMPLES, now)
        now += 0.02 / speed
        if watch.stalled(LIMIT, SAMPLE_RATE, now):
            return now, (frame + 1) * 0.02
    return now, None


def test_1200_ms_of_speech_without_a_word_is_a_stall_told_once() -> None:
    watch = SilenceWatch()
    watch.opened()
    now, after = listen(watch, 5.0, 10)
    assert after is not None and abs(after - 1.2) < 0.03
    assert not watch.stalled(LIMIT, SAMPLE_RATE, now)


def test_silence_of_the_speaker_is_none() -> None:
    watch = SilenceWatch()
    watch.given(LIMIT // 2, 0.0)
    assert not watch.stalled(LIMIT, SAMPLE_RATE, 1000.0)


def test_a_replay_at_ten_times_the_speed_gets_its_time_too() -> None:
    assert listen(SilenceWatch(), 0.0, 11.9, speed=10)[1] is None
    assert listen(SilenceWatch(), 0.0, 12.1, speed=10)[1] is not None


def test_two_streams_in_a_row_are_given_up_and_no_third_until_one_says_something() -> None:
    watch = SilenceWatch()
    now = 0.0
    for _ in range(STALLS):
        watch.opened()
        now, after = listen(watch, now, 5)
        assert after is not None
    watch.opened()
    now, after = listen(watch, now, 60)
    assert after is None, "perhaps there is nothing to hear"
    watch.heard()
    assert listen(watch, now, 5)[1] is not None


def test_an_engine_that_promises_nothing_never_stalls() -> None:
    watch = SilenceWatch()
    watch.given(10 * LIMIT, 0.0)
    assert not watch.stalled(0, SAMPLE_RATE, 1000.0)


@given(st.integers(0, 5000))
def test_the_limit_is_1200_ms_or_two_partials_of_the_engine(cadence_ms: int) -> None:
    assert silent_after_ms(cadence_ms) >= max(1200, 2 * cadence_ms)
    assert silent_after_ms(cadence_ms) in (1200, 2 * cadence_ms)
