"""Keeps an engine's own bugs from looking like ours."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

import numpy as np
import structlog

from dragoman.engines.base import Hypothesis, Translation, Word
from dragoman.engines.http_answers import unspoken
from dragoman.errors import EngineCrashed, EngineError, EngineTimeout, EngineUnavailable
from dragoman.media.format import Pcm
from dragoman.redaction import without_secrets

log = structlog.get_logger(__name__)

CLOSE_DEADLINE = 2.0
"""Seconds an engine may take to let a stream go: the close of a WebSocket takes one round trip, and while we wait the
speaker's next words wait too."""

LONGEST = 2**53
"""Samples into a leg, at which no audio time lies (18,000 years), nor can a float tell two of them apart."""


def crashes_of(engine: str, *, deadline: bool = True, said: Iterable[str] = ()) -> AbstractContextManager[None]:
    """Turn whatever a call of ``engine`` raises, beside what its protocol allows, into EngineCrashed.

    Others write engines too: a KeyError in one costs the clause or the stream, and is told with its name, not the leg.
    No error tells a secret that has the form of one, nor what was ``said`` and given to the engine: a server, or a
    package, may repeat it. ``deadline``: the caller has one around this and takes a TimeoutError for it; else that is
    an EngineTimeout.
    """
    return _CrashesOf(engine, deadline, said)


@contextmanager
def loading(engine: str) -> Iterator[None]:
    """Around ``engine.start``: as ``crashes_of``, and an import that fails says what to do about it."""
    with crashes_of(engine, deadline=False):
        try:
            yield
        except ImportError as error:
            raise EngineUnavailable(
                engine,
                f"a package that it needs does not load ({type(error).__name__}: {error}): install that, or the extra "
                "that the engine's documentation names",
            ) from error


def sound_of(engine: str, pcm: object) -> Pcm:
    """What a synthesizer gave, if it is sound: anything else would break the tick, far from whose bug it is.

    Raises:
        EngineCrashed: it is not.
    """
    if isinstance(pcm, np.ndarray) and pcm.ndim == 1 and pcm.dtype == np.int16:
        return pcm
    shape = f" of {pcm.ndim} x {pcm.dtype}" if isinstance(pcm, np.ndarray) else ""
    raise EngineCrashed(engine, f"gave {type(pcm).__name__}{shape}, not mono int16 at 16 kHz (1 x int16)")


def words_of(engine: str, heard: object) -> Hypothesis:
    """What a recogniser gave, if it is a hypothesis of words; raises EngineCrashed if not, and at its end (None)."""
    if heard is None:
        raise EngineCrashed(engine, "the stream ended by itself")
    if not isinstance(heard, Hypothesis):
        raise EngineCrashed(engine, f"gave {type(heard).__name__}, not a Hypothesis")
    if not isinstance(heard.words, tuple) or not all(isinstance(word, Word) for word in heard.words):
        raise EngineCrashed(engine, "gave a Hypothesis whose words are no tuple of Word")
    if not all(isinstance(word.text, str) for word in heard.words):
        raise EngineCrashed(engine, "gave a Word whose text is no text")
    if not all(_is_time(word.start) and _is_time(word.end) for word in heard.words) or not _is_time(heard.upto):
        raise EngineCrashed(engine, "gave audio times that are no numbers of samples")
    if all(readable(word.text) is word.text for word in heard.words):
        return heard
    return replace(heard, words=tuple(replace(word, text=readable(word.text)) for word in heard.words))


def text_of(engine: str, translation: object) -> Translation:
    """What a translator gave, if it is a translation; raises EngineCrashed if not."""
    if not isinstance(translation, Translation):
        raise EngineCrashed(engine, f"gave {type(translation).__name__}, not a Translation")
    if not isinstance(translation.text, str):
        raise EngineCrashed(engine, f"gave a Translation whose text is {type(translation.text).__name__}, not a text")
    text = readable(translation.text)
    return translation if text is translation.text else replace(translation, text=text)


def readable(text: str) -> str:
    """``text`` with U+FFFD for half of a surrogate pair: JSON may bring one, and neither sockets nor guards take it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _is_time(at: object) -> bool:
    return isinstance(at, int | float | np.number) and bool(-LONGEST < at < LONGEST)


class _CrashesOf:
    """As ``crashes_of``; a class, because a generator would cost each push of audio several times as much."""

    __slots__ = ("_deadline", "_engine", "_said")

    def __init__(self, engine: str, deadline: bool, said: Iterable[str]) -> None:
        self._engine = engine
        self._deadline = deadline
        self._said = said

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or not isinstance(error, Exception):
            return
        if isinstance(error, EngineError):
            error.args = (self._fit(str(error)),)
        elif not isinstance(error, TimeoutError):
            raise EngineCrashed(self._engine, f"{type(error).__name__}: {self._fit(str(error))}") from error
        elif not self._deadline:
            raise EngineTimeout(self._engine, self._fit(str(error)) or "a deadline of its own passed") from error

    def _fit(self, words: str) -> str:
        return without_secrets(unspoken(words, self._said))


async def let_go(engine: str, close: Callable[[], Awaitable[None]]) -> EngineError | None:
    """Close something of ``engine`` within CLOSE_DEADLINE; whatever goes wrong is logged and returned, never raised.

    What is left of a stream that does not close is the engine's; its reader and its audio are gone.
    """
    failure: EngineError
    try:
        async with asyncio.timeout(CLOSE_DEADLINE):
            with crashes_of(engine):
                await close()
        return None
    except TimeoutError:
        failure = EngineTimeout(engine, f"not closed within {CLOSE_DEADLINE:g} s")
    except EngineError as error:
        failure = error
    log.warning("engine does not let go", engine=engine, error=str(failure))
    return failure
