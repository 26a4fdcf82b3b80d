"""Voice activity for many legs at once: how likely a window of audio is speech."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import numpy as np
import numpy.typing as npt

from dragoman.errors import EngineUnavailable
from dragoman.media.format import FRAME_SAMPLES, SAMPLE_RATE, Pcm

Rows = npt.NDArray[np.int64]
Probabilities = npt.NDArray[np.float32]


class VadBank(Protocol):
    """A VAD with a state per leg."""

    window: int
    """Samples per decision."""
    context: int
    """Samples before the window that it wants to see again."""

    def probabilities(self, rows: Rows, samples: Pcm) -> Probabilities:
        """How likely each leg's next window is speech: (n,) rows, (n, context + window) samples, (n,) from 0 to 1."""

    def reset(self, rows: Rows) -> None:
        """Forget what these legs said."""


class SileroVad:
    """Silero VAD v6 (MIT) on onnxruntime: 46 us per window in a batch, on one thread.

    Args:
        rows: how many legs at most.

    Raises:
        EngineUnavailable: the model file is not installed.
    """

    window = 512
    context = 64
    _STATE: Final = 128

    def __init__(self, rows: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session: Any = onnxruntime.InferenceSession(
            str(silero_model()), options, providers=["CPUExecutionProvider"]
        )
        self._state = np.zeros((2, rows, self._STATE), np.float32)
        self._rate = np.array(SAMPLE_RATE, np.int64)
        self.probabilities(np.array([0]), np.zeros((1, self.context + self.window), np.int16))  # the first run is slow
        self._state[:] = 0

    def probabilities(self, rows: Rows, samples: Pcm) -> Probabilities:
        """As the protocol says."""
        inputs = {
            "input": samples * np.float32(1 / 32768),
            "state": self._state[:, rows],
            "sr": self._rate,
        }
        output, state = self._session.run(None, inputs)
        self._state[:, rows] = state
        probabilities: Probabilities = output[:, 0]
        return probabilities

    def reset(self, rows: Rows) -> None:
        """As the protocol says."""
        self._state[:, rows] = 0


def silero_model() -> Path:
    """Where the package ``silero-vad`` keeps its model; the package itself is not imported, for it would import torch.

    Raises:
        EngineUnavailable: it is not installed.
    """
    spec = importlib.util.find_spec("silero_vad")
    if spec is None or spec.origin is None:
        raise EngineUnavailable(
            "silero", "no model: pip install --no-deps -r requirements/no-deps.txt, or set media.vad to energy or none"
        )
    return Path(spec.origin).parent / "data" / "silero_vad.onnx"


class EnergyVad:
    """Level against an adaptive noise floor: nearly free, but it misses a third of what is said in 20 dB noise.

    Args:
        rows: how many legs at most.
    """

    window = FRAME_SAMPLES
    context = 0
    OVER_FLOOR: Final = 3.0
    """How far above the noise speech must be (10 dB)."""
    LEAST_RMS: Final = 60.0
    """RMS (int16 units, -55 dBFS) below which nothing is speech."""
    RISE: Final = 1.0023
    """The floor's growth per window, 1 dB/s: it follows a fan within seconds and a long sentence hardly."""

    def __init__(self, rows: int) -> None:
        self._floor = np.full(rows, self.LEAST_RMS, np.float32)

    def probabilities(self, rows: Rows, samples: Pcm) -> Probabilities:
        """As the protocol says; 0 or 1."""
        wide = samples.astype(np.float32)
        rms = np.sqrt(np.einsum("ij,ij->i", wide, wide) / samples.shape[1])
        floor = np.minimum(np.maximum(rms, self.LEAST_RMS / self.OVER_FLOOR), self._floor[rows] * self.RISE)
        self._floor[rows] = floor
        speech: Probabilities = (rms > np.maximum(floor * self.OVER_FLOOR, self.LEAST_RMS)).astype(np.float32)
        return speech

    def reset(self, rows: Rows) -> None:
        """As the protocol says."""
        self._floor[rows] = self.LEAST_RMS


def open_vad(kind: Literal["silero", "energy", "none"], rows: int) -> VadBank | None:
    """The VAD of that name for so many legs; None for ``none``.

    Raises:
        EngineUnavailable: its model is not installed.
    """
    match kind:
        case "silero":
            return SileroVad(rows)
        case "energy":
            return EnergyVad(rows)
        case "none":
            return None
