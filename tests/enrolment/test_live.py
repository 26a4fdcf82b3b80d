"""Learning a voice in the call: what becomes a clip, and when a profile is made of it."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dragoman.enrolment.live import ENOUGH_S, FIRST_S, LEAST_S, MOST_S, LiveLearning
from dragoman.media.format import SAMPLE_RATE


def speak(live: LiveLearning, *seconds: float) -> None:
    at = 0
    for each in seconds:
        live.heard(at, at + round(each * SAMPLE_RATE))
        at += round((each + 1) * SAMPLE_RATE)


def test_the_first_profile_comes_after_some_seconds_and_later_ones_at_twice_as_much() -> None:
    live = LiveLearning()
    speak(live, 3.0, 1.0, 2.5)
    assert live.due() == (), "1 s is no clip, 5.5 s are too little"
    speak(live, 3.0)
    assert [stretch.seconds for stretch in live.due()] == [3.0, 2.5, 3.0]
    speak(live, 10.0)
    assert live.due() == (), "one making at a time"
    live.made(3)
    assert (live.learnt_s, live.versions) == (8.5, 1)
    assert len(live.due()) == 1
    live.made(1)
    speak(live, 10.0)
    assert live.due() == ()
    speak(live, 10.0)
    assert len(live.due()) == 2


def test_bad_clips_are_counted_and_not_learnt() -> None:
    live = LiveLearning()
    speak(live, 6.0)
    assert live.due()
    live.failed()
    assert (live.learnt_s, live.versions, live.rejected) == (0.0, 0, 1)
    speak(live, 6.0)
    assert live.due(), "the next good one makes the first profile"


def test_a_long_utterance_is_several_clips() -> None:
    live = LiveLearning()
    speak(live, 30.0)
    assert [stretch.seconds for stretch in live.due()] == [10.0, 10.0, 10.0]


@given(st.lists(st.tuples(st.floats(0, 40), st.booleans()), max_size=60))
def test_whatever_is_said_it_ends_and_no_stretch_is_used_twice(said: list[tuple[float, bool]]) -> None:
    live, at, used = LiveLearning(), 0, []
    for seconds, good in said:
        end = at + round(seconds * SAMPLE_RATE)
        live.heard(at, end)
        at = end
        due = live.due()
        assert all(LEAST_S <= stretch.seconds <= MOST_S for stretch in due)
        assert not due or live.versions or sum(stretch.seconds for stretch in due) >= FIRST_S
        used += due
        if due:
            live.made(len(due) if good else 0)
    assert all(one.end <= other.start for one, other in pairwise(used))
    assert live.learnt_s < ENOUGH_S + MOST_S
