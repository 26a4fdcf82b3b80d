"""Pins how fast a chain speaks: never faster for nothing, never beyond its limits, and smoothly."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.media.format import SAMPLE_RATE, ms_to_samples
from dragoman.pipeline.catchup import (
    BUSY,
    EASY,
    FAST,
    FASTER,
    READY,
    SHORTEST,
    SLOW,
    SLOWER,
    UNHEARD,
    Backlog,
    Tempo,
    wanted_tempo,
)

PIECE = ms_to_samples(160)
NOTHING = Backlog(0.0, 0.0, 0.0, talking=False)
seconds = st.floats(0, 60)
backlogs = st.builds(Backlog, seconds, seconds, seconds, st.booleans(), seconds)


def waits(seconds: float) -> Backlog:
    """A clause waits for so many seconds of audio before it."""
    return Backlog(seconds + 0.5, seconds, 0.0, talking=False)


def talks(left: float, heard: float = 0.0, said: float | None = None) -> Backlog:
    """So much is left of what sounds, while the speaker has talked on for so long."""
    return Backlog(left, 0.0, said or 0.0, said is not None, heard)


@pytest.mark.parametrize(
    ("backlog", "tempo"),
    [
        (NOTHING, 1.0),
        (Backlog(30.0, 0.0, 0.0, talking=False), 1.0),  # one long clause, and nothing behind it
        (talks(SHORTEST + READY - 0.2, heard=0.2), 1.0),  # he begins the next one: it will be in time
        (talks(1.2 * (SHORTEST + READY - 0.2), heard=0.2), 1.2),
        (talks(3.2, heard=0.5), FAST),  # nine words sound, and he goes on
        (talks(1.1 * READY, heard=9.0), 1.1),  # a long clause may end at any moment
        (talks(1.1 * READY, said=9.0), 1.1),  # the same, as its words tell
        (talks(SHORTEST + READY - UNHEARD, said=0.0), 1.0),
        (waits(EASY), 1.0),
        (waits((EASY + BUSY) / 2), (1.0 + FAST) / 2),
        (waits(BUSY), FAST),
        (waits(60.0), FAST),
    ],
)
def test_the_tempo_for_a_backlog(backlog: Backlog, tempo: float) -> None:
    assert wanted_tempo(backlog) == pytest.approx(tempo)


@given(seconds)
def test_who_has_stopped_is_not_hurried(left: float) -> None:
    assert wanted_tempo(Backlog(left, 0.0, 0.0, talking=False)) == 1.0


@given(st.floats(0, 60), st.floats(0.001, 60))
def test_as_fast_as_the_next_clause_needs_and_no_faster(left: float, heard: float) -> None:
    backlog = talks(left, heard)
    tempo = wanted_tempo(backlog)
    if tempo < FAST:
        assert left / tempo <= backlog.due + 1e-9
    if tempo > 1.0:
        assert left / tempo >= backlog.due - 1e-9


@given(backlogs, seconds)
def test_the_later_the_faster(backlog: Backlog, more: float) -> None:
    for worse in (
        replace(backlog, left=backlog.left + more),
        replace(backlog, ahead=backlog.ahead + more),
        replace(backlog, heard=backlog.heard + more),
    ):
        assert wanted_tempo(worse) >= wanted_tempo(backlog)


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
    assert {tempo.step(waits(0.25 + 0.01 * (-1) ** i), PIECE) for i in range(50)} == {tempo.now}


def test_behind_silence_it_begins_as_it_should_be() -> None:
    tempo = Tempo()
    assert tempo.begin(waits(1.0)) == FAST
    assert tempo.begin(NOTHING) == 1.0


def test_a_synthesizer_that_is_slower_than_speech_is_not_hurried() -> None:
    assert Tempo(starved=True).begin(waits(10.0)) == SLOW
    assert Tempo(limit=1.0, starved=True).begin(waits(10.0)) == 1.0
