"""What it takes to believe a leg's first echo: being foreseen, or two finds at one delay in audio of their own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dragoman.media.echo.history import BLOCK
from dragoman.media.echo.leg import FLOOR, HARDLY, LOUDER, SAME, UNFORESEEN, EchoLeg, share
from dragoman.media.echo.search import STRETCH
from dragoman.media.echo.track import MOST_HELD, STUDY_AT, Kind

APART = STRETCH // BLOCK


@given(left=st.floats(0, UNFORESEEN))
def test_what_a_filter_foresees_is_an_echo_at_once(left: float) -> None:
    assert EchoLeg("a").believes(left, 3, 800, 100)


@given(
    left=st.floats(UNFORESEEN, 2, exclude_min=True),
    moved=st.integers(-3 * SAME, 3 * SAME),
    later=st.integers(0, 3 * APART),
    source=st.sampled_from([3, 4]),
)
def test_else_it_is_found_twice_at_one_delay_in_audio_of_its_own(
    left: float, moved: int, later: int, source: int
) -> None:
    leg = EchoLeg("a")
    assert not leg.believes(left, 3, 800, 100)
    again = leg.believes(left, source, 800 + moved, 100 + later)
    assert again == (source == 3 and abs(moved) <= SAME and later >= APART and left <= HARDLY)


def test_the_first_find_may_be_talked_over() -> None:
    leg = EchoLeg("a")
    assert [leg.believes(1.0, 3, 800, 100), leg.believes(HARDLY, 3, 800, 125)] == [False, True]


def test_a_second_look_at_the_same_audio_does_not_put_off_the_next() -> None:
    leg = EchoLeg("a")
    assert [leg.believes(0.5, 3, 800, tick) for tick in (100, 104, 108)] == [False, False, True]


@given(frames=st.lists(st.floats(1, 1e4), min_size=APART, max_size=APART), factor=st.floats(0, 100))
def test_a_frame_is_another_sound_where_it_is_much_louder_than_what_a_look_had_of_the_last_one(
    frames: list[float], factor: float
) -> None:
    leg = EchoLeg("a")
    assert not leg.outgrows(1e12), "nothing was looked at"
    leg.look_at(np.repeat(np.sqrt(np.array(frames, np.float32)), BLOCK))
    least = sorted(frames)[-STUDY_AT] * BLOCK
    assume(abs(factor - LOUDER) > 0.01)
    assert leg.outgrows(factor * least) == (factor > LOUDER and factor * least > LOUDER * FLOOR * BLOCK)


def test_of_what_is_explained_the_noise_is_no_part_unless_it_would_be_most_of_all() -> None:
    whole, rest = np.full(STRETCH, 10.0, np.float32), np.full(STRETCH, 6.0, np.float32)
    assert share(whole, rest, 0.0) == pytest.approx(1 - 0.36)
    assert share(whole, rest, 20.0 * STRETCH) == pytest.approx(1 - 0.2)
    assert share(whole, rest, 40.0 * STRETCH) == 1
    assert share(whole, rest, 90.0 * STRETCH) == share(whole, rest, 0.0)
    assert share(np.zeros(STRETCH, np.float32), np.zeros(STRETCH, np.float32), 1.0) == 0


@given(
    voice=st.integers(0, 8),
    quiet=st.integers(0, 2),
    echo=st.integers(0, 4),
    above=st.floats(0, 100),
    after=st.booleans(),
)
def test_who_spoke_before_an_echo_is_a_voice_that_begins_what_waits_and_that_it_does_not_explain(
    voice: int, quiet: int, echo: int, above: float, after: bool
) -> None:
    kinds = ([Kind.QUIET] * quiet + [Kind.OPEN] * voice + [Kind.ECHO] * echo + [Kind.OPEN] * (after and echo > 0) * 4)[
        -APART:
    ]
    noise = 2 * FLOOR
    energies = [noise * above if kind == Kind.OPEN else 0.0 for kind in [Kind.QUIET] * (APART - len(kinds)) + kinds]
    rest = np.repeat(np.sqrt(np.array(energies, np.float32)), BLOCK)
    before = kinds[: kinds.index(Kind.ECHO)] if Kind.ECHO in kinds else kinds
    assume(abs(above - LOUDER) > 0.01)
    spoke = before.count(Kind.OPEN) >= STUDY_AT and above > LOUDER
    assert EchoLeg("a").spoke_before(kinds, rest, noise) == spoke


def test_a_second_find_is_expected_as_long_as_frames_may_wait_for_it() -> None:
    leg = EchoLeg("a")
    assert not leg.expects(100)
    leg.believes(0.5, 3, 800, 100)
    assert leg.expects(100 + MOST_HELD - 1) and not leg.expects(100 + MOST_HELD)
    leg.slots = [0]
    assert not leg.expects(101), "it is followed"
