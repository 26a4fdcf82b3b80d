"""How one speaker's translations are spoken at one booth: in order, by the first voice that can, at its own tempo."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from typing import cast

import structlog

from dragoman.engines.base import Attempt, SpeechRequest, Synthesizer, Translation
from dragoman.engines.circuits import Circuits, Line
from dragoman.engines.faults import crashes_of, let_go, sound_of
from dragoman.errors import EngineCutShort, EngineError, EngineRejected, EngineTimeout
from dragoman.media.format import FRAME_SAMPLES, SAMPLE_RATE, Pcm
from dragoman.pipeline import catchup
from dragoman.pipeline.booth import READY_FRAMES, BoothMixer, Speech
from dragoman.pipeline.lag import LagMeter
from dragoman.pipeline.pending import CUT_OFF, NOBODY, ChainReports, Pending
from dragoman.pipeline.ports import Stretcher
from dragoman.pipeline.pressure import TTS_LIMIT, TTS_RELIEF, Pressure
from dragoman.pipeline.queues import QueueClosed, StageQueue
from dragoman.pipeline.speculation import Ahead
from dragoman.pipeline.wake import Patience, Wake
from dragoman.recovery.tts import AGAIN_S, Turns

log = structlog.get_logger(__name__)

TTS_DEADLINE = 0.5
"""Seconds without audio before synthesis is tried again (stage table: no audio for 500 ms)."""

PIECE = READY_FRAMES * FRAME_SAMPLES
"""Samples that are handed to the booth at once, at one tempo."""


class Delivery:
    """Speaks what a chain has translated, until its queue is closed and the last clause was played."""

    def __init__(
        self,
        speaker: str,
        target: str,
        synthesizers: Sequence[Synthesizer],
        mixer: Callable[[], BoothMixer | None],
        reports: ChainReports,
        clock: Callable[[], float],
        circuits: Circuits,
        request: Callable[[Translation], SpeechRequest],
        meter: LagMeter,
        stretcher: Callable[[], Stretcher | None],
        fastest: float,
        queue: StageQueue[Pending],
    ) -> None:
        """As Chain; ``request`` words what a synthesizer is asked, ``meter`` knows what is still to be spoken.

        ``stretcher`` makes what changes the tempo, when it is first needed; ``fastest``: at most so many times as fast.
        ``queue`` gives what is to be spoken.
        """
        self._speaker = speaker
        self._target = target
        self._synthesizers = tuple(synthesizers)
        self._mixer = mixer
        self._reports = reports
        self._clock = clock
        self._circuits = circuits
        self._request = request
        self._meter = meter
        self._make_stretcher = stretcher
        self._stretcher: Stretcher | None = None
        self._stretching = False  # whether the stretcher may hold audio back
        self._queue = queue
        self._playing: dict[Speech, tuple[BoothMixer, Pending]] = {}
        self._played = asyncio.Event()
        self.tempo = catchup.Tempo(limit=fastest)
        self.pressure = Pressure(TTS_LIMIT, TTS_RELIEF)
        """Of the synthesizer, behind what is played."""
        self.saved = 0
        """Samples by which faster speech was shorter, so far."""

    async def run(self) -> None:
        """Speak what comes; an engine's failure costs the clause."""
        try:
            while True:
                pending = await self._queue.get()
                mixer = self._mixer()
                try:
                    if pending.given_up:
                        continue  # which was told
                    if mixer is None:
                        pending.load.close()
                        self._reports.read(self._target, pending)  # its listeners left meanwhile
                        continue
                    if not self._synthesizers:
                        self.drop(pending, "no-voice", None)
                        continue
                    await self._speak(pending, mixer)
                except EngineError as error:
                    self.drop(pending, "tts", error)
                finally:
                    pending.release()
        except QueueClosed:
            while self._playing:
                self._played.clear()
                await self._played.wait()

    def silence(self, *, unwanted: bool) -> None:
        """Say nothing more, at once, and tell what is lost by it; ``unwanted``: nobody listens any more. Idempotent."""
        for speech, (mixer, pending) in self._playing.items():
            mixer.cancel(speech)
            speech.forget()
            pending.times.played = self._clock()
            if unwanted and pending.times.sent is not None:
                self._reports.played(self._target, pending)
            else:
                self.lose(pending, unwanted=unwanted)
        self._playing.clear()
        for pending in self._queue:
            self.lose(pending, unwanted=unwanted)

    def lose(self, pending: Pending, *, unwanted: bool) -> None:
        """What would have spoken this clause ended before it did; see ``silence``."""
        pending.release()
        if not pending.dropped and not (unwanted and pending.translation is None):
            self.drop(pending, NOBODY if unwanted else CUT_OFF, None)

    def drop(self, pending: Pending, reason: str, error: EngineError | None) -> None:
        """A clause will not be heard, or not all of it."""
        pending.dropped = True
        if not pending.load.given:
            pending.load.close()
        self._reports.dropped(self._target, pending, reason, error)

    async def _speak(self, pending: Pending, mixer: BoothMixer) -> None:
        loop = asyncio.get_running_loop()

        def first_sent(at: float) -> None:
            pending.times.sent = at
            loop.call_soon(self._reports.spoken, self._target, pending)  # not in the tick

        speech = mixer.open(self._speaker, first_sent)
        pending.load.ready = lambda: speech.ready * FRAME_SAMPLES
        self._playing[speech] = mixer, pending
        room = Wake()

        def done() -> None:
            pending.load.close()
            self._playing.pop(speech, None)
            self._played.set()
            pending.times.played, pending.hush = self._clock(), speech.hush
            speech.forget()
            loop.call_soon(self._reports.played, self._target, pending)

        def cancelled() -> None:
            room.set()
            done()
            if pending.times.sent is None:
                loop.call_soon(self.drop, pending, NOBODY, None)

        speech.on_room, speech.on_done, speech.on_cancel = room.set, done, cancelled
        pending.times.tts_begin = self._clock()
        try:
            await self._voice(pending, speech, room)
        except EngineError:
            if speech.cancelled:
                return
            if pending.times.tts_first is None:  # a clause without a sound leaves the line
                mixer.cancel(speech)
                done()
            raise
        finally:
            self._finish(pending, speech)

    async def _voice(self, pending: Pending, speech: Speech, room: Wake) -> None:
        """Speak by the first synthesizer that gives a sound (recovery.tts)."""
        if pending.translation is None:
            raise AssertionError("only translated clauses reach synthesis")
        line = self._circuits.line(self._synthesizers)
        request = self._request(pending.translation)
        turns = Turns(line.order())
        if pending.ahead is not None:
            try:
                if await self._speak_ahead(pending, pending.ahead, line, speech, room):
                    return
                await self._rest(pending.ahead, turns)
            except EngineCutShort as error:
                request = self._go_on(error, pending.ahead.voice, request, turns, speech)
                if not request.text:
                    return
        if not turns and (refusal := line.refusal()):
            raise refusal
        while turns:
            synthesizer = turns.now
            pending.voice, began = synthesizer.info.name, self._clock()
            try:
                await self._synthesize(pending, request, synthesizer, speech, room)
                if pending.times.tts_first is not None:
                    line.served(synthesizer)
                return
            except EngineError as error:
                line.failed(synthesizer, error)
                if isinstance(error, EngineCutShort):
                    request = self._go_on(error, synthesizer.info.name, request, turns, speech)
                    if not request.text:
                        return
                    continue
                circuit = self._circuits.of(synthesizer)
                answers = circuit.usable_in_need() if turns.last else circuit.usable()
                wait = turns.failed(may_help=error.retryable and answers, took_s=self._clock() - began)
                if pending.times.tts_first is None:
                    self._in_vain(pending, began)
                if not turns or speech.cancelled or pending.times.tts_first is not None:
                    raise
                log.warning("synthesizer failed", engine=error.engine, error=str(error))
                self._reports.engine_failed("tts", error)
                await asyncio.sleep(wait)  # meanwhile the booth plays silence

    async def _rest(self, ahead: Ahead, turns: Turns[Synthesizer]) -> None:
        """A voice that failed ahead is not asked again sooner than one that failed in its turn."""
        if turns and ahead.error is not None and ahead.tts_begin is not None and turns.now.info.name == ahead.voice:
            await asyncio.sleep(max(ahead.tts_begin + AGAIN_S - self._clock(), 0.0))

    def _in_vain(self, pending: Pending, began: float) -> None:
        """Its voice was asked and failed: this time is that engine's, not the next one's."""
        attempt = Attempt(pending.voice or "", began, self._clock())
        pending.times.tried.setdefault("tts", []).append(attempt)

    def _go_on(
        self,
        error: EngineCutShort,
        voice: str | None,
        request: SpeechRequest,
        turns: Turns[Synthesizer],
        speech: Speech,
    ) -> SpeechRequest:
        """What the others are to speak of a clause that ``voice`` broke off, without text where nothing is left of it.

        Raises:
            EngineCutShort: there is no other, or nobody listens any more.
        """
        turns.without(lambda synthesizer: synthesizer.info.name == voice)
        if speech.cancelled or (error.rest and not turns):
            raise error
        log.warning("synthesizer broke off", engine=error.engine, error=str(error), rest=len(error.rest))
        self._reports.engine_failed("tts", error)
        return replace(request, text=error.rest)

    async def _speak_ahead(
        self, pending: Pending, ahead: Ahead, line: Line[Synthesizer], speech: Speech, room: Wake
    ) -> bool:
        """Speak what was synthesized ahead; False where that gave no sound.

        Raises:
            EngineError: it ended in the middle.
        """
        times = pending.times
        pending.voice = ahead.voice
        asked = [synthesizer for synthesizer in self._synthesizers if synthesizer.info.name == ahead.voice]
        try:
            while not speech.cancelled and (pcm := await ahead.next_piece()) is not None:
                times.tts_begin, times.tts_first = ahead.tts_begin, ahead.tts_first
                await self._write(pending, speech, pcm, room)
        except EngineError as error:
            for synthesizer in asked:
                line.failed(synthesizer, error)
            if speech.cancelled or times.tts_first is not None:
                raise
            log.warning("synthesizer failed", engine=error.engine, error=str(error))
            if ahead.voice is not None:
                self._in_vain(pending, ahead.tts_begin or self._clock())
            self._reports.engine_failed("tts", error)
        else:
            if times.tts_first is not None:
                self._meter.synthesized(pending.load)
                for synthesizer in asked:
                    line.served(synthesizer)
        return speech.cancelled or times.tts_first is not None

    async def _synthesize(
        self, pending: Pending, request: SpeechRequest, synthesizer: Synthesizer, speech: Speech, room: Wake
    ) -> None:
        name, times = synthesizer.info.name, pending.times
        self._circuits.of(synthesizer).asked += len(request.text)
        said = (request.text,)
        with crashes_of(name, said=said):
            pieces = cast("AsyncGenerator[Pcm, None]", synthesizer.synthesize(request))
        patience = Patience(TTS_DEADLINE)
        try:
            while not speech.cancelled:
                asked, had = self._clock(), speech.ready
                try:
                    with patience, crashes_of(name, said=said):
                        pcm = await anext(pieces, None)
                except TimeoutError:
                    raise EngineTimeout(name, f"no audio for {TTS_DEADLINE * 1000:.0f} ms") from None
                if pcm is None:
                    if times.tts_first is None:
                        raise EngineRejected(name, "gave no audio for this text")
                    self._meter.synthesized(pending.load)
                    return
                sound_of(name, pcm)
                if len(pcm) and times.tts_first is None:
                    times.tts_first = self._clock()
                self._waited(self._clock() - asked - had * FRAME_SAMPLES / SAMPLE_RATE)
                await self._write(pending, speech, pcm, room)
        finally:
            patience.close()
            # Engines give async generators; closing one at once is what cancels its synthesis.
            if error := await let_go(name, lambda: pieces.aclose()):
                self._reports.engine_failed("tts", error)

    async def _write(self, pending: Pending, speech: Speech, pcm: Pcm, room: Wake) -> None:
        """Write in pieces, waiting while as much lies ready; a cancelled speech takes no more."""
        load = pending.load
        load.given += len(pcm)
        for start in range(0, len(pcm), PIECE):
            while speech.full and not speech.cancelled:
                room.clear()
                await room.wait()
            if speech.cancelled:
                return
            piece = pcm[start : start + PIECE]
            paced = self._paced(piece, first=not load.played)
            load.played += len(piece)
            speech.write(paced)

    def _waited(self, seconds: float) -> None:
        """The booth waited so long for its synthesizer, if nothing that was said before still sounds."""
        if len(self._playing) > 1:
            return
        if self.pressure.feed(seconds):
            self._reports.pressed(self._target, "tts", seconds)
        self.tempo.starved = self.pressure.on

    def _paced(self, piece: Pcm, *, first: bool) -> Pcm:
        """A piece at the tempo of this moment, as far as it is not held back until the next."""
        backlog = self._meter.now()
        alone = first and len(self._playing) == 1
        tempo = self.tempo.begin(backlog) if alone else self.tempo.step(backlog, len(piece))
        if tempo == 1.0 and not self._stretching:
            return piece
        if self._stretcher is None:
            self._stretcher = self._make_stretcher()
            if self._stretcher is None:
                self.tempo.limit = self.tempo.now = 1.0
                return piece
        self._stretching = tempo != 1.0
        paced = self._stretcher.stretch(piece, tempo)
        self.saved += len(piece) - len(paced)
        return paced

    def _finish(self, pending: Pending, speech: Speech) -> None:
        """No more of it comes: what was said of it is said."""
        if self._stretching and self._stretcher is not None:
            held = self._stretcher.drain()
            self._stretching = False
            self.saved -= len(held)
            if not speech.cancelled:
                speech.write(held)
        pending.load.whole = True
        pending.load.given = pending.load.played
        speech.finish()
