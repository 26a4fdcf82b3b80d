"""Keeps an engine's own bugs from looking like ours."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import structlog

from dragoman.errors import EngineCrashed, EngineError, EngineTimeout

log = structlog.get_logger(__name__)

CLOSE_DEADLINE = 2.0
"""Seconds an engine may take to let a stream go: the close of a WebSocket takes one round trip, and while we wait the
speaker's next words wait too."""


@contextmanager
def crashes_of(engine: str, *, deadline: bool = True) -> Iterator[None]:
    """Turn whatever a call of ``engine`` raises, beside what its protocol allows, into EngineCrashed.

    Others write engines too: a KeyError in one costs the clause or the stream, and is told with its name, not the leg.
    ``deadline``: the caller has one around this and takes a TimeoutError for it; else that is an EngineTimeout.
    """
    try:
        yield
    except EngineError:
        raise
    except TimeoutError as error:
        if deadline:
            raise
        raise EngineTimeout(engine, str(error) or "a deadline of its own passed") from error
    except Exception as error:
        raise EngineCrashed(engine, f"{type(error).__name__}: {error}") from error


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
