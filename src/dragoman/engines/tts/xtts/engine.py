"""XTTS v2: many voices, seventeen languages, on a GPU of one's own; the weights are not for commercial use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from dragoman.engines.base import EngineInfo, SpeechRequest, Stage
from dragoman.engines.local_models import importing, require_packages
from dragoman.engines.tts.loudness import StreamShaper, VoiceLevels
from dragoman.engines.tts.provider import speakable
from dragoman.engines.tts.xtts import licence
from dragoman.engines.tts.xtts.languages import LANGUAGES, MADE_LATER, NEEDED_PACKAGES, VOCABULARY
from dragoman.engines.tts.xtts.settings import COUNTERS, NAME, RECIPE, Settings
from dragoman.engines.tts.xtts.speakers import Floats, VoiceSource
from dragoman.errors import EngineCrashed, EngineCutShort, EngineRejected, EngineTimeout
from dragoman.media.format import Pcm
from dragoman.recovery.gpu import Mend
from dragoman.recovery.kinds import Kind, Status
from dragoman.recovery.telling import Tell, nobody

if TYPE_CHECKING:
    from dragoman.engines.tts.xtts.clause import Item, Order
    from dragoman.engines.tts.xtts.cloning import XttsEncoder
    from dragoman.engines.tts.xtts.loading import Loaded
    from dragoman.engines.tts.xtts.worker import Worker

PACKAGES = ("torch", "torchaudio", "transformers", "TTS")

ANSWER_DEADLINE_S = 30.0
"""Seconds without sound after which the thread hangs. A full model on one core takes 4 s to its first sound, and others
may be before it; whoever plays the sound has a shorter deadline of his own."""

DOUBT_S = 0.3
"""Seconds of silence after which a clause that broke off is cut where it is guessed to be: who plays it would give it
up after 0.5 s. The answer takes 0.1 s on an idle core."""

STRIDE = 2400
"""Samples (100 ms) shaped in one go in the loop's thread, 0.3 ms. All of a delivery (0.74 s) take 1.1 ms, and those of
clauses that speak together come together: beside four of them, a tick was 9 to 16 ms late at its 99th percentile."""

CLOSE_DEADLINE_S = 4.0
"""Seconds that a step or a warm-up under way may take when the daemon stops; a model that is still being loaded is left
to it, for the thread ends behind that by itself, or with the process."""


class XttsSynthesizer:
    """One model for all clauses, in a thread of its own.

    Options: see ``settings.Settings``; ``model`` (the folder) and ``accept_cpml = true`` are needed.
    """

    def __init__(self, options: Mapping[str, object], voices: VoiceSource | None = None) -> None:
        """``voices``: people's own voices; all have stock ones if not given. Raises ConfigError."""
        self.tell: Tell = nobody
        """Told, in the loop's thread, when the model failed, and what is done."""
        self.on_own_voice: Callable[[str, Pcm], None] = lambda speaker, pcm: None
        """Called with each clause that was spoken in a person's own voice: the request's speaker, its sound."""
        self._settings = Settings.read(options)
        self._voices = voices
        self._languages = tuple(
            language
            for language in LANGUAGES
            if language not in NEEDED_PACKAGES or find_spec(NEEDED_PACKAGES[language]) is not None
        )
        self._levels = VoiceLevels()
        self._worker: Worker | None = None
        self._starting = asyncio.Lock()
        self._turn = asyncio.Lock()
        """Who shapes his next sound: one clause in each round of the loop."""
        self._closed = False

    @property
    def info(self) -> EngineInfo:
        """See EngineInfo."""
        return EngineInfo(
            name=NAME,
            stage=Stage.TTS,
            languages=self._languages,
            streaming=True,
            licence=licence.LICENCE,
            commercial_use=False,
            clones=True,
            purpose="Speaking in anybody's voice, on your own GPU; for what is not commercial.",
        )

    def supports(self, language: str) -> bool:
        """What the model speaks; before it is loaded, what XTTS v2 does."""
        return language in self._languages

    def counts(self) -> Mapping[str, int]:
        """See Counting."""
        from_worker = self._worker.counts if self._worker is not None else {}
        return {name: from_worker.get(name, 0) for name in COUNTERS}

    def use(self, voices: VoiceSource) -> None:
        """Take people's own voices from there; before ``start``."""
        self._voices = voices

    @property
    def encoder(self) -> XttsEncoder | None:
        """What makes a voice of a clip; None before ``start``."""
        from dragoman.engines.tts.xtts.cloning import XttsEncoder

        worker = self._worker
        if worker is None or not worker.ready.done() or worker.ready.exception() is not None:
            return None
        return XttsEncoder(worker, worker.ready.result().encoder)

    async def start(self, languages: Sequence[str] = ()) -> None:
        """Load the model and let it speak once, unheard.

        Raises:
            EngineUnavailable: the licence is not accepted, or a package or the model is missing or unusable; says what
                to do.
        """
        licence.require_consent(NAME, self._settings.accept_cpml)
        require_packages(NAME, NAME, PACKAGES)
        RECIPE.require(self._settings.model)  # before the imports, which take 4 s
        async with self._starting:
            if self._closed:
                raise EngineCrashed(NAME, "closed")
            if self._worker is not None:
                return
            self._worker = worker = await asyncio.to_thread(self._thread)
            worker.on_mend = partial(_tell_mend, asyncio.get_running_loop(), lambda: self.tell)
            worker.start()
            try:
                loaded = await asyncio.shield(asyncio.wrap_future(worker.ready))
            except BaseException:
                worker.stop()
                self._worker = None
                raise
            spoken = set(loaded.model.languages)
            self._languages = tuple(
                language for language in (*self._languages, *MADE_LATER) if VOCABULARY.get(language, language) in spoken
            )

    async def synthesize(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        """See Synthesizer.

        Raises:
            EngineCutShort: it broke off, as its self-check was not content; says what is left to be said.
        """
        if not self.supports(request.language):
            raise EngineRejected(NAME, f"does not speak {request.language!r}")
        text = speakable(NAME, request.text)
        worker = self._worker
        if worker is None or self._closed:
            raise EngineCrashed(NAME, "closed" if self._closed else "not started")
        from dragoman.engines.tts.xtts.clause import Order

        order = Order(SpeechRequest(text, request.language, request.speaker, request.options), self._settings.seed)
        spoken: list[Pcm] = []
        async with aclosing(self._shaped(worker, order)) as pieces:
            async for piece in pieces:
                if order.voice is not None and order.voice.own:
                    spoken.append(piece)
                yield piece
        if spoken:
            self.on_own_voice(request.speaker, np.concatenate(spoken))

    async def condition(self, audio: Floats, rate: int) -> tuple[Floats, Floats]:
        """What a clip of somebody (full scale is 1) conditions the model on: latents [32, width], embedding [512].

        Made in the synthesizer's thread, between two steps of what is being spoken.

        Raises:
            EngineRejected: the clip is too short.
            EngineCrashed: not started, or closed.
        """
        from dragoman.engines.tts.xtts.cloning import condition

        if self._worker is None:
            raise EngineCrashed(NAME, "not started")
        try:
            return await asyncio.wrap_future(self._worker.ask(partial(condition, audio=audio, rate=rate)))
        except ValueError as error:
            raise EngineRejected(NAME, str(error)) from error

    async def close(self) -> None:
        """End the thread, and with it whatever is being spoken. Idempotent."""
        self._closed = True
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.stop()
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_DEADLINE_S):
                    await asyncio.shield(asyncio.wrap_future(worker.ended))
                    worker.join()

    def _thread(self) -> Worker:
        """The heavy imports, which take 4 s."""
        with importing(NAME, NAME):
            from dragoman.engines.tts.xtts.worker import Worker

        return Worker(self._settings, self._load)

    def _load(self, settings: Settings) -> Loaded:
        """Load the model; in the synthesizer's thread."""
        from dragoman.engines.tts.xtts.loading import loading

        return loading(settings, self._voices)

    async def _shaped(self, worker: Worker, order: Order) -> AsyncGenerator[Pcm, None]:
        """What is made, as a booth plays it: 16 kHz, at its voice's pitch and loudness."""
        shaper: StreamShaper | None = None
        broken: EngineCutShort | None = None
        try:
            async with aclosing(self._sound(worker, order)) as sound:
                try:
                    async for samples in sound:
                        if shaper is None:
                            voice = order.voice
                            assert voice is not None  # it is chosen before anything is delivered
                            shaper = StreamShaper(voice.rate, voice.voice, self._levels, voice.gain_db)
                        if len(ready := shaper.push(samples)):
                            yield ready
                except EngineCutShort as error:
                    broken = error  # what was said before is said to its end
            if shaper is not None and len(ready := shaper.flush()):
                yield ready
            if broken is not None:
                raise broken
        finally:
            if shaper is not None:
                shaper.learn()

    async def _sound(self, worker: Worker, order: Order) -> AsyncGenerator[Pcm, None]:
        """Samples as they come, STRIDE of them at most."""
        from dragoman.engines.tts.xtts.inbox import Inbox

        come = asyncio.Event()
        inbox = Inbox(come.set)
        order.deliver = _from_thread(asyncio.get_running_loop(), inbox.put)
        worker.submit(order)
        try:
            while True:
                if inbox.ready:
                    async with self._turn:
                        await asyncio.sleep(0)  # the tick may be due
                else:
                    come.clear()
                    try:
                        async with asyncio.timeout(DOUBT_S if inbox.doubtful else ANSWER_DEADLINE_S):
                            await come.wait()
                    except TimeoutError:
                        if not inbox.doubtful:
                            raise EngineTimeout(NAME, f"no sound for {ANSWER_DEADLINE_S:g} s") from None
                        inbox.settle()
                    continue
                if (samples := inbox.take(STRIDE)) is None:
                    return
                yield samples
        finally:
            worker.release(order, inbox.over)


def _tell_mend(loop: asyncio.AbstractEventLoop, tell: Callable[[], Tell], mend: Mend, why: str) -> None:
    status = Status.DEGRADED if mend in (Mend.SHED, Mend.GIVE_UP) else Status.RECOVERING
    with suppress(RuntimeError):  # the loop is closed
        loop.call_soon_threadsafe(
            lambda: tell()(Kind.GPU_FAILED, mend.action, status, f"{Stage.TTS}:{NAME}", detail=why)
        )


def _from_thread(loop: asyncio.AbstractEventLoop, take: Callable[[Item], None]) -> Callable[[Item], None]:
    """``take``, called in the loop's thread; nothing is taken when the loop is closed."""

    def tell(item: Item) -> None:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(take, item)

    return tell
