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
"""Of a conversation; cut to what a clause of so many audio tokens says (``text``)."""

TEXT_TOKENS = 0.3
"""Tokens of text for one of audio: a clause of 6 s (130 tokens) has some 90 letters, and the published vocabulary some
40 tokens for them. The one made here has a token for each letter: its texts are shorter, its prefixes are not."""


def text(number: int, tokens: int) -> str:
    """What the clause of this number says in so many audio tokens; always the same."""
    letters, said = round(tokens * TEXT_TOKENS), ""
    for word in TEXTS[number % len(TEXTS)].split():
        if said and len(said) + 1 + len(word) > letters:
            break
        said = f"{said} {word}".lstrip()
    return said


def at(folder: Path, small: bool) -> Path:
    """The model in ``folder``; made if it is not there. ``small``: the tiny one, to try the bench itself."""
    if not (folder / "speakers_xtts.pth").exists():
        with tiny.narrow() if small else tiny.as_published():
            xtts = tiny.build(folder, 0, tiny.LANGUAGES, tiny.TINY if small else tiny.FULL)
        _make_audible(xtts)
        tiny.save(folder, xtts, 0)
    return folder


def _make_audible(xtts: Any) -> None:
    """Random weights whisper, and what is silent is held back until a sound comes: as loud as a voice (-20 dBFS)."""
    width = xtts.args.gpt_n_model_channels
    with torch.inference_mode():
        loud = xtts.hifigan_decoder(torch.randn(1, 20, width), g=torch.full((1, 512, 1), 512**-0.5)).std()
        xtts.hifigan_decoder.waveform_decoder.conv_post.weight *= float(0.1 / loud)
