"""What the test call knows of the prompts by which a booth says that nothing is interpreted."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from dragoman.media.codec import mulaw_decode, mulaw_encode
from dragoman.media.format import SAMPLE_RATE
from dragoman.media.resample import resample
from dragoman.probe.call import excuses
from dragoman.probe.measure import ALIKE, likeness

pytestmark = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng speaks the prompts")


@pytest.mark.parametrize("language", ["es", "en", "vi"])
def test_an_excuse_is_told_from_another_also_on_a_narrow_line(language: str) -> None:
    known = {text: resample(sound, SAMPLE_RATE, 8000) for text, sound in excuses(language).items()}
    assert len(known) == 2
    for text, sound in known.items():
        heard = np.concatenate([np.zeros(2000, np.int16), mulaw_decode(mulaw_encode(sound)), np.zeros(8000, np.int16)])
        alike = {other: likeness(heard, wanted, 8000) for other, wanted in known.items()}
        assert alike.pop(text) >= 0.9 and max(alike.values()) < ALIKE / 1.2
