"""What the encoders of a voice are to the rest: numpy in, numpy out.

They are used in a worker thread, never in the event loop's: ECAPA takes 50 ms of CPU per second of audio.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from dragoman.voices.profile import Latents, Style, Vector

Samples = npt.NDArray[np.float32]
"""Mono audio, full scale 1.0, shape (samples,)."""


@runtime_checkable
class IdentityEmbedder(Protocol):
    """Who speaks."""

    @property
    def name(self) -> str:
        """Of the model; other weights have another name, for their vectors cannot be compared."""

    @property
    def dimension(self) -> int:
        """Length of its vectors: 192 for the public ECAPA weights."""

    @property
    def threshold(self) -> float:
        """Cosine from which two clips of some seconds are one person."""

    def embed(self, samples: Samples) -> Vector:
        """Who speaks in this audio at 16 kHz: unit norm."""


@runtime_checkable
class StyleEmbedder(Protocol):
    """How something is spoken."""

    @property
    def name(self) -> str:
        """Of the model, as with identities."""

    @property
    def dimension(self) -> int:
        """Length of its vectors: 64 for ours."""

    def embed(self, samples: Samples) -> Style:
        """How this audio at 16 kHz is spoken."""


@runtime_checkable
class LatentEncoder(Protocol):
    """A synthesizer's own view of a clip."""

    @property
    def name(self) -> str:
        """Of the model, as with identities: latents of other weights are noise to it."""

    def latents(self, samples: Samples, rate: int) -> Latents:
        """What it is conditioned on when it hears this clip, at ``rate`` Hz."""


@dataclass(frozen=True, slots=True)
class Encoders:
    """The encoders there are; None where the weights or a package lack."""

    identity: IdentityEmbedder | None = None
    style: StyleEmbedder | None = None
    latents: LatentEncoder | None = None
