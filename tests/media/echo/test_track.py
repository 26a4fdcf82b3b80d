"""The queue of frames that may be echo: each leaves once and in order, none waits longer than it may."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dragoman.media.echo.track import (
    HANGOVER,
    LINGER,
    LOOK_BACK,
    MOST_HELD,
    MOST_KNOWN,
    STRAY,
    STUDY_AT,
    Kind,
    Track,
)

KINDS = st.lists(st.sampled_from(list(Kind)), max_size=120)


@given(kinds=KINDS, known=st.booleans(), looks=st.sets(st.integers(0, 119)))
def test_every_frame_leaves_once_and_none_waits_too_long(kinds: list[Kind], known: bool, looks: set[int]) -> None:
    track = Track(known=known)
    out = 0
    for now, kind in enumerate(kinds, 1):
        out += sum(count for count, _ in track.add(kind, now))
        if now in looks:
            out += sum(count for count, _ in track.spoken())
        assert out + len(track.held) == now and len(track.held) <= (MOST_KNOWN if known else MOST_HELD)
    out += sum(count for count, _ in track.flush())
    assert out == len(kinds) and not track.held


@given(kinds=st.lists(st.just(Kind.ECHO), min_size=LOOK_BACK + 1, max_size=60))
def test_echo_alone_is_silenced_once_nobody_can_have_begun_to_speak(kinds: list[Kind]) -> None:
    track = Track(known=True)
    left = [change for now, kind in enumerate(kinds, 1) for change in track.add(kind, now)]
    assert left == [(1, False)] * (len(kinds) - LOOK_BACK)


@given(before=st.integers(0, 40), unsure=st.integers(STRAY, MOST_KNOWN - LOOK_BACK - 1))
def test_however_long_it_takes_to_be_sure_who_begins_to_speak_is_let_through_from_before_he_did(
    before: int, unsure: int
) -> None:
    track = Track(known=True)
    kinds = [Kind.ECHO] * before + [Kind.OPEN] * unsure
    left = [change for now, kind in enumerate(kinds, 1) for change in track.add(kind, now)]
    assert sum(count for count, _ in left) <= max(before + STRAY - 1 - LOOK_BACK, 0)
    assert not any(through for _, through in left)
    assert track.spoken() == [(len(kinds) - sum(count for count, _ in left) - 1, True)]


def test_what_waited_is_let_through_when_somebody_speaks_and_so_are_pauses_in_what_he_says() -> None:
    track = Track(known=True)
    for now in range(1, 6):
        assert track.add(Kind.ECHO, now) == []
    assert track.spoken() == [(4, True)]  # the newest waits for its echo's end
    for now in range(6, 5 + HANGOVER):
        assert track.add(Kind.ECHO, now) == [(1, True)]
    now = 5 + HANGOVER
    assert not any(through for _, through in track.add(Kind.ECHO, now)[1:])


@given(known=st.booleans())
def test_that_somebody_speaks_while_nothing_waits_makes_up_no_frame(known: bool) -> None:
    track = Track(known=known)
    assert track.spoken() == [] and not track.held
    out = sum(count for now in range(1, 6) for count, _ in track.add(Kind.OPEN, now))
    assert out + len(track.held) == 5


@given(known=st.booleans(), more=st.integers(0, HANGOVER - 1))
def test_one_more_echo_does_not_cut_off_who_speaks_and_a_first_one_does(known: bool, more: int) -> None:
    track = Track(known=known)
    track.add(Kind.OPEN, 1)
    track.spoken()
    for now in range(2, 2 + more):
        track.add(Kind.ECHO, now)
    before = track.near_until
    track.echoed([Kind.ECHO] * len(track.held))
    assert track.near_until == (min(before, track.now + LINGER) if known else 0)
    track.add(Kind.ECHO, track.now + LINGER)
    assert not track.near, "and it does not last"


@given(kinds=st.lists(st.sampled_from(list(Kind)), max_size=MOST_HELD), more=st.integers(0, HANGOVER - 1))
def test_who_spoke_before_an_echo_was_found_is_let_through_and_goes_on(kinds: list[Kind], more: int) -> None:
    track = Track(known=True, now=len(kinds))
    track.held.extend([Kind.OPEN] * len(kinds))
    assert track.spoken_over(kinds) == [(1, kind != Kind.ECHO) for kind in kinds] and not track.held
    out = [change for now in range(more) for change in track.add(Kind.ECHO, len(kinds) + 1 + now)]
    assert all(through for _, through in out) and sum(count for count, _ in out) == max(more - 1, 0)
    track.add(Kind.ECHO, track.near_until)
    assert not track.near, "and it does not last"


def test_who_is_doubted_waits_to_be_looked_at_and_is_let_through_after_it_or_when_it_takes_too_long() -> None:
    track = Track()
    track.add(Kind.OPEN, 1)
    track.spoken()
    track.doubt()
    assert not track.near
    assert not any(track.add(Kind.OPEN, now) for now in range(2, 2 + STUDY_AT)) and track.wants_study
    assert track.spoken() == [(STUDY_AT, True)]
    track.doubt()
    left = [change for now in range(10, 10 + MOST_HELD) for change in track.add(Kind.OPEN, now)]
    assert left == [(MOST_HELD, True)]
