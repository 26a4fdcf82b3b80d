"""A recogniser that hears every sound as the word "beep"."""

import asyncio

import numpy as np

from dragoman.engines.base import EngineInfo, Hypothesis, Stage, Word
from dragoman.engines.options import Options
from dragoman.errors import EngineCrashed, EngineRejected
from dragoman.media.format import FRAME_SAMPLES


class Loudness:
    def __init__(self, options):
        reader = Options("loudness", options)
        self._threshold = reader.number("threshold", 300, 1, 32767)
        reader.done()
        self._streams = set()
        self._closed = False
        self.info = EngineInfo("loudness", Stage.ASR, ("en", "es"), True, "Apache-2.0", True, "Showing how it is done.")

    def supports(self, language):
        return language in self.info.languages

    async def start(self, languages=()):
        pass

    async def open(self, request):
        if not self.supports(request.language):
            raise EngineRejected("loudness", f"no {request.language}")
        if self._closed:
            raise EngineCrashed("loudness", "closed")
        stream = LoudnessStream(self._threshold, self._streams.discard)
        self._streams.add(stream)
        return stream

    async def close(self):
        self._closed = True
        for stream in tuple(self._streams):
            await stream.aclose()


class LoudnessStream:
    def __init__(self, threshold, on_close):
        self._threshold, self._on_close = threshold, on_close
        self._out = asyncio.Queue()  # grows by a few small objects per second, and the leg reads all the time
        self._words = []
        self._rest = np.zeros(0, np.int16)  # less than a frame, not yet heard
        self._end = 0  # audio time behind what was pushed
        self._sound = None  # audio time at which the sound that goes on began
        self._closed = False

    async def push(self, pcm, at):
        self._check()
        if at > self._end:  # silence that was not sent
            self._quiet(self._end)
            self._rest = self._rest[:0]
        audio, begin = np.concatenate([self._rest, pcm]), at - len(self._rest)
        whole = len(audio) // FRAME_SAMPLES * FRAME_SAMPLES
        for number, frame in enumerate(audio[:whole].reshape(-1, FRAME_SAMPLES).astype(float)):
            time = begin + number * FRAME_SAMPLES
            if np.sqrt((frame**2).mean()) < self._threshold:
                self._quiet(time)
            elif self._sound is None:
                self._sound = time
        self._rest, self._end = audio[whole:], at + len(pcm)

    async def finalize(self, at):
        self._check()
        self._quiet(self._end)
        self._out.put_nowait(Hypothesis(tuple(self._words), is_final=True, end_of_utterance=True, upto=at))
        self._words = []

    async def __aiter__(self):
        while (hypothesis := await self._out.get()) is not None:
            yield hypothesis

    async def aclose(self):
        if not self._closed:
            self._closed = True
            self._out.put_nowait(None)
            self._on_close(self)

    def _quiet(self, time):
        if self._sound is not None:
            self._words.append(Word("beep", self._sound, time))
            self._out.put_nowait(Hypothesis(tuple(self._words), is_final=False, end_of_utterance=False, upto=time))
        self._sound = None

    def _check(self):
        if self._closed:
            raise EngineCrashed("loudness", "the stream is closed")
