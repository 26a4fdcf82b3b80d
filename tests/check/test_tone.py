from __future__ import annotations

import numpy as np
import pytest

from dragoman.check.tone import PURITY, purity, tone_frame
from dragoman.media.codec import G722Decoder, G722Encoder

TONE = np.concatenate([tone_frame()] * 25)


def test_the_tone_is_pure_also_through_g722() -> None:
    encoder, decoder = G722Encoder(), G722Decoder()
    through = np.concatenate([decoder.decode(encoder.encode(tone_frame())) for _ in range(25)])
    assert purity(TONE) > 0.99
    assert purity(through) > 0.95


@pytest.mark.parametrize(
    "sound",
    [
        TONE.byteswap(),
        np.zeros(8000, np.int16),
        np.random.default_rng(1).integers(-3000, 3000, 8000).astype(np.int16),
        (8000 * np.sin(np.arange(8000) / 16000 * 2 * np.pi * 500)).astype(np.int16),
        TONE[:100],
    ],
    ids=["wrong byte order", "silence", "noise", "another tone", "too short"],
)
def test_nothing_else_is(sound: np.ndarray[tuple[int], np.dtype[np.int16]]) -> None:
    assert purity(sound) < PURITY / 2
