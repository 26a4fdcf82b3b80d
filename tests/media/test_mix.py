from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.media.format import FRAME_SAMPLES, Pcm
from dragoman.media.mix import FLOOR_MAX_LAG, KNEE, FloorMixer, gain, limit
from dragoman.media.ring import RING_SAMPLES, RingBank


class Floor:
    def __init__(self, legs: int = 4, booths: int = 3) -> None:
        self.ring = RingBank(legs)
        self.mixer = FloorMixer(self.ring, legs)
        self.booths = booths

    def step(self, *said: tuple[int, Pcm]) -> np.ndarray:
        for row, samples in said:
            self.ring.extend(row, samples)
        mix = np.zeros((self.booths, FRAME_SAMPLES), np.float32)
        self.mixer.step(mix)
        return mix


def rows(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


def steady(value: int) -> Pcm:
    return np.full(FRAME_SAMPLES, value, np.int16)


def test_each_booth_hears_the_weighted_sum_of_its_legs() -> None:
    floor = Floor()
    floor.mixer.set(0, rows(0, 1), 0.5)
    floor.mixer.set(2, rows(1, 3), 0.25)
    for _ in range(3):
        mix = floor.step((0, steady(100)), (1, steady(1000)), (2, steady(5000)), (3, steady(40)))
    assert (mix[0] == 550).all()
    assert (mix[1] == 0).all()
    assert (mix[2] == 260).all()


def test_the_floor_is_one_frame_behind_and_tears_nowhere() -> None:
    floor = Floor()
    floor.mixer.set(0, rows(0), 1.0)
    said = np.arange(1, 30 * FRAME_SAMPLES + 1).astype(np.int16)
    frames = said.reshape(-1, FRAME_SAMPLES)
    bursts = [2, 1, 0, 2, 1, 1, 0, 2, 0, 2, 1, 1, 1, 0, 1, 1]  # one may come a tick late, and then two at once
    heard, at = [], 0
    for count in bursts:
        heard.append(floor.step(*((0, frame) for frame in frames[at : at + count]))[0])
        at += count
    assert (np.concatenate(heard[1:]) == said[FRAME_SAMPLES : (len(bursts)) * FRAME_SAMPLES]).all()
    assert at * FRAME_SAMPLES - len(bursts) * FRAME_SAMPLES <= FLOOR_MAX_LAG


def test_a_floor_that_fell_behind_jumps_ahead_without_an_edge() -> None:
    floor = Floor()
    floor.mixer.set(0, rows(0), 1.0)
    floor.step((0, steady(500)), (0, steady(500)))
    floor.step((0, np.full(10 * FRAME_SAMPLES, 900, np.int16)))
    mix = floor.step()
    assert (np.abs(np.diff(mix[0])) <= 2).all()
    assert floor.ring.end[0] - floor.mixer._cursor[0] <= FLOOR_MAX_LAG


def test_a_leg_that_pauses_is_silent_and_goes_on() -> None:
    floor = Floor()
    floor.mixer.set(0, rows(0), 1.0)
    floor.step((0, steady(1)), (0, steady(2)))
    assert [floor.step()[0, 0], floor.step()[0, 0], floor.step((0, steady(3)))[0, 0]] == [2, 0, 3]


def test_a_change_is_faded_over_one_frame() -> None:
    floor = Floor()
    floor.mixer.set(0, rows(0), 1.0)
    said = (0, steady(8000)), (1, steady(8000))
    for _ in range(3):
        floor.step(*said)
    floor.mixer.set(0, rows(1), 0.5)
    changes = np.concatenate([floor.step(*said)[0] for _ in range(3)])
    assert changes[0] == 8000
    assert changes[-1] == 4000
    assert np.abs(np.diff(changes)).max() < 100


def test_a_floor_that_ends_fades_and_is_gone() -> None:
    floor = Floor()
    floor.mixer.set(0, rows(0), 1.0)
    for _ in range(3):
        floor.step((0, steady(8000)))
    floor.mixer.set(0, rows(), 1.0)
    fading, gone = floor.step((0, steady(8000)))[0], floor.step((0, steady(8000)))[0]
    assert fading[0] == 8000 and (np.diff(fading) < 0).all()
    assert not gone.any()


def test_a_row_given_to_another_leg_starts_its_floor_anew() -> None:
    floor = Floor()
    floor.mixer.set(0, rows(0), 1.0)
    floor.step((0, np.full(50 * FRAME_SAMPLES, 8000, np.int16)))
    floor.mixer.remove_leg(0)
    floor.ring.open(0)
    floor.mixer.set(0, rows(0), 1.0)
    assert not floor.step((0, steady(3)))[0].any()
    floor.step((0, steady(3)))
    assert (floor.step((0, steady(3)))[0] == 3).all()


def test_one_big_room_and_many_small_ones_sum_alike() -> None:
    floor = Floor(legs=40, booths=2)
    floor.mixer.set(0, rows(*range(40)), 0.5)
    floor.mixer.set(1, rows(*range(20, 40)), 2.0)
    for _ in range(3):
        mix = floor.step(*((leg, steady(leg + 1)) for leg in range(40)))
    assert np.allclose(mix[0], 0.5 * sum(range(1, 41))) and np.allclose(mix[1], 2.0 * sum(range(21, 41)))


def test_a_removed_leg_or_booth_is_silent_at_once() -> None:
    floor = Floor()
    floor.mixer.set(0, rows(0, 1), 1.0)
    floor.mixer.set(1, rows(1), 1.0)
    said = (0, steady(10)), (1, steady(100))
    for _ in range(3):
        floor.step(*said)
    floor.mixer.remove_leg(1)
    floor.mixer.remove_booth(5)
    mix = floor.step(*said)
    assert (mix[0] == 10).all() and (mix[1] == 0).all()
    floor.mixer.remove_booth(0)
    assert not floor.step(*said).any()


def test_it_goes_on_across_the_end_of_the_ring() -> None:
    floor = Floor()
    floor.mixer.set(0, rows(0), 1.0)
    floor.ring.silence(0, RING_SAMPLES - 100)  # off the frame grid
    heard = [floor.step((0, steady(7)))[0] for _ in range(6)]
    assert (np.concatenate(heard[3:]) == 7).all()


def test_gain_is_in_decibels() -> None:
    assert gain(-18.0) == pytest.approx(0.1259, abs=1e-4)


@given(st.lists(st.floats(-200_000, 200_000, width=32), max_size=50))
def test_the_limiter_stays_in_range_and_in_order(values: list[float]) -> None:
    mix = np.sort(np.array(values, np.float32))
    limited = limit(mix[None].copy())[0].astype(int)
    assert (np.diff(limited) >= 0).all()
    assert (np.sign(limited) * np.sign(np.rint(mix)) >= 0).all()
    below = np.abs(mix) <= KNEE
    assert (limited[below] == np.rint(mix[below])).all()
