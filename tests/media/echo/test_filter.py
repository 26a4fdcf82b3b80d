"""Filters of echoes: one that knows the way from a loudspeaker lends it to another source that it plays."""

from __future__ import annotations

import numpy as np
import pytest

from dragoman.media.echo.filter import AHEAD, FilterBank
from dragoman.media.echo.history import BLOCK, Audio, HistoryBank

ONE = np.array([0])


def way(seed: int) -> Audio:
    """300 samples of a room, from AHEAD on."""
    rng = np.random.default_rng(seed)
    taps = np.zeros(4 * BLOCK, np.float32)
    taps[AHEAD : AHEAD + 300] = 0.3 * rng.standard_normal(300) * 0.99 ** np.arange(300)
    return taps


def unforeseen(bank: FilterBank, slot: int, taps: Audio, rng: np.random.Generator) -> float:
    """Share of an echo over this way that a filter does not foresee."""
    history = HistoryBank(1)
    for _ in range(12):
        history.write(ONE, rng.integers(-3000, 3000, (1, 2 * BLOCK)).astype(np.int16))
    end = int(history.end[0])
    heard = history.read(ONE, np.array([end]), BLOCK + len(taps) - 1)[0]
    echo = np.convolve(heard, taps, "valid")
    left = echo - bank.predict(np.array([slot]), ONE, np.array([end]), history)[0]
    return float(np.square(left).sum() / np.square(echo).sum())


@pytest.mark.parametrize("late", [-7, 0, 12])
def test_a_source_that_the_same_loudspeaker_plays_begins_with_the_way_that_is_known(late: int) -> None:
    bank, taps, rng = FilterBank(2), way(1), np.random.default_rng(2)
    bank.begin(0, 0, taps)
    moved = np.roll(taps, late)  # its fit lies a little elsewhere, and is short
    assert bank.resemble(1, 0, moved[:96], 0)
    assert unforeseen(bank, 1, moved, rng) < 0.05
    alone = FilterBank(1)
    alone.begin(0, 0, moved[:96])
    assert unforeseen(alone, 0, moved, rng) > 0.2


def test_another_way_is_not_taken_for_it() -> None:
    bank = FilterBank(2)
    bank.begin(0, 0, way(1))
    assert not bank.resemble(1, 0, way(3)[:96], 0)
