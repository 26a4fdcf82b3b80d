"""XTTS v2 of the published size, with random weights: 1.9 GB, made once in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tests.engines.tts.xtts import tiny

TEXTS = (
    "We will have finished the second part by the end of this week.",
    "The offer that you sent us yesterday was better than I had thought.",
    "Could you tell me once more which of the two you would rather take?",
    "As soon as the paper is signed we can begin with the work itself.",
)
"""As long as clauses of a conversation are: the prefix of the decoder is what they make of it."""


def at(folder: Path, small: bool) -> Path:
    """The model in ``folder``; made if it is not there. ``small``: the tiny one, to try the bench itself."""
    if not (folder / "speakers_xtts.pth").exists():
        (tiny.make if small else tiny.full)(folder)
        _make_audible(folder)
    return folder


def _make_audible(folder: Path) -> None:
    """Random weights whisper, and what is silent is held back until a sound comes: as loud as a voice (-20 dBFS)."""
    with tiny.narrow() if _is_tiny(folder) else tiny.as_published():
        xtts = tiny.by_coqui(folder)
    width = xtts.args.gpt_n_model_channels
    with torch.inference_mode():
        loud = xtts.hifigan_decoder(torch.randn(1, 20, width), g=torch.full((1, 512, 1), 512**-0.5)).std()
    checkpoint: dict[str, Any] = torch.load(folder / "model.pth", weights_only=True)
    checkpoint["model"]["hifigan_decoder.waveform_decoder.conv_post.weight"] *= float(0.1 / loud)
    torch.save(checkpoint, folder / "model.pth")


def _is_tiny(folder: Path) -> bool:
    return (folder / "model.pth").stat().st_size < 1 << 28
