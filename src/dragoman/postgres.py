"""Connections to PostgreSQL that part in time, also from a server that stands still; imported only where one is used.

What asks a question is cancelled when its time is over. What comes behind is not: SQLAlchemy waits for the end of a
connection whatever happens, and asyncpg for the server's part in it, for as long as that takes. A server that is
frozen, or behind a network that went away, would hold a lookup, and the end of the daemon, for ever.
"""

from __future__ import annotations

from typing import Any, Final

import asyncpg

ROLLBACK_S: Final = 2.0
"""Seconds for the end of a transaction that changed nothing: a message to and fro. It is what SQLAlchemy leaves a
connection that it gives up; beyond it this one is given up, too, and the server rolls back by itself."""

FAREWELL_S: Final = 0.5
"""Seconds that the server has to end a connection with us; then we leave without it, as libpq always does. A pool of
idle connections is closed one by one, and a service manager waits for the daemon."""


class Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """What SQLAlchemy's adapter works with, given to it as ``connection_class``."""

    async def execute(self, query: str, *args: object, timeout: float | None = None) -> Any:  # noqa: ASYNC109  # asyncpg's
        """Begin, commit, roll back: the adapter sends no other query this way.

        How long all but the last may take is our caller's matter.

        Raises:
            TimeoutError: no end of the transaction in time.
        """
        if timeout is None and query.startswith("ROLLBACK"):
            timeout = ROLLBACK_S
        return await super().execute(query, *args, timeout=timeout)

    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109  # asyncpg's
        """End it with the server, or without."""
        try:
            await super().close(timeout=FAREWELL_S if timeout is None else timeout)
        except TimeoutError:
            return  # the socket is closed
