"""Filters of echoes: what they rehearse; and one that knows the way lends it to what its loudspeaker plays too."""

from __future__ import annotations

import numpy as np
import pytest
from tests.media.echo.plain import PlainFilterBank

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


@pytest.mark.parametrize("later", [-60, 0, 60])
def test_what_a_filter_lacked_is_put_to_what_it_knew(later: int) -> None:
    """The one knows the loud half of a way; the other, made of what the first left, the rest, from elsewhere on."""
    bank, taps, rng = FilterBank(2), way(1), np.random.default_rng(2)
    loud, rest = np.where(np.arange(len(taps)) < 120, taps, 0), np.where(np.arange(len(taps)) < 120, 0, taps)
    ahead, behind = max(later, 0), max(-later, 0)
    bank.begin(0, -ahead, np.concatenate([np.zeros(ahead), loud]).astype(np.float32))
    known = bank.known(0)
    for slot in (0, 1):
        bank.begin(slot, -behind, np.concatenate([np.zeros(behind), rest]).astype(np.float32))
    assert unforeseen(bank, 1, taps, rng) > 0.3, "alone it is not the way"
    bank.add(0, known)
    assert unforeseen(bank, 0, taps, rng) < 0.001


@pytest.mark.parametrize(("shift", "blocks"), [(-AHEAD, 8), (-840, 24), (0, 24), (777, 24), (5080, 8), (5080, 24)])
def test_a_rehearsal_is_prediction_and_adaptation_block_by_block(shift: int, blocks: int) -> None:
    rng = np.random.default_rng(blocks + abs(shift))
    history = HistoryBank(2)
    for _ in range(80):
        history.write(np.array([0, 1]), rng.integers(-3000, 3000, (2, 2 * BLOCK)).astype(np.int16))
    end = int(history.end[1])
    said = history.read(np.array([1]), np.array([end]), blocks * BLOCK)[0]
    heard = history.read(ONE, np.array([end - shift]), blocks * BLOCK)[0]
    said += 0.5 * heard
    fast, plain = FilterBank(1), PlainFilterBank(1)
    for bank in (fast, plain):
        bank.begin(0, shift, way(5)[:96])
    assert fast.rehearse(0, 0, end, said, history) == pytest.approx(plain.rehearse(0, 0, end, said, history), rel=1e-4)
    for _ in range(3):  # and what it learnt is the same: it goes on alike
        history.write(np.array([0, 1]), rng.integers(-3000, 3000, (2, 2 * BLOCK)).astype(np.int16))
        end += BLOCK
        echoes = [bank.predict(ONE, ONE, np.array([end]), history) for bank in (fast, plain)]
        assert np.abs(echoes[0] - echoes[1]).max() < 1e-3 * np.abs(echoes[1]).max()
        for bank in (fast, plain):
            bank.adapt(ONE, np.full((1, BLOCK), 100, np.float32))


def test_a_rehearsal_ends_where_its_filter_is_condemned() -> None:
    rng = np.random.default_rng(6)
    history = HistoryBank(2)
    for _ in range(80):
        history.write(np.array([0, 1]), rng.integers(-3000, 3000, (2, 2 * BLOCK)).astype(np.int16))
    end = int(history.end[1])
    said = history.read(np.array([1]), np.array([end]), 24 * BLOCK)[0]
    bank = FilterBank(1)
    bank.begin(0, 0, way(7)[:96])
    whole = bank.rehearse(0, 0, end, said, history)
    assert whole > 0.8, "two noises are no echo of each other"
    bank.begin(0, 0, way(7)[:96])
    assert 0.3 < bank.rehearse(0, 0, end, said, history, 0.3) < 0.4


def test_what_a_filter_would_have_foreseen_is_what_it_foresees() -> None:
    """Block by block from now on, or all at once looking back: by one filter it is the same."""
    history, rng = HistoryBank(1), np.random.default_rng(6)
    for _ in range(40):
        history.write(ONE, rng.integers(-3000, 3000, (1, 2 * BLOCK)).astype(np.int16))
    bank, end = FilterBank(1), int(history.end[0])
    bank.begin(0, 3 * BLOCK + 17, way(1))
    back = bank.retrace(0, 0, end, 20, history)
    ends = np.arange(end - 19 * BLOCK, end + BLOCK, BLOCK)
    ahead = np.concatenate([bank.predict(ONE, ONE, np.array([at]), history) for at in ends])
    assert back.shape == (20, BLOCK)
    assert np.square(back - ahead).mean() < 1e-6 * np.square(ahead).mean()
