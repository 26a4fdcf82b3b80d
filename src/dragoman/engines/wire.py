"""How the daemon and an engine's worker process talk over a pair of pipes: frames of kind, length, payload.

One byte kind, four bytes length (little endian), then the payload: JSON for what is said once, raw samples for audio.
"""

from __future__ import annotations

import asyncio
import struct
from typing import BinaryIO

MAX_PAYLOAD = 1 << 22
"""Bytes. A lexicon of ten thousand words is 1 MB of JSON; more is a broken stream."""

_HEAD = struct.Struct("<BI")


class WireError(ValueError):
    """Bytes that are no frame, or a frame that is cut off."""


def pack(kind: int, payload: bytes = b"") -> bytes:
    """One frame.

    Raises:
        WireError: the payload is larger than MAX_PAYLOAD.
    """
    if len(payload) > MAX_PAYLOAD:
        raise WireError(f"payload of {len(payload)} bytes, at most {MAX_PAYLOAD}")
    return _HEAD.pack(kind, len(payload)) + payload


def _unpack_head(head: bytes) -> tuple[int, int]:
    kind, length = _HEAD.unpack(head)
    if length > MAX_PAYLOAD:
        raise WireError(f"frame of {length} bytes announced, at most {MAX_PAYLOAD}")
    return kind, length


async def read(reader: asyncio.StreamReader) -> tuple[int, bytes] | None:
    """The next frame as (kind, payload); None when the other side closed between two frames.

    Raises:
        WireError: cut off inside a frame, or no frame.
    """
    try:
        head = await reader.readexactly(_HEAD.size)
    except asyncio.IncompleteReadError as error:
        if not error.partial:
            return None
        raise WireError("cut off inside a frame") from None
    kind, length = _unpack_head(head)
    try:
        return kind, await reader.readexactly(length)
    except asyncio.IncompleteReadError:
        raise WireError("cut off inside a frame") from None


def read_blocking(file: BinaryIO) -> tuple[int, bytes] | None:
    """As ``read``, for a worker that has nothing else to do than wait."""
    head = file.read(_HEAD.size)
    if not head:
        return None
    if len(head) < _HEAD.size:
        raise WireError("cut off inside a frame")
    kind, length = _unpack_head(head)
    payload = file.read(length)
    if len(payload) < length:
        raise WireError("cut off inside a frame")
    return kind, payload
