"""A synthesizer that says each word as a beep, and each speaker at a pitch of his own."""

import asyncio
import zlib

import numpy as np

from dragoman.engines.base import EngineInfo, Stage
from dragoman.engines.options import Options
from dragoman.errors import EngineRejected
from dragoman.media.format import SAMPLE_RATE, ms_to_samples

LOUDNESS = 3277 * 2**0.5  # the peak of a tone whose RMS is -20 dBFS


class Beeper:
    def __init__(self, options):
        Options("beeper", options).done()
        self.info = EngineInfo("beeper", Stage.TTS, ("en", "es"), True, "Apache-2.0", True, "Showing how it is done.")

    def supports(self, language):
        return language in self.info.languages

    async def start(self, languages=()):
        pass

    async def synthesize(self, request):
        words = request.text.split()
        if not self.supports(request.language) or not words:
            raise EngineRejected("beeper", f"not this text in {request.language}")
        pitch = 400 + 50 * (zlib.crc32(request.speaker.encode()) % 8)  # Hz; the same for a speaker each time
        time = np.arange(ms_to_samples(120)) / SAMPLE_RATE
        beep = (LOUDNESS * np.sin(2 * np.pi * pitch * time)).astype(np.int16)
        word = np.concatenate([beep, np.zeros(ms_to_samples(40), np.int16)])
        for _ in words:
            yield word  # closing the iterator raises GeneratorExit here: free in "finally" what you hold
            await asyncio.sleep(0)

    async def close(self):
        pass
