"""Taking an echo out of what is let through: the voice stays, the echo goes, and without an echo nothing changes."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.media.echo.bands import BANDS, LEAST_GAIN
from dragoman.media.echo.clean import CleanBank
from dragoman.media.echo.history import BLOCK, Audio, HistoryBank
from dragoman.media.format import FRAME_SAMPLES, Pcm

ONE = np.zeros(1, np.int64)
FRAMES = 12


def narrow(rng: np.random.Generator, peak: float) -> Pcm:
    """Tones between 300 and 3000 Hz, FRAMES frames."""
    at = np.arange(FRAMES * FRAME_SAMPLES) / 16000
    tones = sum(np.sin(2 * np.pi * hz * at + phase) for hz, phase in rng.uniform((300, 0), (3000, 6), (5, 2)))
    return np.rint(peak / 5 * np.asarray(tones)).astype(np.int16)


def known(echo: Pcm, foreseen: float, gain: float = 1.0) -> tuple[CleanBank, int]:
    """A bank that expects this echo, of whose energy the filters foresee a share, and takes down what is left."""
    gains = np.full((1, BANDS + 1), gain, np.float32)
    history, bank = HistoryBank(1), CleanBank(1)
    history.open(0)
    bank.open(0)
    for frame in echo.reshape(-1, FRAME_SAMPLES):
        history.write(ONE, frame[None])
        block: Audio = history.read(ONE, history.end[ONE], BLOCK)
        energy = np.array([float(np.square(block).mean())], np.float32)
        bank.keep(ONE, history.end[ONE], block, energy, energy * np.float32(1 - foreseen), gains)
    return bank, int(history.end[0])


def within(first: int, frames: int) -> slice:
    """Frames of what is given to ``clean``: those that are wanted, one before them and one after."""
    return slice((first - 1) * FRAME_SAMPLES, (first + frames + 1) * FRAME_SAMPLES)


def inner(samples: Pcm) -> Pcm:
    """Of those, what comes back."""
    return samples[FRAME_SAMPLES:-FRAME_SAMPLES]


@given(seed=st.integers(0, 2**32 - 1), frames=st.integers(1, 6))
@settings(max_examples=25, deadline=None)
def test_a_known_echo_is_gone_and_the_voice_over_it_stays(seed: int, frames: int) -> None:
    rng = np.random.default_rng(seed)
    echo, voice = narrow(rng, 4000), narrow(rng, 4000)
    bank, end = known(echo, 0.9)
    part = within(FRAMES - 2 - frames, frames)  # the newest frame is not done
    out = bank.clean(0, end - BLOCK, echo[part] + voice[part]).astype(np.float64)
    wrong = np.square(out - inner(voice[part])).mean()
    assert len(out) == frames * FRAME_SAMPLES
    assert wrong < 0.02 * np.square(echo[part].astype(np.float64)).mean()


@given(seed=st.integers(0, 2**32 - 1), frames=st.integers(1, 6), gain=st.sampled_from([LEAST_GAIN, 0.3]))
@settings(max_examples=25, deadline=None)
def test_what_is_left_is_taken_down_by_the_gain_of_its_bands(seed: int, frames: int, gain: float) -> None:
    rng = np.random.default_rng(seed)
    bank, end = known(narrow(rng, 4000), 0.0, gain)  # not trusted: nothing is subtracted
    said = narrow(rng, 9000)[within(FRAMES - 1 - frames, frames)]
    out = bank.clean(0, end, said).astype(np.float64)
    assert np.allclose(out, gain * inner(said), atol=20)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_filters_that_do_not_help_are_not_trusted(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bank, end = known(narrow(rng, 4000), 0.0)
    said = narrow(rng, 9000)[within(4, 2)]
    assert np.abs(bank.clean(0, end - BLOCK, said) - inner(said)).max() <= 1


def test_without_an_echo_audio_stays_as_it_came() -> None:
    bank = CleanBank(1)
    bank.open(0)
    said = narrow(np.random.default_rng(1), 9000)
    assert np.array_equal(bank.clean(0, 40 * BLOCK, said), inner(said))


def test_a_leg_that_begins_anew_knows_no_echo() -> None:
    echo = narrow(np.random.default_rng(2), 4000)
    bank, end = known(echo, 0.9)
    bank.open(0)
    assert np.array_equal(bank.clean(0, end - BLOCK, echo[within(4, 2)]), inner(echo[within(4, 2)]))


def test_it_never_wraps_around_at_full_scale() -> None:
    echo = narrow(np.random.default_rng(3), 30000)
    bank, end = known(echo, 0.9)
    loud = np.full(3 * FRAME_SAMPLES, 32767, np.int16)
    out = bank.clean(0, end - BLOCK, loud)
    assert out.dtype == np.int16 and len(out) == FRAME_SAMPLES and out.min() > -32000
