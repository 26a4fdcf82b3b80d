"""The small encoders that ship with the package, as ONNX files: no torch, some milliseconds on one core.

They were trained on synthetic voices (their cards, ``weights/*.md``, have the figures): the style encoder knows how
something is spoken, the identity encoder stands in where the public ECAPA weights are absent and knows nothing of how
people differ.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dragoman.errors import ProfileInvalid, VoiceUnavailable
from dragoman.media.format import SAMPLE_RATE
from dragoman.voices.conditioning import unit
from dragoman.voices.embedders import Samples
from dragoman.voices.mel import BANDS, FFT, HIGHEST, HOP, LOWEST, WINDOW, frame_count, log_mel
from dragoman.voices.profile import Prosody, Style, Vector, vector

WEIGHTS: Final = Path(__file__).parent / "weights"
STYLE_FILE, IDENTITY_FILE = "gst64.onnx", "identity.onnx"

MAX_SECONDS: Final = 30.0
"""Seconds that are looked at, the first of a clip: attention over more costs more and says nothing new."""

FRONT_END: Final = f"{SAMPLE_RATE}/{WINDOW}/{HOP}/{FFT}/{BANDS}/{LOWEST:g}/{HIGHEST:g}"
"""The features that ``mel`` makes; weights name those that they were trained on."""


class _Session:
    """One file; safe to use from several threads (onnxruntime's own promise for ``run``)."""

    def __init__(self, path: Path, outputs: tuple[str, ...]) -> None:
        if not path.is_file():
            raise VoiceUnavailable(f"{path.name} is not there ({path.parent}): dragoman voices train-style makes one")
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            self._session: Any = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            made = [output.name for output in self._session.get_outputs()]
            self.about: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)
            width = self._session.get_outputs()[0].shape[-1]
        except Exception as error:  # onnxruntime has a dozen types of its own, one of them plain Exception
            raise VoiceUnavailable(f"{path} cannot be loaded: {' '.join(str(error).split())[:200]}") from None
        if made != list(outputs) or not isinstance(width, int):
            raise VoiceUnavailable(f"{path} is another kind of encoder: it makes {', '.join(made)} of width {width}")
        if self.about.get("front_end", FRONT_END) != FRONT_END:
            raise VoiceUnavailable(f"{path} was trained on other features than this Dragoman makes: train it again")
        self.name = self.about.get("name") or path.stem
        self.dimension = width
        self._outputs = list(outputs)

    def run(self, samples: Samples) -> list[npt.NDArray[np.float32]]:
        """The outputs for a clip at 16 kHz, without their batch axis."""
        heard = np.asarray(samples, np.float32)[: round(MAX_SECONDS * SAMPLE_RATE)]
        if not frame_count(len(heard)):
            raise ProfileInvalid(f"{len(heard) / SAMPLE_RATE * 1000:.0f} ms of audio say nothing of a voice")
        return [made[0] for made in self._session.run(self._outputs, {"mel": log_mel(heard)[None]})]


class SmallStyle:
    """StyleEmbedder."""

    def __init__(self, path: Path = WEIGHTS / STYLE_FILE) -> None:
        """Raises VoiceUnavailable: the file is not there, or no style encoder."""
        self._session = _Session(path, ("style", "prosody"))
        self.name = self._session.name
        self.dimension = self._session.dimension

    def embed(self, samples: Samples) -> Style:
        """StyleEmbedder; raises ProfileInvalid for less than a window of audio."""
        style, told = self._session.run(samples)
        return Style(vector(style, "a style"), Prosody(*(float(value) for value in told)))


class SmallIdentity:
    """IdentityEmbedder."""

    def __init__(self, path: Path = WEIGHTS / IDENTITY_FILE) -> None:
        """Raises VoiceUnavailable: the file is not there, or no identity encoder, or says no threshold."""
        self._session = _Session(path, ("identity",))
        self.name = self._session.name
        self.dimension = self._session.dimension
        try:
            self.threshold = float(self._session.about["threshold"])
        except (KeyError, ValueError):
            raise VoiceUnavailable(f"{path} does not say from which cosine on two clips are one person") from None

    def embed(self, samples: Samples) -> Vector:
        """IdentityEmbedder; raises ProfileInvalid for less than a window of audio."""
        (made,) = self._session.run(samples)
        return vector(unit(made).astype(np.float32), "an identity")
