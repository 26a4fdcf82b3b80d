"""Free ports on 127.0.0.1, for a PBX and phones that run beside others."""

from __future__ import annotations

import random
import socket
from collections.abc import Sequence

from dragoman.errors import PbxError

PORTS = range(12_000, 32_000)
"""Below what Linux gives to clients by itself (from 32768): a port found free is still free a moment later."""

_TRIES = 200
"""Places of the range that are tried before giving up: where ports are free, the first few do."""


def free_port(*kinds: socket.SocketKind, span: int = 1) -> int:
    """The first of ``span`` ports in a row that nobody has just now, for each of ``kinds`` (default: UDP and TCP).

    Raises:
        PbxError: none was found.
    """
    for _ in range(_TRIES):
        start = random.randrange(PORTS.start, PORTS.stop - span, 2)  # RTP wants an even one
        if all(_is_free(port, kinds or (socket.SOCK_DGRAM, socket.SOCK_STREAM)) for port in range(start, start + span)):
            return start
    raise PbxError(f"no {span} free port(s) in a row between {PORTS.start} and {PORTS.stop} on 127.0.0.1")


def _is_free(port: int, kinds: Sequence[socket.SocketKind]) -> bool:
    for kind in kinds:
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True
