"""What a person's audio conditions XTTS on."""

from __future__ import annotations

import numpy as np
import torch

from dragoman.engines.tts.xtts.loading import Loaded
from dragoman.engines.tts.xtts.speakers import Floats

SECONDS = 30
"""Of a clip, that are listened to; in stretches of STRETCH_S, whose latents are averaged (the public config.json)."""

STRETCH_S = 4


def condition(loaded: Loaded, audio: Floats, rate: int) -> tuple[Floats, Floats]:
    """GPT latents [32, width] and speaker embedding [512] of a clip (full scale is 1). In the synthesizer's thread.

    Raises:
        ValueError: the clip is too short (0.33 s).
    """
    xtts = loaded.model.xtts
    samples = torch.from_numpy(np.ascontiguousarray(audio, np.float32))[None]
    with torch.inference_mode():
        try:
            latents = xtts.get_gpt_cond_latents(samples, rate, SECONDS, STRETCH_S)
        except RuntimeError as error:
            raise ValueError(str(error)) from error
        embedding = xtts.get_speaker_embedding(samples, rate)
    return latents[0].float().cpu().numpy(), embedding.reshape(-1).float().cpu().numpy()
