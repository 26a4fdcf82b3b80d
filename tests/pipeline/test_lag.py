"""Pins the lag meter: how much audio is still to be spoken, known or estimated, and where it waits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.media.format import SAMPLE_RATE
from dragoman.pipeline.catchup import Backlog
from dragoman.pipeline.lag import BOUNDS, CHARACTER, LagMeter, Load, Rate


def spoken(meter: LagMeter, load: Load, characters: int, samples: int) -> None:
    """It is translated, and all of it synthesized and played."""
    meter.translated(load, characters)
    load.given = load.played = samples
    meter.synthesized(load)
    load.close()


def test_a_clause_is_estimated_until_its_audio_is_known() -> None:
    meter = LagMeter()
    load = meter.open(20)
    assert meter.backlog == pytest.approx(20 * CHARACTER / SAMPLE_RATE)
    assert meter.stages() == {"mt": 20 * CHARACTER, "tts": 0, "playback": 0}
    meter.translated(load, 30)
    assert meter.stages()["tts"] == 30 * CHARACTER
    load.given, load.played = 16_000, 8_000
    assert meter.stages() == {"mt": 0, "tts": 0, "playback": 30 * CHARACTER - 8_000}
    load.ready = lambda: 640
    load.given = 40_000  # more than was expected
    assert meter.left(load) == 40_000 - 8_000 + 640
    meter.synthesized(load)
    load.played = 40_000
    assert meter.left(load) == 640
    load.close()
    assert meter.backlog == 0.0


def test_the_newest_clause_waits_for_all_before_it_and_not_for_itself() -> None:
    meter = LagMeter()
    assert meter.now() == Backlog(0.0, 0.0, 0.0, talking=False)
    meter.open(20)
    assert meter.now().ahead == 0.0
    meter.open(40)
    assert meter.now().ahead == pytest.approx(20 * CHARACTER / SAMPLE_RATE)


def test_a_slow_voice_and_a_long_language_are_learnt() -> None:
    meter = LagMeter()
    for _ in range(30):
        spoken(meter, meter.open(20), 25, 25 * 2 * CHARACTER)
    meter.open(100)
    meter.coming = 40
    assert meter.backlog == pytest.approx(100 * 1.25 * 2 * CHARACTER / SAMPLE_RATE, rel=0.02)
    assert meter.now().said == pytest.approx(40 * 1.25 * 2 * CHARACTER / SAMPLE_RATE, rel=0.02)


def test_who_talks_on_is_heard_before_his_words_are_known() -> None:
    meter = LagMeter()
    meter.talked = lambda: 0.5
    assert meter.now() == Backlog(0.0, 0.0, 0.0, talking=False, heard=0.5)


def test_one_odd_clause_moves_a_rate_little() -> None:
    rate = Rate(100.0)
    rate.learn(1_000_000, 1)
    assert rate.value <= 100.0 * BOUNDS[1]
    rate.learn(0, 5)
    rate.learn(5, 0)
    assert rate.value <= 100.0 * BOUNDS[1]


steps = st.lists(
    st.tuples(st.integers(1, 200), st.integers(1, 200), st.integers(0, 100_000), st.floats(0, 1), st.booleans())
)


@given(steps)
def test_it_is_never_less_than_nothing_and_is_empty_when_all_was_spoken(
    clauses: list[tuple[int, int, int, float, bool]],
) -> None:
    meter, loads = LagMeter(), []
    for source, translated, given_, played, whole in clauses:
        load = meter.open(source)
        loads.append(load)
        meter.translated(load, translated)
        load.given = given_
        load.played = round(given_ * played)
        if whole:
            meter.synthesized(load)
        now = meter.now()
        assert meter.left(load) >= 0 and now.left >= now.ahead >= 0
        assert sum(meter.stages().values()) == pytest.approx(now.left * SAMPLE_RATE)
    for load in loads:
        load.close()
        load.close()
    assert meter.now().left == 0.0
