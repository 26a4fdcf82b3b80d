"""The sounds of a file that libsndfile would read only in part: a chained Ogg, a WAV of unknown length. Pure.

An Ogg stream may be followed by another one in the same file (RFC 3533 section 6): recorders that pause and go on write
such files, and so does who appends one to the other. Who writes a WAV into a pipe does not know its length when its
header is written, and leaves 0 there; more common is the largest number, which libsndfile takes for "to the end".
"""

from __future__ import annotations

import struct
from typing import Final

_OGG: Final = b"OggS"
_PAGE: Final = 27
"""Bytes of a page's header; byte 5 has its flags, the last one the number of bytes that follow and tell its length."""
_BEGINS: Final = 0x02
"""Flag of a stream's first page."""

_ORDERS: Final = {b"RIFF": "<I", b"RIFX": ">I"}
_CHUNK: Final = 8
"""Bytes of a chunk's name and length."""


def parts(data: bytes) -> list[bytes]:
    """The files that make up this one, each with one sound; most often itself."""
    if data.startswith(_OGG):
        starts = _links(data)
        return [data[start:stop] for start, stop in zip(starts, [*starts[1:], len(data)], strict=True)]
    if data[:4] in _ORDERS and data[8:12] == b"WAVE":
        return [_with_length(data, _ORDERS[data[:4]])]
    return [data]


def _links(data: bytes) -> list[int]:
    """Where each link of an Ogg chain begins; streams that are multiplexed begin together and are one."""
    starts = [0]
    at, began = 0, True
    while (at := data.find(_OGG, at)) >= 0 and at + _PAGE <= len(data):
        begins = bool(data[at + 5] & _BEGINS)
        if begins and not began:
            starts.append(at)
        began = begins
        lengths = data[at + _PAGE : at + _PAGE + data[at + _PAGE - 1]]
        at += _PAGE + len(lengths) + sum(lengths)
    return starts


def _with_length(data: bytes, order: str) -> bytes:
    """The WAV with the length of its samples, where its header has 0 and no other chunks follow: all the rest."""
    at = 12
    while at + _CHUNK <= len(data):
        name, (size,) = data[at : at + 4], struct.unpack_from(order, data, at + 4)
        at += _CHUNK
        if name == b"data":
            if size or at == len(data) or _only_chunks(data[at:], order):
                return data
            whole, rest = struct.pack(order, len(data) - _CHUNK), struct.pack(order, len(data) - at)
            return data[:4] + whole + data[8 : at - 4] + rest + data[at:]
        at += size + size % 2
    return data


def _only_chunks(data: bytes, order: str) -> bool:
    """Whether these bytes are chunks to their very end: then there are no samples among them."""
    at = 0
    while at + _CHUNK <= len(data):
        (size,) = struct.unpack_from(order, data, at + 4)
        at += _CHUNK + size + size % 2
    return at == len(data)
