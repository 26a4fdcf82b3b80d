"""What the synthesizer's thread has made of one clause, until its listener takes it; what is cut of it meanwhile. Pure.

A model on a GPU is seconds ahead of the booth. What lies here was not played yet, so that a piece that breaks off can
still be cut where a word ends.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np

from dragoman.engines.tts.xtts.clause import FADE, NOTHING, SHORT_FADE, TAIL, BrokenOff, Item, faded
from dragoman.engines.tts.xtts.settings import NAME
from dragoman.errors import EngineCutShort, EngineError
from dragoman.media.format import Pcm


class Inbox:
    """One clause's. Not bounded by itself but by speakable(): the thread must not wait for one reader."""

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        """``changed`` is called when something has come."""
        self.over = False
        """All of it has come."""
        self._changed = changed
        self._waiting: deque[Pcm] = deque()
        self._error: EngineError | None = None
        self._guess: BrokenOff | None = None
        self._come = self._taken = 0
        """Samples so far."""

    def put(self, item: Item) -> None:
        """As the thread delivers it; nothing counts behind the last one."""
        if self.over:
            return
        if isinstance(item, np.ndarray):
            self._come += len(item)
            self._waiting.append(item)
        elif isinstance(item, BrokenOff) and item.doubtful:
            self._guess = item
        else:
            self._end(item)
        self._changed()

    @property
    def doubtful(self) -> bool:
        """It broke off, and where it is cut will be told soon: whoever cannot wait for that calls ``settle``."""
        return self._guess is not None and not self.over

    def settle(self) -> None:
        """Cut it by the guess."""
        if self._guess is not None and not self.over:
            self._end(self._guess)

    @property
    def ready(self) -> bool:
        """Whether ``take`` has an answer."""
        return bool(self._waiting) or self.over

    def take(self, most: int) -> Pcm | None:
        """So many samples, or fewer; None: that was all. Only when ``ready``.

        Raises:
            EngineError: what it ended in, once all that came before was taken.
        """
        if not self._waiting:
            if self._error is not None:
                raise self._error
            return None
        first = self._waiting.popleft()
        if len(first) > most:
            self._waiting.appendleft(first[most:])
        taken = first[:most]
        self._taken += len(taken)
        return taken

    def _end(self, item: BrokenOff | EngineError | None) -> None:
        self.over = True
        self._error = self._cut(item) if isinstance(item, BrokenOff) else item

    def _cut(self, broken: BrokenOff) -> EngineCutShort:
        """End with a word: what is left of the sound, and of the text."""
        begin = self._come - broken.delivered
        cut = broken.seam.cut(self._taken - begin)
        sound = np.concatenate([NOTHING, *self._waiting, broken.more])
        keep = max(0, begin + cut.at - self._taken)
        kept = sound[:keep]
        if cut.at:
            fading = sound[keep : keep + (SHORT_FADE if cut.certain else FADE)]
            kept = np.concatenate([kept, faded(fading), np.zeros(TAIL, np.int16)])
        self._waiting = deque([kept] if len(kept) else [])
        rest = " ".join(part for part in (cut.rest, broken.later) if part)
        return EngineCutShort(NAME, broken.why, rest)
