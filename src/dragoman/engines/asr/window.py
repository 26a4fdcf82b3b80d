"""The window policy that makes a whole-clip recogniser a streaming one: what to decode when, and what to say. Pure.

Of each utterance the audio that is not confirmed yet is decoded again whenever ``interval`` more has come;
LocalAgreement confirms words; the window is cut behind confirmed words when it gets long; what was said before it
goes to the decoder as its prompt.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dragoman.engines.asr.decoding import MAX_PAD, Timeline
from dragoman.engines.asr.local_agreement import LocalAgreement
from dragoman.engines.base import Hypothesis, Word
from dragoman.media.format import SAMPLE_RATE, Pcm, ms_to_samples
from dragoman.writing import joined

TRIM = ms_to_samples(15_000)
"""Window beyond which the confirmed part is cut off (Machacek et al., section 3: the buffer threshold of 15 s)."""

FULL = ms_to_samples(25_000)
"""Window at which words are confirmed without agreement: the model hears at most 30 s, and nobody agreed for 10."""

HOLD = 2
"""Words kept back when that is done: the last ones may be cut off."""

LIMIT = ms_to_samples(29_000)
"""Window at most. When the decoder is so slow that more comes, the oldest is dropped and counted."""

PROMPT = 200
"""Characters of what was said before that the decoder is told (Machacek et al., section 3)."""

QUIET = 10 ** (-55 / 20)
"""RMS of the loudest 20 ms below which audio is not decoded: Whisper invents words for silence. Speech reaches us at
-20 dBFS and hardly below -45; line noise of G.711 lies at -66."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Found:
    """A word that the decoder found; times in seconds from the start of the audio it got."""

    text: str
    start: float
    end: float
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """Something to decode."""

    audio: Floats
    """16 kHz, -1 to 1; empty: there is no speech in it, ``done`` takes no words."""
    prompt: str
    final: bool
    base: int
    """Samples of the utterance before ``audio``."""


class _Utterance:
    """Audio between two finalizes."""

    def __init__(self, at: int) -> None:
        self.timeline = Timeline(at)
        self.pieces: deque[Pcm] = deque()
        self.base = 0
        """Samples cut off at the front."""
        self.decoded = 0
        """``timeline.length`` when the last job was taken."""
        self.final_at: int | None = None
        self.agreement = LocalAgreement()
        self.inside: list[Word] = []
        """Confirmed words whose audio is still in the window."""

    @property
    def length(self) -> int:
        """Samples in the window."""
        return self.timeline.length - self.base

    def add(self, pcm: Pcm) -> None:
        self.pieces.append(pcm)
        self.timeline.add(len(pcm))

    def cut(self, base: int) -> None:
        """Drop what lies before the ``base``-th sample."""
        while self.base < base and self.pieces:
            piece = self.pieces[0]
            take = min(len(piece), base - self.base)
            self.base += take
            if take == len(piece):
                self.pieces.popleft()
            else:
                self.pieces[0] = piece[take:]

    def audio(self) -> Floats:
        if not self.pieces:
            return np.zeros(0, np.float32)
        audio: Floats = np.concatenate(self.pieces).astype(np.float32) / np.float32(32768)
        return audio if _loudest(audio) > QUIET else audio[:0]


class SlidingWindow:
    """One stream. ``take`` gives the next job, ``done`` brings its words; one job at a time."""

    def __init__(self, interval: int) -> None:
        """``interval``: samples of new audio that are worth decoding the window again."""
        self._interval = interval
        self._utterances: deque[_Utterance] = deque()
        self._job: Job | None = None
        self._said: deque[str] = deque(maxlen=PROMPT)  # words before the window; each has a character at least
        self._shown: tuple[Word, ...] = ()
        self.dropped = 0
        """Samples that were never decoded because the decoder was too slow."""

    def push(self, pcm: Pcm, at: int) -> None:
        """Audio from audio time ``at``; a jump forward inside an utterance is silence that was not sent."""
        last = self._utterances[-1] if self._utterances else None
        if last is None or last.final_at is not None:
            last = _Utterance(at)
            self._utterances.append(last)
        elif at > last.timeline.end:
            last.add(np.zeros(min(at - last.timeline.end, MAX_PAD), np.int16))
            last.timeline.jump(at)
        last.add(pcm)
        if last.length > LIMIT:
            over = last.length - LIMIT
            self.dropped += over
            last.cut(last.base + over)

    def finalize(self, at: int) -> None:
        """The utterance ended at audio time ``at``; also without audio it has one (empty) final."""
        last = self._utterances[-1] if self._utterances else None
        if last is None or last.final_at is not None:
            last = _Utterance(at)
            self._utterances.append(last)
        last.final_at = max(at, last.timeline.end)

    @property
    def final_due(self) -> bool:
        """Whether somebody waits for a final."""
        return bool(self._utterances) and self._job is None and self._utterances[0].final_at is not None

    @property
    def partial_due(self) -> bool:
        """Whether enough new audio has come for a partial."""
        if not self._utterances or self._job is not None:
            return False
        first = self._utterances[0]
        return first.final_at is None and first.timeline.length - first.decoded >= self._interval

    def take(self) -> Job | None:
        """The next job, if one is due."""
        if not self.final_due and not self.partial_due:
            return None
        first = self._utterances[0]
        first.decoded = first.timeline.length
        prompt = joined(self._said)[-PROMPT:]
        self._job = Job(first.audio(), prompt, first.final_at is not None, first.base)
        return self._job

    def done(self, found: Sequence[Found]) -> list[Hypothesis]:
        """What the job gave; returns what to tell.

        Raises:
            ValueError: no job was taken.
        """
        job, self._job = self._job, None
        if job is None:
            raise ValueError("no job was taken")
        utterance = self._utterances[0]
        words = _place(found, utterance.timeline, job)
        if job.final:
            return [self._finish(utterance, words)]
        told = self._tell(utterance, utterance.agreement.insert(words))
        if utterance.length > TRIM and utterance.inside:
            self._cut_behind(utterance, utterance.inside[-1].end)
        if utterance.length > FULL:
            told += self._tell(utterance, utterance.agreement.force(HOLD))
            self._cut_behind(utterance, utterance.agreement.confirmed_until)
        if utterance.length > FULL:  # next to nothing was understood
            told += self._tell(utterance, utterance.agreement.force(0))
            utterance.cut(utterance.timeline.length - (FULL - TRIM))
        tentative = utterance.agreement.tentative
        if tentative != self._shown:
            self._shown = tentative
            upto = max(utterance.timeline.audio_time(utterance.decoded), tentative[-1].end if tentative else 0)
            told.append(Hypothesis(tentative, is_final=False, end_of_utterance=False, upto=upto))
        return told

    def _finish(self, utterance: _Utterance, words: Sequence[Word]) -> Hypothesis:
        if utterance.final_at is None:
            raise AssertionError("a final job belongs to a finalized utterance")
        rest = utterance.agreement.finish(words)
        self._said.extend(word.text for word in (*utterance.inside, *rest))
        self._utterances.popleft()
        self._shown = ()
        return Hypothesis(rest, is_final=True, end_of_utterance=True, upto=utterance.final_at)

    def _tell(self, utterance: _Utterance, confirmed: tuple[Word, ...]) -> list[Hypothesis]:
        if not confirmed:
            return []
        utterance.inside += confirmed
        self._shown = ()
        return [Hypothesis(confirmed, is_final=True, end_of_utterance=False, upto=confirmed[-1].end)]

    def _cut_behind(self, utterance: _Utterance, at: int) -> None:
        """Cut the window at audio time ``at``, the end of a confirmed word; its words become prompt."""
        utterance.cut(utterance.timeline.heard(at))
        self._said.extend(word.text for word in utterance.inside if word.end <= at)
        utterance.inside = [word for word in utterance.inside if word.end > at]


def _place(found: Sequence[Found], timeline: Timeline, job: Job) -> list[Word]:
    """Words on the leg's timeline: in order, within the audio, none empty."""
    words: list[Word] = []
    last, length = 0, job.base + len(job.audio)
    for each in found:
        text = each.text.strip()
        if not text:
            continue
        start, end = (
            timeline.audio_time(min(job.base + max(0, round(seconds * SAMPLE_RATE)), length))
            for seconds in (each.start, each.end)
        )
        start = max(start, last)
        last = max(start, end)
        words.append(Word(text, start, last, each.confidence))
    return words


def _loudest(audio: Floats) -> float:
    frame = ms_to_samples(20)
    whole = audio[: len(audio) // frame * frame].reshape(-1, frame)
    return float(np.sqrt(np.max(np.mean(whole**2, axis=1), initial=0.0)))
