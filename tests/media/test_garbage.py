"""Garbage is looked for behind every so many ticks once the daemon runs, and by Python itself before and after that."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from dragoman.media.garbage import FULL, MIDDLE, YOUNG, GarbageTurns, freeze_garbage
from dragoman.media.plane import MediaConfig, MediaPlane


class Loop:
    """Garbage: it holds itself."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    yield
    gc.enable()
    gc.unfreeze()


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The generations that were looked at."""
    seen: list[int] = []
    monkeypatch.setattr(gc, "collect", lambda generation=2: seen.append(generation))
    return seen


def test_nothing_is_looked_at_while_python_does_it_itself(looks: list[int]) -> None:
    turns = GarbageTurns()
    for _ in range(FULL):
        turns.turn(legs=True)
    assert looks == []


def test_the_older_what_lives_the_more_seldom_it_is_looked_at(looks: list[int]) -> None:
    freeze_garbage()
    looks.clear()
    turns = GarbageTurns()
    for _ in range(2 * FULL):
        turns.turn(legs=True)
    assert len(looks) == 2 * FULL // YOUNG
    assert looks.count(2) == 2
    assert looks.count(1) == 2 * FULL // MIDDLE - 2
    assert looks[-1] == 2


def test_a_cycle_made_meanwhile_is_freed_by_a_turn() -> None:
    freeze_garbage()
    kept = weakref.ref(Loop())
    assert kept() is not None, "Python must not look by itself"
    turns = GarbageTurns()
    for _ in range(YOUNG):
        turns.turn(legs=True)
    assert kept() is None


def test_when_the_last_leg_left_all_is_looked_at_once_and_again_after_the_next_ones(looks: list[int]) -> None:
    freeze_garbage()
    looks.clear()
    turns = GarbageTurns()
    for here in (False, True, False, True, False):
        for _ in range(3 * YOUNG):
            turns.turn(legs=here)
    assert [i for i, generation in enumerate(looks) if generation == 2] == [6, 12]


def test_who_came_and_left_between_two_looks_was_here(looks: list[int]) -> None:
    freeze_garbage()
    looks.clear()
    turns = GarbageTurns()
    turns.turn(legs=True)
    for _ in range(YOUNG):
        turns.turn(legs=False)
    assert looks == [2]


async def test_python_looks_by_itself_again_when_the_plane_closed() -> None:
    plane = MediaPlane(MediaConfig(vad="none", max_legs=1, max_streams=1))
    await plane.start()
    freeze_garbage()
    assert not gc.isenabled()
    await plane.close()
    assert gc.isenabled()
    await plane.close()
