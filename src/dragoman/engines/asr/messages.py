"""What a recogniser's worker and the daemon say to each other (frames of ``engines.wire``)."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import IntEnum

import numpy as np

from dragoman.engines.base import Hypothesis, Word
from dragoman.media.format import Pcm


class Kind(IntEnum):
    """Frame kinds."""

    SETUP = 1
    """To the worker, first: JSON of Setup."""
    READY = 2
    """From the worker: the models are loaded; empty."""
    AUDIO = 3
    """To the worker: audio time (int64), then int16 samples, both little endian."""
    FINALIZE = 4
    """To the worker: audio time (int64)."""
    HYPOTHESIS = 5
    """From the worker: JSON."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What a worker shall know: a closed list of sentences or none, and what to hold against it."""

    open_model: bool
    """Whether the rival is the open English language model (else a loop of phones)."""
    bias: float
    jsgf: str | None = None
    dictionary: str = ""
    written: Mapping[str, str] | None = None

    def encode(self) -> bytes:
        """As JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, payload: bytes) -> Setup:
        """From JSON."""
        return cls(**json.loads(payload))


_AT = struct.Struct("<q")


def encode_at(at: int) -> bytes:
    """A FINALIZE payload."""
    return _AT.pack(at)


def decode_at(payload: bytes) -> int:
    """Audio time of a FINALIZE payload."""
    at: int = _AT.unpack(payload)[0]
    return at


def encode_audio(pcm: Pcm, at: int) -> bytes:
    """An AUDIO payload."""
    return _AT.pack(at) + pcm.astype("<i2", copy=False).tobytes()


def decode_audio(payload: bytes) -> tuple[Pcm, int]:
    """Samples and audio time of an AUDIO payload."""
    at: int = _AT.unpack_from(payload)[0]
    return np.frombuffer(payload, "<i2", offset=_AT.size).astype(np.int16, copy=False), at


def encode_hypothesis(hypothesis: Hypothesis) -> bytes:
    """A HYPOTHESIS payload."""
    words = [(word.text, word.start, word.end) for word in hypothesis.words]
    return json.dumps((words, hypothesis.is_final, hypothesis.end_of_utterance, hypothesis.upto)).encode()


def decode_hypothesis(payload: bytes) -> Hypothesis:
    """The hypothesis of a HYPOTHESIS payload."""
    words, is_final, end_of_utterance, upto = json.loads(payload)
    return Hypothesis(tuple(Word(*word) for word in words), is_final, end_of_utterance, upto)
