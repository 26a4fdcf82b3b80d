"""Files that a process has open, those apart that are connections to one TCP port: a pool of them waits for requests.

Linux only: ``/proc/PID/fd`` says which sockets are the process's, ``/proc/PID/net/tcp`` where each of them leads.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

LISTENS = "0A"
"""The state TCP_LISTEN as the table writes it (include/net/tcp_states.h of Linux)."""


@dataclass(frozen=True, slots=True)
class Files:
    """What one process has open."""

    other: int
    """All but the connections."""
    connections: int
    """Between it and the port, whichever end it has: in use, idle, or closed by the other side only."""


def open_files(pid: int, port: int) -> Files:
    """Those of a process; ``port``: that of the server on the same machine to which it connects, or which it is."""
    links = tuple(_links(pid))
    ends = connected(tables(Path(f"/proc/{pid}/net")), port)
    connections = sum(link in ends for link in links)
    return Files(len(links) - connections, connections)


def connected(table: Iterable[str], port: int) -> frozenset[str]:
    """Sockets at either end of a connection to ``port``, as a link in ``fd`` names them: ``socket:[4711]``.

    Args:
        table: lines of ``/proc/net/tcp`` or ``tcp6``, head or none (proc(5)).
        port: the server's. What listens on it is no connection.
    """
    found = set()
    for line in table:
        local, remote, state, *rest = line.split()[1:]
        if state != LISTENS and f"{port:04X}" in (local.rpartition(":")[2], remote.rpartition(":")[2]):
            found.add(f"socket:[{rest[5]}]")
    return frozenset(found)


def tables(folder: Path) -> Iterable[str]:
    """Lines of the tables in ``/proc/PID/net``; a host without IPv6 has no ``tcp6``."""
    yield from (folder / "tcp").read_text().splitlines()
    with suppress(FileNotFoundError):
        yield from (folder / "tcp6").read_text().splitlines()


def _links(pid: int) -> Iterable[str]:
    folder = f"/proc/{pid}/fd"
    for name in os.listdir(folder):
        with suppress(FileNotFoundError):  # closed since it was listed
            yield os.readlink(f"{folder}/{name}")
