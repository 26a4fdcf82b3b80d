"""Clauses that are not committed yet, translated and synthesized ahead, and held until they are."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import cast

from dragoman.engines.base import SpeechRequest, Synthesizer, Translation
from dragoman.engines.faults import crashes_of, let_go, sound_of
from dragoman.errors import EngineError, EngineTimeout
from dragoman.media.format import FRAME_SAMPLES, Pcm
from dragoman.pipeline.booth import READY_FRAMES
from dragoman.pipeline.clause import Clause
from dragoman.pipeline.completeness import Foreseen
from dragoman.pipeline.plain import plain_text
from dragoman.pipeline.wake import Patience

MAX_ALIVE = 2
"""Speculations of one chain at once: the end of a sentence and the beginning of the next."""

KNOWN = 8
"""Translations of dropped speculations that are kept until the next clause is committed: a recogniser that revises a
word often revises it back."""

HELD = READY_FRAMES * FRAME_SAMPLES
"""Samples synthesized ahead; the rest is made when it is spoken, so that a wrong guess costs 160 ms of speech."""

PATIENCE = 5.0
"""Seconds for which audio is held unconfirmed: a final takes one, and each held stream is one of the synthesizer's."""

Translate = Callable[[], Awaitable[Translation]]
Voice = Callable[[Translation], tuple[Synthesizer, SpeechRequest, float] | None]
"""Who speaks a translation, what he is asked, and how many seconds he may take for each piece; None: nobody."""


class Ahead:
    """One clause under way ahead of its commit. Its own task asks the engines; ``cancel`` ends them at once."""

    def __init__(self, text: str, clock: Callable[[], float], translation: Translation | None = None) -> None:
        """``translation``: where it is known already."""
        self.key = plain_text(text)
        self.task: asyncio.Task[None] | None = None
        self.translation = translation
        self.error: EngineError | None = None
        """What ended it; whoever needs the clause then asks the engines himself."""
        self.voice: str | None = None
        self.mt_begin: float | None = None
        self.mt_end: float | None = None
        self.tts_begin: float | None = None
        self.tts_first: float | None = None
        self._clock = clock
        self._confirmed = False
        self._pieces: deque[Pcm] = deque()
        self._ready = 0
        self._ended = False
        self._changed = asyncio.Event()

    async def run(self, translate: Translate, voice: Voice) -> None:
        """Until all is synthesized and taken, or cancelled; never raises an EngineError."""
        try:
            self.mt_begin = self._clock()
            if self.translation is None:
                self.translation = await translate()
            self.mt_end = self._clock()
            self._changed.set()
            asked = voice(self.translation)
            if asked is not None:
                await self._synthesize(*asked)
        except EngineError as error:
            self.error = error
        finally:
            self._ended = True
            self._changed.set()

    def cancel(self) -> None:
        """Nobody needs it any more; idempotent."""
        if self.task is not None:
            self.task.cancel()

    def confirm(self) -> None:
        """It was committed and waits for its turn: its audio is held for as long as that takes."""
        self._confirmed = True
        self._changed.set()

    async def translated(self) -> Translation | None:
        """The translation, or None when there will be none."""
        while self.translation is None and not self._ended:
            await self._wait()
        return self.translation

    async def next_piece(self) -> Pcm | None:
        """The next piece of its audio; None at its end.

        Raises:
            EngineError: the synthesizer failed.
        """
        while not self._pieces:
            if self._ended:
                if self.error is not None:
                    raise self.error
                return None
            await self._wait()
        pcm = self._pieces.popleft()
        self._ready -= len(pcm)
        self._changed.set()
        return pcm

    async def _wait(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    async def _room(self) -> bool:
        """Wait until more may be synthesized; False when nobody confirmed it for so long that its audio is let go."""
        try:
            async with asyncio.timeout(PATIENCE):
                while self._ready >= HELD and not self._confirmed:
                    await self._wait()
        except TimeoutError:
            self._pieces.clear()
            self.tts_first = None
            return False
        while self._ready >= HELD:
            await self._wait()
        return True

    async def _synthesize(self, synthesizer: Synthesizer, request: SpeechRequest, deadline: float) -> None:
        self.voice = name = synthesizer.info.name
        self.tts_begin = self._clock()
        said = (request.text,)
        with crashes_of(name, said=said):
            pieces = cast("AsyncGenerator[Pcm, None]", synthesizer.synthesize(request))
        patience = Patience(deadline)
        try:
            while True:
                try:
                    with patience, crashes_of(name, said=said):
                        pcm = await anext(pieces, None)
                except TimeoutError:
                    raise EngineTimeout(name, f"no audio for {deadline * 1000:.0f} ms") from None
                if pcm is None:
                    return
                sound_of(name, pcm)
                if not len(pcm):
                    continue
                if self.tts_first is None:
                    self.tts_first = self._clock()
                self._pieces.append(pcm)
                self._ready += len(pcm)
                self._changed.set()
                if not await self._room():
                    return
        finally:
            patience.close()
            await let_go(name, lambda: pieces.aclose())


class Speculations:
    """One chain's: which clauses to begin ahead, which to drop, and which are confirmed."""

    def __init__(self, begin: Callable[[Clause, Translation | None], Ahead]) -> None:
        """``begin`` starts one; it is given the translation where that is known."""
        self._begin = begin
        self._alive: list[Ahead] = []
        self._known: OrderedDict[str, Translation] = OrderedDict()
        self.counts: Counter[str] = Counter()
        """made, confirmed, dropped."""

    def foresee(self, likely: Sequence[Foreseen], *, begin: bool) -> None:
        """What will be committed next, in order: drop what is revised and, with ``begin``, begin the rest."""
        keys = {plain_text(each.clause.text): each for each in likely}
        for ahead in [ahead for ahead in self._alive if ahead.key not in keys]:
            self._drop(ahead)
        alive = {ahead.key for ahead in self._alive}
        for key, each in keys.items():
            if begin and each.complete and key and key not in alive and len(self._alive) < MAX_ALIVE:
                self._alive.append(self._begin(each.clause, self._known.get(key)))
                self.counts["made"] += 1

    def take(self, clause: Clause) -> Ahead | None:
        """This clause was committed: what was begun of it, which is the caller's from now on."""
        key = plain_text(clause.text)
        self._known.clear()
        found = next((ahead for ahead in self._alive if ahead.key == key), None)
        if found is not None:
            self._alive.remove(found)
            found.confirm()
            self.counts["confirmed"] += 1
        return found

    def drop_all(self) -> None:
        """Nothing will be committed any more."""
        for ahead in tuple(self._alive):
            self._drop(ahead)

    def _drop(self, ahead: Ahead) -> None:
        ahead.cancel()
        self._alive.remove(ahead)
        self.counts["dropped"] += 1
        if ahead.translation is not None:
            self._known[ahead.key] = ahead.translation
            if len(self._known) > KNOWN:
                self._known.popitem(last=False)
