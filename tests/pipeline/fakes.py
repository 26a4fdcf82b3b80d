"""A media plane and three engines without a network or a model; what they say and hear can be read exactly.

Every word of the tests has a value: audio of that word is a run of samples of that value, in what a caller says as in
what a synthesizer gives. So a recogniser decodes from the very samples it was given, and what a booth said is read back
from its frames.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from dragoman.engines.base import (
    EngineInfo,
    Hypothesis,
    SpeechRequest,
    Stage,
    StreamRequest,
    Translation,
    TranslationRequest,
    Word,
)
from dragoman.engines.circuits import Circuits
from dragoman.errors import EngineCrashed, EngineCutShort, EngineError, EngineRejected, MediaError
from dragoman.media.format import FRAME_SAMPLES, SAMPLE_RATE, Pcm, ms_to_samples
from dragoman.pipeline.journey import Journey
from dragoman.pipeline.latency import ClauseTimes
from dragoman.pipeline.ports import FrameSource, LegAudioListener
from dragoman.telephony.model import Address

WORD = ms_to_samples(300)
"""Samples of one spoken word."""

GAP = ms_to_samples(20)
"""Samples between two words."""

HANGOVER = ms_to_samples(400)

_values: dict[str, int] = {}


def value_of(word: str) -> int:
    """The sample value that says this word."""
    return _values.setdefault(word, 1000 + 2 * len(_values))


def word_of(value: int) -> str:
    return next(word for word, known in _values.items() if known == value)


def spoken(text: str, word: int = WORD, gap: int = GAP) -> Pcm:
    """The audio of a text."""
    pieces = [np.concatenate((np.full(word, value_of(w), np.int16), np.zeros(gap, np.int16))) for w in text.split()]
    return np.concatenate(pieces) if pieces else np.zeros(0, np.int16)


def runs(pcm: Pcm) -> list[tuple[int, int, int]]:
    """(value, start, stop) of every stretch of equal samples that is no silence."""
    if not len(pcm):
        return []
    edges = np.flatnonzero(np.diff(pcm)) + 1
    starts, stops = [0, *edges.tolist()], [*edges.tolist(), len(pcm)]
    return [(int(pcm[a]), a, b) for a, b in zip(starts, stops, strict=True) if pcm[a]]


class Skipping:
    """Stretcher: leaves single samples out or says them twice, so that each word keeps its value; holds some back."""

    HELD = ms_to_samples(30)

    def __init__(self) -> None:
        self._held: Pcm = np.zeros(0, np.int16)
        self._at = 0.0  # of the next sample to be taken, in what is held
        self.tempos: list[float] = []

    def stretch(self, pcm: Pcm, tempo: float) -> Pcm:
        self.tempos.append(tempo)
        if tempo == 1.0:
            out, self._held, self._at = np.concatenate((self._held, pcm)), np.zeros(0, np.int16), 0.0
            return out
        pcm = np.concatenate((self._held, pcm))
        taken = np.arange(self._at, len(pcm) - self.HELD, tempo)
        if len(taken):
            self._at = float(taken[-1]) + tempo
        whole = min(int(self._at), len(pcm))
        self._held, self._at = pcm[whole:], self._at - whole
        return pcm[taken.astype(int)]

    def drain(self) -> Pcm:
        return self.stretch(np.zeros(0, np.int16), 1.0)


class FakeAudio:
    """LegAudio over an array that grows."""

    def __init__(self, origin: float, listener: LegAudioListener | None) -> None:
        self.origin = origin
        self.listener = listener
        self.end = 0
        self._samples: Pcm = np.zeros(64 * FRAME_SAMPLES, np.int16)
        self.coming: Pcm = np.zeros(0, np.int16)
        self.gated = False
        self.present = True
        self.loudspeaker = False
        self.echo_delay: float | None = None
        self.likeness = 0.0
        self.echo: Pcm | None = None
        """What its microphone hears of the phone in this tick, where nobody speaks into it."""
        self._wake_at: int | None = None
        self._speech_from: int | None = None
        self._last_speech = 0

    @property
    def heard_until(self) -> int:
        return self._last_speech

    def echo_likeness(self, start: int, stop: int) -> float:
        return self.likeness

    def read(self, start: int, stop: int) -> Pcm:
        out = np.zeros(max(stop - start, 0), np.int16)
        there = self._samples[start : min(stop, self.end)]
        out[: len(there)] = there
        return out

    def time_of(self, sample: int) -> float:
        return self.origin + sample / SAMPLE_RATE

    def wake_when(self, sample: int) -> None:
        self._wake_at = sample

    def tick(self) -> None:
        frame = np.zeros(FRAME_SAMPLES, np.int16) if self.echo is None else self.echo.copy()
        said, self.coming = self.coming[:FRAME_SAMPLES], self.coming[FRAME_SAMPLES:]
        if self.gated:
            frame[:] = 0
        else:
            frame[: len(said)] = said
        at = self.end
        if self.end == len(self._samples):
            self._samples = np.concatenate((self._samples, np.zeros_like(self._samples)))
        self._samples[at : at + FRAME_SAMPLES] = frame
        self.end += FRAME_SAMPLES
        if self.listener is None:
            return
        if frame.any():
            if self._speech_from is None:
                self._speech_from = at
                self.listener.on_speech_start(at)
            self._last_speech = self.end
        elif self._speech_from is not None and self.end - self._last_speech >= HANGOVER:
            self._speech_from = None
            self.listener.on_speech_end(self._last_speech)
        if self._wake_at is not None and self.end >= self._wake_at:
            self._wake_at = None
            self.listener.on_audio(self.end)


class FakeMedia:
    """Media; ``run`` ticks every 20 ms."""

    def __init__(self) -> None:
        self.legs: dict[str, FakeAudio] = {}
        self.booths: dict[str, FrameSource] = {}
        self.floors: dict[str, tuple[str, ...]] = {}
        self.loud: dict[str, frozenset[str]] = {}
        self.gains: dict[str, float] = {}
        self.said: dict[str, list[Pcm]] = {}
        self.removed: list[str] = []
        self.full = False
        self.rooms: dict[str, tuple[set[str], set[str]]] = {}
        self.speakerphones: dict[str, tuple[str, int]] = {}
        """By leg: the booth or other leg that its phone's microphone hears, and the frames that this takes."""

    def set_room(self, room: str, legs: Iterable[str], booths: Iterable[str]) -> None:
        self.rooms[room] = (set(legs), set(booths))

    def add_leg(self, leg_id: str, remote: Address, listener: LegAudioListener | None) -> FakeAudio:
        if self.full or leg_id in self.legs:
            raise MediaError(f"no room for {leg_id}")
        audio = FakeAudio(asyncio.get_running_loop().time(), listener)
        self.legs[leg_id] = audio
        return audio

    def remove_leg(self, leg_id: str) -> None:
        if self.legs.pop(leg_id, None) is not None:
            self.removed.append(leg_id)

    def add_booth(self, booth_id: str, remote: Address, source: FrameSource) -> None:
        if self.full or booth_id in self.booths:
            raise MediaError(f"no room for {booth_id}")
        self.booths[booth_id] = source
        self.said.setdefault(booth_id, [])

    def remove_booth(self, booth_id: str) -> None:
        self.booths.pop(booth_id, None)
        self.floors.pop(booth_id, None)

    def set_floor(
        self, booth_id: str, legs: Iterable[str], gain_db: float, loud: Collection[str] = frozenset()
    ) -> None:
        if booth_id not in self.booths:
            raise MediaError(f"no booth {booth_id}")
        self.floors[booth_id] = tuple(legs)
        self.loud[booth_id] = frozenset(loud)
        self.gains[booth_id] = gain_db

    def heard(self, booth_id: str) -> list[str]:
        """The words that the booth said, in order, each as often as it was heard."""
        frames = self.said[booth_id]
        return [word_of(value) for value, _, _ in runs(np.concatenate(frames))] if frames else []

    def _echo(self, leg_id: str) -> Pcm | None:
        if leg_id not in self.speakerphones:
            return None
        source, frames = self.speakerphones[leg_id]
        if source in self.legs:
            other = self.legs[source]
            at = other.end - frames * FRAME_SAMPLES
            return other.read(at, at + FRAME_SAMPLES) if at >= 0 else None
        said = self.said.get(source, [])
        return said[-frames] if len(said) >= frames else None

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for tick in itertools.count(1):
            for leg_id, audio in tuple(self.legs.items()):
                audio.echo = self._echo(leg_id)
                audio.tick()
            for booth_id, source in tuple(self.booths.items()):
                frame = source.next_frame(loop.time())
                self.said[booth_id].append(np.zeros(FRAME_SAMPLES, np.int16) if frame is None else frame)
                if frame is not None:
                    source.on_sent(loop.time())
            if tick == 1:
                began = loop.time()
            await asyncio.sleep(began + tick * 0.02 - loop.time())


@dataclass
class Ears:
    """How one stream behaves."""

    open_error: EngineError | None = None
    open_hangs: bool = False
    crash_push_at: int | None = None
    """``push`` raises when it brings audio beyond so many samples."""
    crash_reader_at: int | None = None
    """Iteration raises as soon as so many samples were pushed."""
    crash_on_finalize: bool = False
    """Iteration raises instead of giving the final."""
    end_on_finalize: bool = False
    """Iteration ends instead of giving the final, which no stream may do."""
    never_final: bool = False
    push_hangs: bool = False
    close_hangs: bool = False
    close_error: Exception | None = None
    final_twice: bool = False
    shift: int = 0
    """Samples by which this stream's word times are wrong."""


class FakeStream:
    """Decodes the words from what was pushed; a partial for every word, a final ``delay`` after finalize."""

    def __init__(self, request: StreamRequest, ears: Ears, delay: float) -> None:
        self.request = request
        self.ears = ears
        self.pushes: list[tuple[int, int]] = []
        self.finalized: list[int] = []
        self.closed = False
        self._samples: Pcm = np.zeros(0, np.int16)
        self._base = 0  # audio time of the first sample since the last final
        self._words = 0
        self._delay = delay
        self._coming: deque[Hypothesis] = deque()
        self._queue: asyncio.Queue[Hypothesis | Exception | None] = asyncio.Queue()

    async def push(self, pcm: Pcm, at: int) -> None:
        ears = self.ears
        if ears.push_hangs:
            await asyncio.Event().wait()
        if not len(self._samples):
            self._base = at
        end = self._base + len(self._samples)
        assert at >= end, "audio time went back"
        self._samples = np.concatenate((self._samples, np.zeros(at - end, np.int16), pcm))
        self.pushes.append((at, at + len(pcm)))
        if ears.crash_push_at is not None and at + len(pcm) > ears.crash_push_at:
            raise EngineCrashed("ears", "push failed")
        if ears.crash_reader_at is not None and at + len(pcm) > ears.crash_reader_at:
            self._queue.put_nowait(EngineCrashed("ears", "connection lost"))
            return
        words = self._heard(complete=True)
        if len(words) > self._words:
            self._words = len(words)
            self._queue.put_nowait(Hypothesis(words, False, False, at + len(pcm)))

    async def finalize(self, at: int) -> None:
        self.finalized.append(at)
        ears = self.ears
        if ears.crash_on_finalize:
            self._queue.put_nowait(EngineCrashed("ears", "connection lost"))
        elif ears.end_on_finalize:
            self._queue.put_nowait(None)
        elif not ears.never_final:
            final = Hypothesis(self._heard(complete=False), True, True, at)
            self._samples = np.zeros(0, np.int16)
            self._words = 0
            again = [Hypothesis(final.words, True, False, at)] if ears.final_twice else []
            for hypothesis in (final, *again):
                self._coming.append(hypothesis)
                asyncio.get_running_loop().call_later(self._delay, self._deliver)

    def _deliver(self) -> None:
        """The next in order: asyncio keeps none among timers of the same instant."""
        self._queue.put_nowait(self._coming.popleft())

    def _heard(self, complete: bool) -> tuple[Word, ...]:
        """The words since the last final; with ``complete`` not the one that may go on."""
        base, shift = self._base, self.ears.shift
        words = [
            Word(word_of(value), max(base + start + shift, 0), base + stop + shift)
            for value, start, stop in runs(self._samples)
            if stop - start > 0.5 * WORD and not (complete and stop == len(self._samples))
        ]
        return tuple(words)

    async def __aiter__(self) -> AsyncIterator[Hypothesis]:
        while not self.closed:
            item = await self._queue.get()
            if item is None:
                return
            if isinstance(item, Exception):
                raise item
            yield item

    async def aclose(self) -> None:
        self.closed = True
        if self.ears.close_error is not None:
            raise self.ears.close_error
        if self.ears.close_hangs:
            await asyncio.Event().wait()


class FakeRecognizer:
    """Opens FakeStreams; ``ears`` says how the next ones behave, then all are sound."""

    def __init__(self, *ears: Ears, delay: float = 0.25, continuous: bool = False, languages: str = "en es ca") -> None:
        self.info = EngineInfo(
            "ears", Stage.ASR, tuple(languages.split()), True, "0BSD", True, "tests", continuous, chunk_ms=60
        )
        self.ears = deque(ears)
        self.delay = delay
        self.streams: list[FakeStream] = []

    def supports(self, language: str) -> bool:
        return language in self.info.languages

    async def start(self, languages: Sequence[str] = ()) -> None: ...

    async def open(self, request: StreamRequest) -> FakeStream:
        ears = self.ears.popleft() if self.ears else Ears()
        if ears.open_hangs:
            await asyncio.Event().wait()
        if ears.open_error is not None:
            raise ears.open_error
        stream = FakeStream(request, ears, self.delay)
        self.streams.append(stream)
        return stream

    @property
    def open_streams(self) -> list[FakeStream]:
        return [stream for stream in self.streams if not stream.closed]

    async def close(self) -> None: ...


@dataclass
class FakeTranslator:
    """``hello`` into ``es`` is ``es:hello``; ``outcomes`` says what the next calls do."""

    delay: float = 0.1
    name: str = "brain"
    pairs: tuple[tuple[str, str], ...] | None = None
    """The pairs it takes; None: all."""
    outcomes: deque[EngineError | str | None] = field(default_factory=deque)
    """None: translate. "hang": never answer. "bug": raise what no engine may raise. An error: raise it."""
    requests: list[TranslationRequest] = field(default_factory=list)

    @property
    def info(self) -> EngineInfo:
        return EngineInfo(self.name, Stage.MT, (), False, "0BSD", True, "tests")

    def supports(self, source: str, target: str) -> bool:
        return self.pairs is None or (source, target) in self.pairs

    async def start(self, languages: Sequence[str] = ()) -> None: ...

    async def close(self) -> None: ...

    async def translate(self, request: TranslationRequest) -> Translation:
        self.requests.append(request)
        outcome = self.outcomes.popleft() if self.outcomes else None
        if outcome == "hang":
            await asyncio.Event().wait()
        if outcome == "bug":
            raise ZeroDivisionError("a bug")
        if isinstance(outcome, EngineError):
            raise outcome
        await asyncio.sleep(self.delay)
        return Translation(" ".join(f"{request.target}:{word}" for word in request.text.split()), self.name)


@dataclass
class FakeSynthesizer:
    """Speaks 200 ms a word, in pieces of a word; ``outcomes`` says what the next calls do."""

    first: float = 0.1
    """Seconds to the first piece."""
    word: int = ms_to_samples(200)
    outcomes: deque[EngineError | str | None] = field(default_factory=deque)
    """None: speak. "stall": give nothing. "stall-later", "crash-later": after the first word. "empty": no audio. An
    error: raise it; one that says what is left (EngineCutShort) after the first word."""
    close_hangs: bool = False
    """Whether an iteration that is closed before its end never lets go."""
    requests: list[SpeechRequest] = field(default_factory=list)
    closed: int = 0
    """Iterations that were closed or ended."""
    info: EngineInfo = field(
        default_factory=lambda: EngineInfo("mouth", Stage.TTS, ("en", "es", "ca"), True, "0BSD", True, "tests")
    )

    def supports(self, language: str) -> bool:
        return language in self.info.languages

    async def start(self, languages: Sequence[str] = ()) -> None: ...

    async def synthesize(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        self.requests.append(request)
        outcome = self.outcomes.popleft() if self.outcomes else None
        try:
            if outcome == "stall":
                await asyncio.Event().wait()
            if isinstance(outcome, EngineError) and not isinstance(outcome, EngineCutShort):
                raise outcome
            if outcome == "empty":
                return
            await asyncio.sleep(self.first)
            for word in request.text.split():
                yield spoken(word, self.word, 0)
                if outcome == "stall-later":
                    await asyncio.Event().wait()
                if isinstance(outcome, EngineCutShort):
                    raise outcome
                if outcome == "crash-later":
                    raise EngineCrashed("mouth", "died")
        except GeneratorExit:
            if self.close_hangs:
                await asyncio.Event().wait()
            raise
        finally:
            self.closed += 1

    async def close(self) -> None: ...


@dataclass
class FakeEngines:
    """Engines."""

    ears: FakeRecognizer = field(default_factory=FakeRecognizer)
    translator: FakeTranslator = field(default_factory=FakeTranslator)
    mouth: FakeSynthesizer = field(default_factory=FakeSynthesizer)
    spare: tuple[FakeSynthesizer, ...] = ()
    circuits: Circuits = field(default_factory=Circuits)

    def recognizers(self, language: str) -> tuple[FakeRecognizer, ...]:
        return (self.ears,) if self.ears.supports(language) else ()

    def synthesizers(self, language: str) -> tuple[FakeSynthesizer, ...]:
        return tuple(mouth for mouth in (self.mouth, *self.spare) if mouth.supports(language))


@dataclass
class FakeMeasures:
    """Measures."""

    committed: int = 0
    translated: int = 0
    spoken: list[tuple[str, str, ClauseTimes, dict[str, str]]] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    failed: list[tuple[str, EngineError]] = field(default_factory=list)
    gave_way: list[tuple[str, EngineError]] = field(default_factory=list)
    crashed: int = 0
    pressure: list[str] = field(default_factory=list)

    def clause_committed(self) -> None:
        self.committed += 1

    def clause_translated(self, journey: Journey) -> None:
        self.translated += 1

    def clause_spoken(self, journey: Journey) -> None:
        self.spoken.append((journey.source, journey.target, journey.times, dict(journey.engines)))

    def clause_dropped(self, reason: str) -> None:
        self.dropped.append(reason)

    def engine_failed(self, stage: str, error: EngineError) -> None:
        self.failed.append((stage, error))

    def engine_gave_way(self, stage: str, error: EngineError) -> None:
        self.gave_way.append((stage, error))

    def leg_crashed(self) -> None:
        self.crashed += 1

    def pressed(self, stage: str) -> None:
        self.pressure.append(stage)


def rejected(engine: str = "brain") -> EngineRejected:
    return EngineRejected(engine, "not this text")


def crashed(engine: str = "ears") -> EngineCrashed:
    return EngineCrashed(engine, "died")
