"""What a recogniser's worker does with one leg's audio: two decoders side by side, and which of them to believe.

One decoder knows a closed list of sentences. It always finds some sentence, so it needs a rival that has no list: the
open English language model, or a loop of phones for all other languages. Who explains the audio better, by its acoustic
score per frame, is believed. Where the rival is the phone loop, its victory means that no known sentence was said.

The thresholds and what they were measured with stand in ``pocketsphinx``.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from dragoman.engines.asr.level import Leveller
from dragoman.engines.base import Hypothesis, Word
from dragoman.media.format import Pcm, ms_to_samples

FRAME = ms_to_samples(10)
"""Samples of one of the decoder's frames (feat.params: 100 a second)."""

PARTIAL_EVERY = ms_to_samples(100)
"""Audio between two partials."""

MIN_PARTIAL_WORDS = 2
"""Words of a known sentence before a partial shows them."""

MAX_PAD = ms_to_samples(300)
"""Unsent silence inside an utterance is given to the decoders up to this length: enough to part two words."""

_FSG_SCORE_SHIFT = 1024
"""A grammar search tells its acoustic scores without the factor 2**SENSCR_SHIFT that the n-gram search puts back."""


class Segment(Protocol):
    """pocketsphinx.Segment."""

    word: str
    start_frame: int
    end_frame: int
    ascore: float


class SphinxDecoder(Protocol):
    """What is used of pocketsphinx.Decoder."""

    def start_utt(self) -> None:
        """Begin an utterance."""

    def process_raw(self, data: bytes) -> object:
        """Hear int16 samples."""

    def end_utt(self) -> None:
        """End the utterance."""

    def hyp(self) -> object | None:
        """The best hypothesis, or None."""

    def seg(self) -> Iterable[Segment]:
        """Its words and fillers."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one decoder made of the audio: words with first and last frame, and the mean log score per frame."""

    words: tuple[tuple[str, int, int], ...] = ()
    score: float = -math.inf


class Listener:
    """One decoder."""

    def __init__(self, decoder: SphinxDecoder, *, grammar: bool, written: Mapping[str, str] | None = None) -> None:
        """``grammar``: its search is a grammar; ``written``: how its tokens are written, if not as they are."""
        self._decoder = decoder
        self._scale = _FSG_SCORE_SHIFT if grammar else 1
        self._written = written

    def start(self) -> None:
        """A new utterance."""
        self._decoder.start_utt()

    def hear(self, pcm: Pcm) -> None:
        """Levelled audio."""
        self._decoder.process_raw(pcm.tobytes())

    def stop(self) -> None:
        """The utterance ends; ``read`` then gives its last word."""
        self._decoder.end_utt()

    def read(self) -> Reading:
        """What it makes of the utterance so far."""
        if self._decoder.hyp() is None:
            return Reading()
        words, score, frames = [], 0.0, 0
        for segment in self._decoder.seg():
            frames = segment.end_frame + 1
            score += math.log(segment.ascore) if segment.ascore > 0 else -math.inf
            name = segment.word.split("(", 1)[0]  # the second pronunciation of "the" is called the(2)
            if not name or name[0] in "<[":
                continue  # silence and noises: <sil>, [NOISE]
            text = name if self._written is None else self._written.get(name)
            if text is not None:
                words.append((text, segment.start_frame, segment.end_frame))
        return Reading(tuple(words), score * self._scale / max(frames, 1))


class Judge:
    """Which decoder to believe."""

    def __init__(self, closed: Listener | None, rival: Listener | None, *, rival_speaks: bool, bias: float) -> None:
        """``rival_speaks``: its words are words (an open language model), not phones.

        ``bias``: what the closed list's score may be worse than the rival's, per frame, and still win (a rival that is
        freer explains anything better; below zero it must be better).
        """
        self._closed = closed
        self._rival = rival
        self._rival_speaks = rival_speaks
        self._bias = bias

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """All decoders in use."""
        return tuple(listener for listener in (self._closed, self._rival) if listener is not None)

    def decide(self, *, final: bool) -> Reading:
        """The reading to believe; without words where nothing that is known was said.

        Before the end one word is too little to tell a known sentence from others by, if there is no open model.
        """
        closed = self._closed.read() if self._closed else Reading()
        if self._rival is None:
            return closed
        rival = self._rival.read()
        if self._enough(closed, final) and rival.score - closed.score <= self._bias:
            return closed
        return rival if self._rival_speaks else Reading()

    def _enough(self, closed: Reading, final: bool) -> bool:
        return len(closed.words) >= (1 if final or self._rival_speaks else MIN_PARTIAL_WORDS)


class Timeline:
    """Maps what a decoder heard in one utterance to the leg's audio time; unsent silence makes the two differ."""

    def __init__(self, at: int) -> None:
        """The utterance's first sample has audio time ``at``."""
        self._heard = [0]
        self._at = [at]
        self.length = 0
        """Samples given to the decoder."""

    @property
    def end(self) -> int:
        """Audio time behind the last sample."""
        return self._at[-1] + self.length - self._heard[-1]

    def add(self, samples: int) -> None:
        """So many samples were given."""
        self.length += samples

    def jump(self, at: int) -> None:
        """The next sample has audio time ``at``."""
        self._heard.append(self.length)
        self._at.append(at)

    def audio_time(self, heard: int) -> int:
        """Audio time of the ``heard``-th sample."""
        i = bisect_right(self._heard, heard) - 1
        time = self._at[i] + heard - self._heard[i]
        return min(time, self._at[i + 1]) if i + 1 < len(self._at) else min(time, self.end)

    def heard(self, at: int) -> int:
        """How many samples were given before audio time ``at``: the inverse of ``audio_time``."""
        i = max(bisect_right(self._at, at) - 1, 0)
        heard = max(self._heard[i] + at - self._at[i], 0)
        return min(heard, self._heard[i + 1] if i + 1 < len(self._heard) else self.length)


class Transcriber:
    """One stream: audio in, hypotheses out."""

    def __init__(self, judge: Judge) -> None:
        """Decoders keep their cepstral mean from one utterance to the next: the first of a speaker is the worst."""
        self._judge = judge
        self._level = Leveller()
        self._timeline: Timeline | None = None
        self._end = 0
        self._since_partial = 0
        self._last: tuple[Word, ...] = ()

    def push(self, pcm: Pcm, at: int) -> Hypothesis | None:
        """Audio from audio time ``at``; a partial, if it is time for one and it says something new."""
        if not len(pcm):
            return None  # the gain of no samples is none
        timeline = self._timeline
        if timeline is None:
            timeline = self._timeline = Timeline(at)
            self._last, self._since_partial = (), 0
            for listener in self._judge.listeners:
                listener.start()
        elif at > timeline.end:
            self._hear(timeline, self._level.silence(min(at - timeline.end, MAX_PAD)))
            timeline.jump(at)
        self._hear(timeline, self._level(pcm))
        self._end = timeline.end
        self._since_partial += len(pcm)
        if self._since_partial < PARTIAL_EVERY:
            return None
        self._since_partial = 0
        words = self._words(timeline, final=False)
        if words == self._last:
            return None
        self._last = words
        return Hypothesis(words, is_final=False, end_of_utterance=False, upto=timeline.end)

    def finalize(self, at: int) -> Hypothesis:
        """The utterance ended; also without any audio this is one (empty) final."""
        timeline, self._timeline = self._timeline, None
        final = Hypothesis((), is_final=True, end_of_utterance=True, upto=max(at, self._end))
        if timeline is None:
            return final
        for listener in self._judge.listeners:
            listener.stop()
        return replace(final, words=self._words(timeline, final=True))

    def _hear(self, timeline: Timeline, pcm: Pcm) -> None:
        for listener in self._judge.listeners:
            listener.hear(pcm)
        timeline.add(len(pcm))

    def _words(self, timeline: Timeline, *, final: bool) -> tuple[Word, ...]:
        return tuple(
            Word(text, timeline.audio_time(first * FRAME), timeline.audio_time((last + 1) * FRAME))
            for text, first, last in self._judge.decide(final=final).words
        )
