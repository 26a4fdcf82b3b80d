"""What the Whisper worker, which serves all streams, and the daemon say to each other (frames of ``engines.wire``)."""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass
from enum import IntEnum

from dragoman.engines.asr.messages import decode_audio, decode_hypothesis, encode_audio, encode_hypothesis
from dragoman.engines.base import Hypothesis
from dragoman.media.format import Pcm


class Kind(IntEnum):
    """Frame kinds. All but SETUP and the answers to it begin with the stream's number (uint32, little endian)."""

    SETUP = 1
    """To the worker, first: JSON of Setup."""
    READY = 2
    """From the worker: the model is loaded; JSON of Ready."""
    UNUSABLE = 3
    """From the worker, instead of READY: why the model does not load (UTF-8)."""
    OPEN = 4
    """To the worker: JSON of Opening."""
    AUDIO = 5
    """To the worker: audio time (int64), int16 samples."""
    FINALIZE = 6
    """To the worker: audio time (int64)."""
    CLOSE = 7
    """To the worker: forget the stream; nothing follows."""
    HYPOTHESIS = 8
    """From the worker: JSON."""
    BROKEN = 9
    """From the worker: decoding this stream failed, and why (UTF-8); nothing follows of it."""
    UNIMPORTABLE = 10
    """From the worker, instead of READY: why its packages do not load (UTF-8)."""


@dataclass(frozen=True, slots=True)
class Setup:
    """How the worker loads and runs the model."""

    folder: str
    device: str
    compute_type: str
    threads: int
    """CPU threads of one decoding."""
    parallel: int
    """Decodings at once."""
    beam: int
    interval: int
    """Samples of new audio between two decodings of one stream."""

    def encode(self) -> bytes:
        """As JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, payload: bytes) -> Setup:
        """From JSON."""
        return cls(**json.loads(payload))


@dataclass(frozen=True, slots=True)
class Ready:
    """What the worker learned of the model."""

    multilingual: bool
    """Else it knows English only."""

    def encode(self) -> bytes:
        """As JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, payload: bytes) -> Ready:
        """From JSON."""
        return cls(**json.loads(payload))


@dataclass(frozen=True, slots=True)
class Opening:
    """A stream's language, and words that are likely to be said."""

    language: str
    keyterms: tuple[str, ...]

    def encode(self) -> bytes:
        """As JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, payload: bytes) -> Opening:
        """From JSON."""
        read = json.loads(payload)
        return cls(read["language"], tuple(read["keyterms"]))


_STREAM = struct.Struct("<I")


def address(stream: int, payload: bytes = b"") -> bytes:
    """A payload of this stream."""
    return _STREAM.pack(stream) + payload


def addressed(payload: bytes) -> tuple[int, bytes]:
    """The stream of a payload, and the rest."""
    stream: int = _STREAM.unpack_from(payload)[0]
    return stream, payload[_STREAM.size :]


def encode_stream_audio(stream: int, pcm: Pcm, at: int) -> bytes:
    """An AUDIO payload."""
    return address(stream, encode_audio(pcm, at))


def encode_stream_hypothesis(stream: int, hypothesis: Hypothesis) -> bytes:
    """A HYPOTHESIS payload."""
    return address(stream, encode_hypothesis(hypothesis))


__all__ = [
    "Kind",
    "Opening",
    "Ready",
    "Setup",
    "address",
    "addressed",
    "decode_audio",
    "decode_hypothesis",
    "encode_stream_audio",
    "encode_stream_hypothesis",
]
