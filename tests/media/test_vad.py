from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest
from tests.media.speech import spoken

from dragoman.errors import EngineUnavailable
from dragoman.media import vad
from dragoman.media.format import Pcm
from dragoman.media.vad import EnergyVad, SileroVad, VadBank, open_vad


def windows(bank: VadBank, samples: Pcm) -> np.ndarray:
    """(windows, context + window) of a clip, preceded by silence."""
    padded = np.concatenate([np.zeros(bank.context, np.int16), samples])
    starts = range(0, len(samples) - bank.window + 1, bank.window)
    return np.stack([padded[start : start + bank.context + bank.window] for start in starts])


def run(bank: VadBank, samples: Pcm, row: int = 0) -> np.ndarray:
    return np.array([bank.probabilities(np.array([row]), window[None])[0] for window in windows(bank, samples)])


def noise(seconds: float, rms: float) -> Pcm:
    return (np.random.default_rng(5).standard_normal(round(seconds * 16000)) * rms).astype(np.int16)


@pytest.mark.parametrize("kind", ["silero", "energy"])
def test_speech_is_told_from_silence_and_steady_noise(kind) -> None:
    bank = open_vad(kind, 2)
    assert (run(bank, spoken()) > 0.5).mean() > 0.6
    bank.reset(np.array([0]))
    assert (run(bank, np.zeros(16000, np.int16)) < 0.35).all()
    bank.reset(np.array([0]))
    assert (run(bank, noise(6.0, 40.0))[-50:] < 0.35).all()


def test_a_batch_gives_each_leg_what_it_would_get_alone() -> None:
    one, many = SileroVad(3), SileroVad(3)
    first, second = spoken()[:16000], noise(1.0, 500.0)
    alone = [run(one, first, 0), run(one, second, 2)]
    batch = [
        many.probabilities(np.array([0, 2]), np.stack(pair))
        for pair in zip(windows(many, first), windows(many, second), strict=True)
    ]
    np.testing.assert_allclose(np.array(batch).T, np.stack(alone), atol=1e-3)


def test_a_reset_leg_has_forgotten_and_others_have_not() -> None:
    bank = SileroVad(2)
    fresh = run(bank, spoken(), 0)
    run(bank, spoken()[:5120], 1)
    bank.reset(np.array([0]))
    np.testing.assert_allclose(run(bank, spoken(), 0), fresh, atol=1e-4)
    assert np.abs(run(bank, spoken(), 1)[:3] - fresh[:3]).max() > 1e-3


def test_the_energy_vad_follows_a_rising_floor() -> None:
    bank = EnergyVad(1)
    assert (run(bank, noise(20.0, 200.0))[-50:] == 0).all()


def test_torch_is_not_imported_for_the_model() -> None:
    SileroVad(1)
    assert "silero_vad" not in sys.modules


def test_a_missing_model_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EngineUnavailable, match=r"requirements/no-deps\.txt"):
        vad.silero_model()


def test_none_is_none() -> None:
    assert open_vad("none", 1) is None
