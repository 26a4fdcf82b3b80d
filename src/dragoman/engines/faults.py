"""Keeps an engine's own bugs from looking like ours."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import structlog

from dragoman.errors import EngineCrashed, EngineError, EngineTimeout, EngineUnavailable

log = structlog.get_logger(__name__)

CLOSE_DEADLINE = 2.0
"""Seconds an engine may take to let a stream go: the close of a WebSocket takes one round trip, and while we wait the
speaker's next words wait too."""


def crashes_of(engine: str, *, deadline: bool = True) -> AbstractContextManager[None]:
    """Turn whatever a call of ``engine`` raises, beside what its protocol allows, into EngineCrashed.

    Others write engines too: a KeyError in one costs the clause or the stream, and is told with its name, not the leg.
    ``deadline``: the caller has one around this and takes a TimeoutError for it; else that is an EngineTimeout.
    """
    return _CrashesOf(engine, deadline)


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


class _CrashesOf:
    """As ``crashes_of``; a class, because a generator would cost each push of audio several times as much."""

    __slots__ = ("_deadline", "_engine")

    def __init__(self, engine: str, deadline: bool) -> None:
        self._engine = engine
        self._deadline = deadline

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or not isinstance(error, Exception) or isinstance(error, EngineError):
            return
        if not isinstance(error, TimeoutError):
            raise EngineCrashed(self._engine, f"{type(error).__name__}: {error}") from error
        if not self._deadline:
            raise EngineTimeout(self._engine, str(error) or "a deadline of its own passed") from error


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
