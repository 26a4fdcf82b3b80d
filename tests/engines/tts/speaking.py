"""All that a synthesizer says to a request, as one piece."""

from __future__ import annotations

import numpy as np

from dragoman.engines.base import SpeechRequest, Synthesizer
from dragoman.media.format import Pcm


async def speak(engine: Synthesizer, request: SpeechRequest) -> Pcm:
    """Empty where it says nothing."""
    return np.concatenate([np.zeros(0, np.int16), *[piece async for piece in engine.synthesize(request)]])
