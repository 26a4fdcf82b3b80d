"""A cloud recogniser and engines at given latencies, in virtual time, over the sound of ``fakes.spoken``.

The recogniser gives an interim every ``cadence`` of audio, ``lag`` behind it; of a word whose end it has not heard yet
it often says something wrong, and some words it understands only by those that follow. A final comes ``final`` after it
was asked for. Its words carry capitals and commas as smart formatting gives them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from random import Random

import numpy as np
from tests.fakes.latency import Latency
from tests.pipeline.fakes import (
    Ears,
    FakeEngines,
    FakeRecognizer,
    FakeStream,
    FakeSynthesizer,
    FakeTranslator,
    runs,
    value_of,
    word_of,
)

from dragoman.engines.base import Hypothesis, SpeechRequest, StreamRequest, Translation, TranslationRequest, Word
from dragoman.media.format import Pcm, ms_to_samples

INTERIM = Latency(250, 300)
FINAL = Latency(247, 298)
TRANSLATION = Latency(150, 350)
SPEECH = Latency(120, 200)
"""Of cloud engines, as they were measured."""


def said(text: str, random: Random | None = None) -> Pcm:
    """A text as somebody says it: words as long as their letters, a breath at a comma, a pause between sentences."""
    random = random or Random(text)
    pieces = []
    for word in text.split():
        length = 90 + 55 * len(word.strip(".,;?!¿¡")) + random.randint(-20, 20)
        gap = 15
        if word.endswith((",", ";")):
            gap = random.choice((60, 120, 220))
        elif word.endswith((".", "?", "!")):
            gap = random.choice((180, 280, 330))
        pieces.append(np.full(ms_to_samples(length), value_of(word), np.int16))
        pieces.append(np.zeros(ms_to_samples(gap), np.int16))
    return np.concatenate(pieces)


def monologue(seconds: float, seed: int = 1) -> tuple[list[str], Pcm]:
    """Words of somebody who does not pause but to draw breath, each another one, and their sound.

    A breath of 120 to 200 ms behind every clause of four to nine words; six of ten end a sentence.
    """
    random = Random(seed)
    words: list[str] = []
    pieces: list[Pcm] = []
    length = 0
    while length < ms_to_samples(seconds * 1000):
        clause = [f"w{len(words) + i}{'x' * random.randint(0, 4)}" for i in range(random.randint(4, 9))]
        clause[-1] += "." if random.random() < 0.6 else ","
        for word in clause:
            gap = random.randint(120, 200) if word is clause[-1] else 15
            sound = np.full(ms_to_samples(random.randint(220, 420)), value_of(word), np.int16)
            pieces += [sound, np.zeros(ms_to_samples(gap), np.int16)]
            length += len(sound) + len(pieces[-1])
        words += clause
    words[-1] = words[-1].rstrip(",.") + "."
    last = pieces[-2]
    last[:] = value_of(words[-1])
    return words, np.concatenate(pieces)


@dataclass
class Manner:
    """How the recogniser behaves."""

    cadence: int = ms_to_samples(200)
    """Samples of audio between two interims."""
    revises: float = 0.03
    """How often a word is heard wrong until one or two more words were heard."""
    interim: Latency = INTERIM
    final: Latency = FINAL


class CloudStream(FakeStream):
    """See the module."""

    def __init__(self, request: StreamRequest, manner: Manner, random: Random) -> None:
        super().__init__(request, Ears(), 0.0)
        self.manner = manner
        self.random = random
        self._next_interim = 0
        self._sent_at = 0.0
        self._misheard: dict[int, int] = {}  # by the word's start, how many words must follow it

    async def push(self, pcm: Pcm, at: int) -> None:
        if not len(self._samples):
            self._base = at
            self._next_interim = max(self._next_interim, at)
        end = self._base + len(self._samples)
        assert at >= end, "audio time went back"
        self._samples = np.concatenate((self._samples, np.zeros(at - end, np.int16), pcm))
        self.pushes.append((at, at + len(pcm)))
        end = at + len(pcm)
        if end >= self._next_interim:
            self._next_interim = end + self.manner.cadence
            words = self._guess(end)
            if words:
                self._later(Hypothesis(words, False, False, end), self.manner.interim)

    async def finalize(self, at: int) -> None:
        self.finalized.append(at)
        final = Hypothesis(self._words_until(self._base + len(self._samples)), True, True, at)
        self._samples = np.zeros(0, np.int16)
        self._later(final, self.manner.final)

    def _words_until(self, end: int) -> tuple[Word, ...]:
        return tuple(
            Word(word_of(value), self._base + start, self._base + stop)
            for value, start, stop in runs(self._samples[: end - self._base])
        )

    def _guess(self, end: int) -> tuple[Word, ...]:
        words = list(self._words_until(end))
        for i, word in enumerate(words):
            whole = word.end < end
            if not whole and word.end - word.start < ms_to_samples(150):
                return tuple(words[:i])
            if not whole and self.random.random() < 0.4:
                words[i] = replace(word, text=f"half{word.end}")
            if whole and word.start not in self._misheard:
                misheard = self.random.random() < self.manner.revises
                self._misheard[word.start] = self.random.randint(1, 2) if misheard else 0
            if self._misheard.get(word.start, 0) > len(words) - 1 - i:
                words[i] = replace(word, text=f"wrong{word.start}")
        return tuple(words)

    def _later(self, hypothesis: Hypothesis, latency: Latency) -> None:
        loop = asyncio.get_running_loop()
        self._sent_at = max(self._sent_at + 1e-6, loop.time() + latency.sample(self.random))  # in order, as TCP
        loop.call_at(self._sent_at, self._queue.put_nowait, hypothesis)


class CloudRecognizer(FakeRecognizer):
    """Opens CloudStreams."""

    def __init__(self, seed: int = 1, manner: Manner | None = None, *, agreement: int = 2, early: bool = True) -> None:
        super().__init__(continuous=True)
        self.info = replace(self.info, chunk_ms=100, interim_agreement=agreement, early_finalize=early)
        self.manner = manner or Manner()
        self.random = Random(seed)

    async def open(self, request: StreamRequest) -> CloudStream:
        stream = CloudStream(request, self.manner, self.random)
        self.streams.append(stream)
        return stream


class CloudTranslator(FakeTranslator):
    """Takes its time."""

    def __init__(self, seed: int = 1, latency: Latency = TRANSLATION) -> None:
        super().__init__()
        self.random = Random(seed)
        self.latency = latency

    async def translate(self, request: TranslationRequest) -> Translation:
        self.delay = self.latency.sample(self.random)
        return await super().translate(request)


class CloudSynthesizer(FakeSynthesizer):
    """Takes its time to the first piece; speaks 250 ms a word, as fast as people do."""

    def __init__(self, seed: int = 1, latency: Latency = SPEECH) -> None:
        super().__init__(word=ms_to_samples(250))
        self.random = Random(seed)
        self.latency = latency

    async def synthesize(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        self.first = self.latency.sample(self.random)
        async for pcm in super().synthesize(request):
            yield pcm


def cloud_engines(seed: int = 1, manner: Manner | None = None, *, early: bool = True) -> FakeEngines:
    """All three."""
    return FakeEngines(CloudRecognizer(seed, manner, early=early), CloudTranslator(seed), CloudSynthesizer(seed))
