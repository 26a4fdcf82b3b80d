"""Keeps an engine's own bugs from looking like ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dragoman.errors import EngineCrashed, EngineError


@contextmanager
def crashes_of(engine: str) -> Iterator[None]:
    """Turn whatever a call of ``engine`` raises, beside what its protocol allows, into EngineCrashed.

    Others write engines too: a KeyError in one costs the clause or the stream, and is told with its name, not the leg.
    """
    try:
        yield
    except (EngineError, TimeoutError):
        raise
    except Exception as error:
        raise EngineCrashed(engine, f"{type(error).__name__}: {error}") from error
