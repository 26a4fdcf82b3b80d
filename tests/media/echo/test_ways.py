"""Which ways of echoes are followed: found, believed, found again at one delay, and forgotten with their source."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.media.echo.bands import BandBank
from dragoman.media.echo.filter import AHEAD, PARTITIONS
from dragoman.media.echo.history import BLOCK, KEPT, Audio, HistoryBank
from dragoman.media.echo.leg import EchoLeg
from dragoman.media.echo.search import STRETCH, TAPS
from dragoman.media.echo.ways import REHEARSED, SLOTS, Ways

LEGS = 2
BOOTH = LEGS
DELAY = 5 * BLOCK


class House:
    """Two legs and a booth that all sounded for a second; the first leg sends back what ``source`` said."""

    def __init__(self, source: int, gain: float = 0.5, blocks: int = 50) -> None:
        rng = np.random.default_rng(4)
        self.history = HistoryBank(LEGS + 1)
        sounds = rng.integers(-3000, 3000, (LEGS + 1, blocks * 2 * BLOCK)).astype(np.float32)
        late = np.concatenate([np.zeros(2 * DELAY, np.float32), sounds[source]])[: sounds.shape[1]]
        sounds[0] = gain * late
        for at in range(0, sounds.shape[1], 2 * BLOCK):
            self.history.write(np.arange(LEGS + 1), sounds[:, at : at + 2 * BLOCK])
        self.bands = BandBank(LEGS)
        self.ways = Ways(self.history, self.bands, LEGS)
        self.leg = EchoLeg("a")
        self.end = int(self.history.end[0])

    def follow(self, source: int, shift: int, tick: int = 100, *, anew: bool = False) -> int | None:
        taps = np.zeros(TAPS, np.float32)
        taps[AHEAD] = 0.5
        return self.ways.follow(0, self.leg, source, shift, taps, self.said(), anew, tick)

    def left(self, slot: int, said: Audio) -> Audio:
        """What the slot's filter makes of this stretch, taken away, block by block; nothing is learnt."""
        out = said.reshape(-1, BLOCK).copy()
        self.ways.filters._at[slot] = -1
        for block, error in enumerate(out):
            at = np.array([self.end - len(said) + (block + 1) * BLOCK])
            one = np.array([slot])
            error -= self.ways.filters.predict(one, self.ways.source_of[one], at, self.history)[0]
        return out.reshape(-1)

    def said(self) -> Audio:
        return self.history.read(np.array([0]), np.array([self.end]), REHEARSED)[0]


def test_an_echo_that_a_filter_foresees_is_followed_from_the_first_find_on() -> None:
    house = House(BOOTH)
    assert house.follow(BOOTH, DELAY - AHEAD) == DELAY - AHEAD
    assert house.ways.of(house.leg, BOOTH) == house.leg.slots == [0]
    assert house.leg.track.known and house.leg.learning
    assert house.ways.followed(house.leg, BOOTH, DELAY - AHEAD + AHEAD // 2)
    assert not house.ways.followed(house.leg, BOOTH, DELAY)
    assert not house.ways.followed(house.leg, 1, DELAY - AHEAD)


def test_what_no_filter_foresees_is_not() -> None:
    house = House(BOOTH)
    assert house.follow(1, DELAY - AHEAD) is None
    assert house.leg.slots == [] and not house.leg.track.known


def test_a_source_that_is_gone_is_forgotten_and_no_other() -> None:
    house = House(BOOTH)
    house.follow(BOOTH, DELAY - AHEAD)
    house.ways.forget(house.leg, 1)
    assert house.leg.slots == [0]
    house.ways.forget(house.leg, BOOTH)
    assert house.leg.slots == []


def test_a_leg_follows_so_many_and_no_more() -> None:
    house = House(BOOTH)
    for number in range(SLOTS + 2):
        house.follow(BOOTH, DELAY - AHEAD + 8 * BLOCK * number)
    assert sorted(house.leg.slots) == list(range(SLOTS))


def test_what_a_filter_leaves_of_its_own_source_is_what_it_lacks() -> None:
    """It is put to what the filter knew: a filter of the rest alone would let through what was taken away before."""
    house = House(BOOTH)
    taps, said = np.zeros(TAPS, np.float32), house.said()[-STRETCH:]
    house.follow(BOOTH, DELAY - AHEAD)
    taps[AHEAD] = 0.3  # of the 0.5 that come back
    house.ways.filters.begin(0, DELAY - AHEAD, taps)
    left = house.left(0, said)
    assert np.dot(left, left) > 0.1 * np.dot(said, said)
    taps[AHEAD] = 0.2
    house.ways.follow(0, house.leg, BOOTH, DELAY - AHEAD, taps, left, False, 101)
    assert house.leg.slots == [0]
    left = house.left(0, said)
    assert np.dot(left, left) < 0.02 * np.dot(said, said)


def test_the_way_that_is_left_for_another_is_the_one_that_takes_least_away() -> None:
    """Not the one found first: that may be a neighbour's voice through the air."""
    house = House(BOOTH)
    for number in range(SLOTS):
        house.follow(BOOTH, DELAY - AHEAD + 8 * BLOCK * number)
    slots, echoes = np.arange(SLOTS), _noise(SLOTS)
    left = np.zeros_like(echoes)
    left[1] = -0.5 * echoes[1]  # of what it makes half is not there, and it takes nothing away
    for _ in range(600):
        assert house.ways.harmful(slots, echoes, left, _energy(echoes)) == []
    house.follow(BOOTH, DELAY - AHEAD + 8 * BLOCK * SLOTS)
    assert house.leg.slots == [0, 2, 1]
    assert house.ways.filters.shift[1] == DELAY - AHEAD + 8 * BLOCK * SLOTS


def test_a_filter_that_adds_to_what_is_said_is_told_and_the_worst_first() -> None:
    ways, slots, echoes = House(BOOTH).ways, np.arange(3), _noise(3)
    said = np.stack(
        [echoes[0], _noise(1, 7)[0], 0.5 * _noise(1, 8)[0]]
    )  # the first makes it, the others what never was
    for _ in range(50):
        told = ways.harmful(slots, echoes, said - echoes, _energy(said))
    assert told == [2, 1], "against so much less that is said the last one adds most"


@given(st.integers(0, 2**32 - 1), st.floats(-20.0, 30.0))
@settings(max_examples=25, deadline=None)
def test_a_filter_that_is_right_is_never_told_however_loud_somebody_talks_over_it(seed: int, over_db: float) -> None:
    """Its echo is all there is of a booth, and the voice over it is no echo."""
    house, rng = House(BOOTH), np.random.default_rng(seed)
    house.follow(BOOTH, DELAY - AHEAD)
    ways = house.ways
    for _ in range(60):
        echo = rng.integers(-1000, 1001, (1, BLOCK)).astype(np.float32)
        voice = rng.integers(-1000, 1001, (1, BLOCK)).astype(np.float32) * np.float32(10 ** (over_db / 20))
        assert ways.harmful(np.array([0]), echo, voice, _energy(echo + voice)) == []


def _noise(rows: int, seed: int = 5) -> Audio:
    return np.random.default_rng(seed).integers(-3000, 3000, (rows, BLOCK)).astype(np.float32)


def _energy(frames: Audio) -> Audio:
    return np.asarray(np.square(frames).sum(axis=1), np.float32)


def test_a_new_way_is_not_judged_by_what_was_left_without_it() -> None:
    house = House(BOOTH)
    house.follow(BOOTH, DELAY - AHEAD)
    house.bands.score[0] = 2.0
    house.follow(BOOTH, DELAY - AHEAD)
    assert house.bands.score[0] == 0


@pytest.mark.parametrize(("gain", "wins"), [(2.0, True), (0.5, False)])
def test_of_two_that_hear_one_voice_at_once_the_louder_wins(gain: float, wins: bool) -> None:
    house = House(1, gain)
    house.follow(1, DELAY - AHEAD)
    assert house.ways.wins(0, 0, house.end) == wins


def test_nobody_wins_over_a_booth() -> None:
    house = House(BOOTH, 2.0)
    house.follow(BOOTH, DELAY - AHEAD)
    assert not house.ways.wins(0, 0, house.end) and house.history.energy(0, house.end, STRETCH) > 0


def test_looking_back_finds_the_echo_of_all_that_is_followed() -> None:
    house = House(BOOTH, blocks=100)
    house.follow(BOOTH, DELAY - AHEAD)
    echo = house.ways.retrace(house.leg, house.end, 10)
    said = house.history.read(np.array([0]), np.array([house.end]), 10 * BLOCK)[0].reshape(10, BLOCK)
    assert np.square(said - echo).sum() < 0.05 * np.square(said).sum()
    most = house.ways.blocks_back(0, house.leg)
    assert most == KEPT // BLOCK - PARTITIONS - DELAY // BLOCK
    whole = house.history.read(np.array([0]), np.array([house.end]), most * BLOCK)[0].reshape(most, BLOCK)
    left = np.square(whole - house.ways.retrace(house.leg, house.end, most)).sum(axis=1)
    assert np.all(left < 0.2 * np.square(whole).sum(axis=1)), "the first block as well"
    house.ways.forget(house.leg, BOOTH)
    assert not house.ways.retrace(house.leg, house.end, 10).any()
