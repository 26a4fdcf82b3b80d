"""Trained encoders as ONNX files, which run without torch; each is checked against the network that it came from."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import torch
from torch import nn

from dragoman.errors import TrainingError
from dragoman.media.format import SAMPLE_RATE
from dragoman.voices import mel

OPSET: Final = 17
"""Old enough for every onnxruntime that this project allows."""

INPUT: Final = "mel"
STYLE_OUTPUTS: Final = ("style", "prosody")
IDENTITY_OUTPUTS: Final = ("identity",)

TOLERANCE: Final = 1e-4
"""Largest difference from torch, in each output's own units."""

FRONT_END: Final = f"{SAMPLE_RATE}/{mel.WINDOW}/{mel.HOP}/{mel.FFT}/{mel.BANDS}/{mel.LOWEST:g}/{mel.HIGHEST:g}"
"""Which features the encoder was trained on: Hz, window, hop, points, bands, lowest and highest Hz."""


@dataclass(frozen=True, slots=True)
class Session:
    """An exported encoder, run on one thread."""

    session: onnxruntime.InferenceSession

    @classmethod
    def of(cls, path: Path) -> Session:
        """Load a file."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        return cls(onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"]))

    def outputs(self, features: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
        """All of them, of features of shape (batch, frames, mel.BANDS)."""
        return list(self.session.run(None, {INPUT: features}))

    def style(self, features: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Of a style encoder: style and prosody."""
        style, told = self.outputs(features)
        return style, told

    def identity(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Of an identity encoder."""
        return self.outputs(features)[0]


def export(net: nn.Module, path: Path, outputs: tuple[str, ...]) -> float:
    """Write an encoder as ONNX, frames and batch of any length.

    Returns:
        The largest difference from torch over clips of several lengths.

    Raises:
        TrainingError: the file does not do what the network does.
    """
    net.eval()
    example = torch.randn(1, 160, mel.BANDS, generator=torch.Generator().manual_seed(0))
    axes = {INPUT: {0: "batch", 1: "frames"}} | {name: {0: "batch"} for name in outputs}
    with warnings.catch_warnings():
        # The newer exporter cannot take a GRU over a length that varies (torch 2.13), so the older one it is, which
        # says that it is old, and that it wonders about the GRU's batch size, which the check below settles.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net,
            (example,),
            str(path),
            input_names=[INPUT],
            output_names=list(outputs),
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
    onnx.checker.check_model(onnx.load(path))
    return _compare(net, Session.of(path))


def _compare(net: nn.Module, session: Session) -> float:
    rng = np.random.default_rng(0)
    largest = 0.0
    for clips, frames in ((1, 1), (1, 77), (3, 240), (1, 480)):
        features = rng.normal(-3.0, 2.0, (clips, frames, mel.BANDS)).astype(np.float32)
        with torch.no_grad():
            wanted = net(torch.from_numpy(features))
        wanted = wanted if isinstance(wanted, tuple) else (wanted,)
        for one, other in zip(wanted, session.outputs(features), strict=True):
            largest = max(largest, float(np.abs(one.numpy() - other).max()))
    if not largest < TOLERANCE:
        raise TrainingError(
            f"the exported encoder differs by {largest:.2g} from the trained one: a torch too new or old"
        )
    return largest


def label(path: Path, about: Mapping[str, str]) -> None:
    """Write what the file is into it, beside what is true of all of them."""
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {"front_end": FRONT_END, **about})
    onnx.save(model, path)
