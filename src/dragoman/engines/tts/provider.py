"""What the synthesizers of providers share: which text they take, deadlines on their audio, its shape."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TypeVar

from dragoman.engines.tts.loudness import StreamShaper, VoiceLevels
from dragoman.errors import EngineRejected, EngineTimeout
from dragoman.media.format import Pcm

MAX_TEXT = 1000
"""Characters of one clause, some 70 s of speech."""

FIRST_AUDIO_MS = 1500
"""Default of the option ``deadline_ms``: to the first audio. Streaming providers take 120 to 500 ms, with a new
connection; who waits longer is no use to a conversation."""

STALL_S = 2.0
"""Seconds between two pieces of audio: playback has run dry long before."""

T = TypeVar("T")


def speakable(engine: str, text: str) -> str:
    """``text`` without control characters.

    Raises:
        EngineRejected: nothing is left, or more than MAX_TEXT.
    """
    text = "".join(char if char.isprintable() else " " for char in text).strip()
    if not text or len(text) > MAX_TEXT:
        raise EngineRejected(engine, f"{len(text)} characters; takes 1 to {MAX_TEXT}")
    return text


async def timely(engine: str, source: AsyncGenerator[T, None], first_s: float) -> AsyncGenerator[T, None]:
    """``source``, whose first item must come within ``first_s`` seconds and each further one within STALL_S.

    Raises:
        EngineTimeout: it does not.
    """
    allowed, what = first_s, "no audio"
    async with aclosing(source):
        while True:
            try:
                async with asyncio.timeout(allowed):
                    item = await anext(source)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise EngineTimeout(engine, f"{what} within {allowed:g} s") from None
            yield item
            allowed, what = STALL_S, "no more audio"


async def shaped(source: AsyncIterator[tuple[int, Pcm]], voice: str, levels: VoiceLevels) -> AsyncGenerator[Pcm, None]:
    """Pieces of (Hz, samples) as a booth plays them; ``voice`` is the key of its loudness."""
    shaper: StreamShaper | None = None
    try:
        async for rate, pcm in source:
            if shaper is None:
                shaper = StreamShaper(rate, voice, levels)
            if len(ready := shaper.push(pcm)):
                yield ready
        if shaper is not None and len(ready := shaper.flush()):
            yield ready
    finally:
        if shaper is not None:
            shaper.learn()
