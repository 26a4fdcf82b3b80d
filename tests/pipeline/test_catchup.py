"""Pins how fast a chain speaks: never faster for nothing, never beyond its limits, and smoothly."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.media.format import SAMPLE_RATE, ms_to_samples
from dragoman.pipeline.catchup import (
    AT_HAND,
    BRISK,
    BUSY,
    CLAUSE,
    EASY,
    FAST,
    FASTER,
    FASTEST,
    FULL,
    SLOW,
    SLOWER,
    Backlog,
    Tempo,
    wanted_tempo,
)

PIECE = ms_to_samples(160)
NOTHING = Backlog(0.0, 0.0, 0.0, talking=False)
backlogs = st.builds(Backlog, st.floats(0, 60), st.floats(0, 60), st.floats(0, 60), st.booleans())


def waits(seconds: float, left: float | None = None) -> Backlog:
    """A clause waits for so many seconds of audio before it."""
    return Backlog(seconds + 0.5 if left is None else left, seconds, 0.0, talking=False)


@pytest.mark.parametrize(
    ("backlog", "tempo"),
    [
        (NOTHING, 1.0),
        (Backlog(30.0, 0.0, 0.0, talking=False), 1.0),  # one long clause, and nothing behind it
        (Backlog(CLAUSE, 0.0, AT_HAND, talking=True), 1.0),  # he begins the next one: it will be in time
        (waits(EASY), 1.0),
        (waits((EASY + BUSY) / 2), 1.0 + (BRISK - 1.0) / 2),
        (waits(BUSY), BRISK),
        (waits(2.0), BRISK),
        (waits(2.0, FULL), BRISK),  # 1.15x, however late, up to 3 s
        (waits(2.0, (FULL + FASTEST) / 2), (BRISK + FAST) / 2),
        (waits(60.0), FAST),
        (Backlog(2.0, 0.0, 1.5, talking=True), FAST),  # what he said since counts
    ],
)
def test_the_tempo_for_a_backlog(backlog: Backlog, tempo: float) -> None:
    assert wanted_tempo(backlog) == pytest.approx(tempo)


@given(st.lists(backlogs), st.floats(1.0, FAST), st.booleans())
def test_it_stays_in_its_limits_and_glides(seen: list[Backlog], limit: float, starved: bool) -> None:
    tempo = Tempo(limit=limit, starved=starved)
    spoken = [tempo.now, *(tempo.step(backlog, PIECE) for backlog in seen)]
    seconds = PIECE / SAMPLE_RATE
    assert all(min(SLOW, 1.0) <= now <= limit for now in spoken)
    for before, after in pairwise(spoken):
        assert -SLOWER * seconds - 1e-9 <= after - before <= FASTER * seconds + 1e-9


@given(st.lists(backlogs))
def test_it_comes_back_to_exactly_one_when_nothing_waits(seen: list[Backlog]) -> None:
    tempo = Tempo()
    for backlog in seen:
        tempo.step(backlog, PIECE)
    for _ in range(round((FAST - 1.0) / SLOWER * SAMPLE_RATE / PIECE) + 1):
        tempo.step(NOTHING, PIECE)
    assert tempo.now == 1.0


def test_it_does_not_follow_every_breath() -> None:
    tempo = Tempo()
    tempo.begin(waits(0.25))
    assert {tempo.step(waits(0.25 + 0.02 * (-1) ** i), PIECE) for i in range(50)} == {tempo.now}


def test_behind_silence_it_begins_as_it_should_be() -> None:
    tempo = Tempo()
    assert tempo.begin(waits(1.0)) == BRISK
    assert tempo.begin(NOTHING) == 1.0


def test_a_synthesizer_that_is_slower_than_speech_is_not_hurried() -> None:
    assert Tempo(starved=True).begin(waits(10.0)) == SLOW
    assert Tempo(limit=1.0, starved=True).begin(waits(10.0)) == 1.0
