"""The parts of coqui's model that listen to a person's audio, and their name."""

from __future__ import annotations

import hashlib
from typing import Any

from dragoman.engines.tts.xtts.settings import NAME


def encoder_name(xtts: Any) -> str:
    """``xtts-`` and a hash of the weights that make a voice of audio; two models that share them share voices."""
    digest = hashlib.blake2s()
    for part in encoders(xtts):
        for name, tensor in sorted(part.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return f"{NAME}-{digest.hexdigest()[:12]}"


def encoders(xtts: Any) -> tuple[Any, ...]:
    """They make the latents of the GPT (two parts) and the vocoder's embedding."""
    gpt = xtts.gpt
    return (gpt.conditioning_encoder, gpt.conditioning_perceiver, xtts.hifigan_decoder.speaker_encoder)
