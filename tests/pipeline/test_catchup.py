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
    FASTEST,
    LONG,
    MUCH,
    READY,
    SHORTEST,
    SLOW,
    SLOWER,
    STILL,
    UNHEARD,
    Backlog,
    Tempo,
    most_for,
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


@given(st.lists(backlogs), st.floats(1.0, FASTEST), st.booleans())
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
    for _ in range(round((FASTEST - 1.0) / SLOWER * SAMPLE_RATE / PIECE) + 1):
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


def for_long(tempo: Tempo, backlog: Backlog, seconds: float = 5 * LONG) -> list[float]:
    """The tempos of so many seconds of speech with this backlog."""
    return [tempo.step(backlog, PIECE) for _ in range(round(seconds * SAMPLE_RATE / PIECE))]


def test_only_who_has_much_left_for_long_is_spoken_faster_than_fast() -> None:
    low, high = MUCH
    tempo = Tempo()
    tempo.begin(waits(high + 1.0))
    assert max(for_long(tempo, waits(high + 1.0), LONG / 4)) <= FAST  # one long clause, or two
    assert for_long(tempo, waits(high + 1.0))[-1] == pytest.approx(FASTEST, abs=STILL)
    assert for_long(Tempo(), waits(low - 0.5))[-1] == pytest.approx(FAST, abs=STILL)  # waits, but no more than this
    assert max(for_long(Tempo(), waits(low - 0.5))) <= FAST
    assert max(for_long(Tempo(), Backlog(60.0, 0.0, 0.0, talking=False))) == 1.0  # he has stopped: no need at all
    assert 1.2 - STILL < max(for_long(Tempo(limit=1.2), waits(60.0))) <= 1.2


def test_behind_silence_no_more_was_left_than_is_now() -> None:
    tempo = Tempo()
    for_long(tempo, waits(MUCH[1] + 1.0))
    assert tempo.begin(waits(MUCH[0] - 0.5)) == FAST


@given(seconds, seconds)
def test_the_more_was_left_the_faster_it_may_be(one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert FAST <= most_for(less) <= most_for(more) <= FASTEST
    assert most_for(MUCH[0]) == FAST and most_for(MUCH[1]) == FASTEST
