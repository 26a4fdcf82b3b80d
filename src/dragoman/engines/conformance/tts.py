"""What every synthesizer must do."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Any, ClassVar, cast

import numpy as np
import pytest

from dragoman.engines.base import SpeechRequest, Stage, Synthesizer
from dragoman.engines.conformance.common import BAD_TEXTS, DEADLINE_S, ODD_LANGUAGES, EngineConformance, Work, given
from dragoman.engines.conformance.running import children, done_within, send, start, turns
from dragoman.engines.faults import CLOSE_DEADLINE, sound_of
from dragoman.errors import EngineCrashed, EngineError
from dragoman.media.format import FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE, Pcm, ms_to_samples

LEVEL_DBFS = (-23.0, -17.0)
"""Loudness of the loud frames: -20 dBFS, as base.py asks for, and 3 dB to either side, as voices differ."""

LEAD_MS = 40
"""Silence before the first sound at most: two ticks."""

AUDIBLE = 300
"""Amplitude of a sound (-41 dBFS)."""

EVEN = 0.05
"""Deviation of the loudness, as a part of its mean, below which a sound has no course that could be compared."""

VOICE = 0.9
"""Least likeness of the mean spectra of a voice with itself."""

SMOOTH = np.full(5, 0.2)
"""Loudness is compared over 100 ms: a word that comes a little earlier is still the same word."""

LONGEST_S = 3600
"""Seconds of audio, and never more than a second for each character and a minute: beyond that there is no end."""

AT_ONCE = 8
"""Clauses spoken together: a booth per language of a large meeting."""


class SynthesizerConformance(EngineConformance):
    """Give ``name`` (or a fixture ``engine``), and the fixture ``known``: a request that it can speak."""

    stage: ClassVar[Stage] = Stage.TTS
    slack_ms: ClassVar[float] = 100.0
    """How much longer or shorter the same text may be the next time: espeak-ng varies by 60 ms in 3.4 s."""
    likeness: ClassVar[float] = 0.8
    """Least correlation of the loudness, frame by frame, of the same text spoken twice; lower it for an engine that
    speaks a text differently each time."""

    @pytest.fixture
    def work(self, known: SpeechRequest) -> Work:
        """Speak ``known``."""

        async def speak(engine: Synthesizer) -> Pcm:
            return await self.speak(engine, known)

        return speak

    async def speak(self, engine: Synthesizer, request: SpeechRequest) -> Pcm:
        """All of its audio."""
        async with aclosing(pieces_of(engine, request)) as pieces:
            return np.concatenate([np.zeros(0, np.int16), *[piece async for piece in ending(pieces, request)]])

    def agree(self, first: Pcm, again: Pcm) -> None:
        """As long and as loud in the same places: nothing is missing, doubled, shuffled or somebody else's."""
        assert isinstance(again, np.ndarray), f"no audio but {again!r}"
        assert len(first) and len(again), "synthesize() gave no sound"
        assert len(again) == pytest.approx(len(first), abs=ms_to_samples(self.slack_ms)), (
            f"the same text is {len(first) * 1000 // SAMPLE_RATE} ms long, then {len(again) * 1000 // SAMPLE_RATE} ms"
        )
        assert likeness(first, again, self.slack_ms) >= self.likeness, "it sounds otherwise"

    def test_supports_what_it_says(self, engine: Synthesizer, known: SpeechRequest) -> None:
        assert engine.supports(known.language), f"supports() denies {known.language}, known's language"
        listed = engine.info.languages
        assert not listed or known.language in listed, f"info.languages lacks {known.language}, known's language"
        for language in listed:
            assert engine.supports(language), f"supports() denies {language}, which info.languages names"

    async def test_rejects_an_unknown_language(self, engine: Synthesizer, known: SpeechRequest) -> None:
        for odd in ODD_LANGUAGES:
            assert engine.supports(odd) is False, f"supports() should say False of {odd!r:.20}"
            await self.refused(self.speak(engine, replace(known, language=odd)), f"a text in language {odd!r:.20}")

    async def test_gives_pieces_of_16_khz_mono(self, engine: Synthesizer, known: SpeechRequest) -> None:
        async with aclosing(pieces_of(engine, known)) as pieces:
            lengths = [len(piece) async for piece in ending(pieces, known)]  # which looks at each
        assert sum(lengths), "synthesize() gave no sound"

    async def test_level_and_lead(self, engine: Synthesizer, known: SpeechRequest) -> None:
        audio = await self.speak(engine, known)
        power = loudness(audio)
        assert power.max(initial=0) > AUDIBLE**2 / 2, "nothing can be heard"
        loud = power[power > power.max() / 100]
        level, lead = 10 * np.log10(loud.mean() / 32768**2), np.argmax(np.abs(audio.astype(np.int32)) > AUDIBLE)
        assert LEVEL_DBFS[0] < level < LEVEL_DBFS[1], (
            f"its loud parts have {level:.0f} dBFS (RMS), which should be -20, within 3 dB"
        )
        assert lead < ms_to_samples(LEAD_MS), (
            f"{lead * 1000 // SAMPLE_RATE} ms of silence before the first sound: trim it, listeners wait for that"
        )

    async def test_same_speaker_same_voice(self, engine: Synthesizer, known: SpeechRequest) -> None:
        first = await self.speak(engine, known)
        await self.speak(engine, replace(known, speaker="somebody else"))
        again = await self.speak(engine, known)
        self.agree(first, again)
        assert same_colour(first, again) >= VOICE, "another voice"

    async def test_bad_text_is_an_engine_error_at_most(self, engine: Synthesizer, known: SpeechRequest) -> None:
        expected = await self.speak(engine, known)
        for what, text in BAD_TEXTS.items():
            first = self._first_piece(engine, replace(known, text=text))
            came = await self.try_to(first, f"a text that is {what}")
            assert came is None or isinstance(came, np.ndarray | EngineError | TimeoutError), what
            again = await done_within(DEADLINE_S, self.speak(engine, known), f"the text after one that is {what}")
            self.agree(expected, again)

    async def test_many_at_once_keep_their_audio(self, engine: Synthesizer, known: SpeechRequest) -> None:
        texts = [known, replace(known, text=f"{known.text} {known.text}")]
        alone = [await self.speak(engine, text) for text in texts]
        together = await asyncio.gather(*(self.speak(engine, text) for text in texts * (AT_ONCE // 2)))
        for expected, came in zip(alone * (AT_ONCE // 2), together, strict=True):
            self.agree(expected, came)

    async def test_an_unread_request_does_not_stop_others(self, engine: Synthesizer, known: SpeechRequest) -> None:
        async with aclosing(pieces_of(engine, self._long(known))) as pieces:
            assert len(await anext(pieces))
            assert len(await done_within(DEADLINE_S, self.speak(engine, known), "speaking beside it"))

    async def test_closing_the_iterator_frees_at_once(self, engine: Synthesizer, known: SpeechRequest) -> None:
        expected = await self.speak(engine, known)
        for _ in range(3):
            pieces = pieces_of(engine, self._long(known))
            await anext(pieces)
            await done_within(CLOSE_DEADLINE, pieces.aclose(), "closing the iterator")
            assert await anext(pieces, None) is None
        self.agree(expected, await done_within(DEADLINE_S, self.speak(engine, known), "the text after"))

    async def test_an_iterator_may_be_closed_unread(self, engine: Synthesizer, known: SpeechRequest) -> None:
        await done_within(CLOSE_DEADLINE, pieces_of(engine, known).aclose(), "closing the iterator")
        assert len(await done_within(DEADLINE_S, self.speak(engine, known), "speaking after it"))

    async def test_a_killed_process_is_a_crash_and_replaced(
        self, engine: Synthesizer, known: SpeechRequest, strangers: frozenset[int]
    ) -> None:
        expected = await self.speak(engine, known)
        send(signal.SIGSTOP, self.ours(strangers))
        waiting = start(self.speak(engine, known))
        await turns(5)
        send(signal.SIGKILL, children() - strangers)
        with pytest.raises(EngineCrashed):
            await done_within(DEADLINE_S, waiting, "speaking by a process that died")
        self.agree(expected, await done_within(DEADLINE_S, self.speak(engine, known), "the text after"))

    def _long(self, known: SpeechRequest) -> SpeechRequest:
        return SpeechRequest(" ".join([known.text] * 10), known.language, "another")

    async def _first_piece(self, engine: Synthesizer, request: SpeechRequest) -> Pcm | None:
        async with aclosing(pieces_of(engine, request)) as pieces:
            return await anext(pieces, None)


def pieces_of(engine: Synthesizer, request: SpeechRequest) -> AsyncGenerator[Pcm, None]:
    """Its iterator; that it can be closed is what "closing the iterator cancels" asks for."""
    pieces: Any = engine.synthesize(request)
    assert hasattr(pieces, "__anext__") and hasattr(pieces, "aclose"), "synthesize() must be an async generator"
    return cast("AsyncGenerator[Pcm, None]", pieces)


async def ending(pieces: AsyncGenerator[Pcm, None], request: SpeechRequest) -> AsyncGenerator[Pcm, None]:
    """The pieces, as long as they may belong to the text."""
    most, length = min(LONGEST_S, 60 + len(request.text)), 0
    async for piece in pieces:
        yield given(sound_of, "synthesize()", piece)
        length += len(piece)
        assert length < most * SAMPLE_RATE, f"its audio does not end: {most} s for {len(request.text)} characters"


def loudness(audio: Pcm) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Power of each frame of 20 ms."""
    power: np.ndarray[Any, np.dtype[np.float64]] = (_frames(audio) ** 2).mean(axis=1)
    return power


def likeness(one: Pcm, other: Pcm, slack_ms: float = 0.0) -> float:
    """Correlation of the loudness of two recordings, at the best shift of at most ``slack_ms``; 1: the same."""
    first, second = (np.convolve(np.sqrt(loudness(audio)), SMOOTH, "same") for audio in (one, other))
    if max(each.std() / (each.mean() + 1) for each in (first, second)) < EVEN:
        return 1.0
    shift = round(slack_ms / FRAME_MS)
    return max(_correlation(first[max(by, 0) :], second[max(-by, 0) :]) for by in range(-shift, shift + 1))


def _correlation(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]) -> float:
    length = min(len(first), len(second))
    first, second = first[:length] - first[:length].mean(), second[:length] - second[:length].mean()
    return float((first * second).sum() / (np.sqrt((first**2).sum() * (second**2).sum()) + 1))


def same_colour(one: Pcm, other: Pcm) -> float:
    """Likeness of the mean spectra of two recordings, 0 to 1: the same voice, saying the same."""
    first, second = (np.abs(np.fft.rfft(_frames(audio))).mean(axis=0) for audio in (one, other))
    return float((first * second).sum() / (np.sqrt((first**2).sum() * (second**2).sum()) + 1))


def _frames(audio: Pcm) -> np.ndarray[Any, np.dtype[np.float64]]:
    frames: np.ndarray[Any, np.dtype[np.float64]] = (
        audio[: len(audio) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES).astype(np.float64)
    )
    return frames
