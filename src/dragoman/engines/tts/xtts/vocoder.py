"""XTTS's HiFi-GAN as a stream: each sample is computed once, and is the one that decoding everything at once gives.

coqui's stream decodes all latents so far again for each chunk, which is quadratic, and cross-fades what has changed.
Here only a window of frames is decoded, as much beyond what is new as the network can see to either side.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

SAMPLE_RATE = 24_000
"""Hz of what comes out."""

CONTEXT = 16
"""Frames (10.7 ms) decoded to either side of what is wanted. The network sees some 12; with 12 and 16 alike the result
equals a whole decoding to 2e-8 (measured), with 8 it does not."""


class WindowedVocoder:
    """One clause's latents to sound; ``push`` gives what no later latent can change."""

    def __init__(self, hifigan: Any, embedding: Tensor) -> None:
        """``hifigan`` is coqui's HifiDecoder, ``embedding`` [1, 512, 1] of the speaker."""
        self._hifigan = hifigan
        self._embedding = embedding
        self._per_token = hifigan.ar_mel_length_compression / hifigan.output_hop_length
        self._rate = hifigan.output_sample_rate / hifigan.input_sample_rate
        self._hop = int(hifigan.output_hop_length)
        self._latents: list[Tensor] = []
        self._given = 0
        """Frames whose samples were given."""

    def push(self, latents: Tensor, last: bool = False) -> Tensor:
        """More latents [tokens, width]; the samples that are certain now, float32 [n] (maybe none).

        ``last``: no more come, all that is left is given.
        """
        if len(latents):
            self._latents.append(latents)
        if not self._latents:
            return torch.zeros(0)
        with torch.inference_mode():
            frames = self._frames()
            total = frames.shape[-1]
            # The frames of the last token still change when another follows: they lean towards it.
            certain = total if last else max(self._given, total - CONTEXT - math.ceil(self._per_token * self._rate) - 1)
            if certain <= self._given:
                return torch.zeros(0)
            start = max(0, self._given - CONTEXT)
            stop = total if last else min(total, certain + CONTEXT)
            samples = self._hifigan.waveform_decoder(frames[:, :, start:stop], g=self._embedding).reshape(-1)
            new: Tensor = samples[(self._given - start) * self._hop : (certain - start) * self._hop]
            self._given = certain
            return new.float().cpu()

    def _frames(self) -> Tensor:
        """All latents as the decoder's frames [1, width, frames], by coqui's own two interpolations.

        Of everything, each time: torch rounds its positions to float32, so that a window interpolated by itself would
        differ. It is a thousandth of the decoder's work, and a piece of text has its bounds.
        """
        latents = torch.cat(self._latents)[None].transpose(1, 2)
        frames = F.interpolate(latents, scale_factor=[self._per_token], mode="linear")
        if self._rate != 1:
            frames = F.interpolate(frames, scale_factor=[self._rate], mode="linear")
        return frames
