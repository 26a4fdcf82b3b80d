"""What a synthesizer's worker and the daemon say to each other (frames of ``engines.wire``)."""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass
from enum import IntEnum

import numpy as np

from dragoman.media.format import Pcm


class Kind(IntEnum):
    """Frame kinds."""

    READY = 1
    """From the worker, first."""
    SPEAK = 2
    """To the worker: JSON of Speak."""
    CANCEL = 3
    """To the worker: the request's number; END still comes."""
    AUDIO = 4
    """From the worker: the request's number, then int16 samples, all little endian."""
    END = 5
    """From the worker: the request's number; nothing more comes of it."""
    ERROR = 6
    """From the worker instead of END: the request's number, then UTF-8 text."""


@dataclass(frozen=True, slots=True)
class Speak:
    """One text; ``voice`` is espeak-ng's voice of the language, ``profile`` an index into ``voices.PROFILES``."""

    id: int
    text: str
    voice: str
    profile: int

    def encode(self) -> bytes:
        """As JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, payload: bytes) -> Speak:
        """From JSON."""
        return cls(**json.loads(payload))


_ID = struct.Struct("<I")


def encode_id(request: int) -> bytes:
    """A CANCEL or END payload."""
    return _ID.pack(request)


def decode_id(payload: bytes) -> int:
    """The request's number, which every payload but JSON begins with."""
    request: int = _ID.unpack_from(payload)[0]
    return request


def encode_audio(request: int, pcm: Pcm) -> bytes:
    """An AUDIO payload."""
    return _ID.pack(request) + pcm.astype("<i2", copy=False).tobytes()


def decode_audio(payload: bytes) -> Pcm:
    """The samples of an AUDIO payload."""
    return np.frombuffer(payload, "<i2", offset=_ID.size).astype(np.int16, copy=False)


def encode_error(request: int, text: str) -> bytes:
    """An ERROR payload."""
    return _ID.pack(request) + text.encode()


def decode_error(payload: bytes) -> str:
    """The text of an ERROR payload."""
    return payload[_ID.size :].decode(errors="replace")
