"""XTTS's HiFi-GAN as a stream: each sample is computed once, and is the one that decoding everything at once gives.

coqui's stream decodes all latents so far again for each chunk, which is quadratic, and cross-fades what has changed.
Here only a window of frames is decoded, as much beyond what is new as the network can see to either side. The windows
of several clauses go through the network together where they are of one length, which clauses begun together have.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from dragoman.engines.tts.xtts.hifigan import generate
from dragoman.engines.tts.xtts.shapes import FixedShapes

SAMPLE_RATE = 24_000
"""Hz of what comes out."""

CONTEXT = 16
"""Frames (10.7 ms) to either side of what is wanted, of which each stage of the network takes what it sees
(``hifigan.py``): 15 at most, some 12 in effect. With 12 and 16 alike the result equals a whole decoding to 2e-8
(measured), with 8 it does not."""

AT_ONCE = {"cuda": 16, "cpu": 1}
"""Windows decoded together at most. On a GPU the network's widest layer takes some 10 MB for each of them in float16.
On a CPU one stays in its caches; twelve together take a fifth longer than one after the other (measured)."""


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """What of one clause is to be decoded now."""

    frames: Tensor
    """[1, width, frames]"""
    embedding: Tensor
    """[1, 512, 1], of the speaker; in the precision of the network."""
    first: int
    """Frame whose samples are wanted, with those behind it; what is before it was given."""
    last: int
    """The one whose samples are not certain yet."""
    begins: bool = False
    """Its first frame is the first of the piece."""
    ends: bool = False
    """Its last frame is the last of the piece."""


def decode(hifigan: Any, windows: Sequence[Window], shapes: FixedShapes | None = None) -> list[Tensor]:
    """The samples of each, float32 on the CPU; one copy from the device for all of them.

    ``shapes``: recorded ones, which decode all windows that are long enough for them.
    """
    if not windows:
        return []
    with torch.inference_mode():
        sounds = {} if shapes is None else shapes.decode(windows)
    at_once = AT_ONCE[windows[0].embedding.device.type]
    alike: dict[tuple[int, int, int], list[int]] = {}
    for number, window in enumerate(windows):
        if number in sounds:
            continue
        alike.setdefault((window.frames.shape[-1], window.first, window.last), []).append(number)
    with torch.inference_mode():
        for (_, first, last), numbers in alike.items():
            for at in range(0, len(numbers), at_once):
                some = numbers[at : at + at_once]
                embeddings = torch.cat([windows[number].embedding for number in some])
                frames = torch.cat([windows[number].frames for number in some]).to(embeddings.dtype)
                sounds |= zip(some, generate(hifigan.waveform_decoder, frames, embeddings, first, last), strict=True)
        lengths = [len(sounds[number]) for number in range(len(windows))]
        together = torch.cat([sounds[number] for number in range(len(windows))]).float().cpu()
    return list(together.split(lengths))


class WindowedVocoder:
    """One clause's latents to sound: windows whose samples no later latent can change."""

    def __init__(self, hifigan: Any, embedding: Tensor, stretch: float = 1.0) -> None:
        """``hifigan`` is coqui's HifiDecoder, ``embedding`` [1, 512, 1] of the speaker.

        ``stretch``: how much longer than usual it is to take (coqui's ``length_scale``, 1 / speed).
        """
        self._hifigan = hifigan
        self._embedding = embedding
        self._stretch = stretch
        self._per_token = hifigan.ar_mel_length_compression / hifigan.output_hop_length
        self._rate = hifigan.output_sample_rate / hifigan.input_sample_rate
        self._latents: list[Tensor] = []
        self._given = 0
        """Frames whose samples were given."""

    def push(self, latents: Tensor, last: bool = False) -> Tensor:
        """As ``window``, decoded alone: float32 [n], maybe none."""
        window = self.window(latents, last)
        return torch.zeros(0) if window is None else decode(self._hifigan, [window])[0]

    def window(self, latents: Tensor, last: bool = False) -> Window | None:
        """More latents [tokens, width]; what of them is certain now, None if nothing is. It counts as given.

        ``last``: no more come, all that is left is given.
        """
        if len(latents):
            self._latents.append(latents)
        if not self._latents:
            return None
        with torch.inference_mode():
            frames = self._frames()
            total = frames.shape[-1]
            certain = total if last else max(self._given, total - CONTEXT - self._leaning)
            if certain <= self._given:
                return None
            start = max(0, self._given - CONTEXT)
            stop = total if last else min(total, certain + CONTEXT)
            first, self._given = self._given - start, certain
            return Window(
                frames[:, :, start:stop], self._embedding, first, certain - start, start == 0, stop == total and last
            )

    @property
    def frames_per_token(self) -> float:
        """Unstretched."""
        return float(self._per_token * self._rate)

    @property
    def _leaning(self) -> int:
        """Frames of the end that still change when another token follows: they lean towards it."""
        # Of a stretched token, the later half leans towards the next one, and what leans towards that half does too.
        tokens = 1.0 if self._stretch == 1 else self._stretch / 2 + 2
        return math.ceil(tokens * self.frames_per_token) + 1

    def _frames(self) -> Tensor:
        """All latents as the decoder's frames [1, width, frames], by coqui's own interpolations.

        Of everything, each time: torch rounds its positions to float32, so that a window interpolated by itself would
        differ. It is a thousandth of the decoder's work, and a piece of text has its bounds.
        """
        latents = torch.cat(self._latents)[None].transpose(1, 2)
        if self._stretch != 1:
            latents = _stretched(latents, self._stretch)
            if not latents.shape[-1]:
                return latents
        frames = F.interpolate(latents, scale_factor=[self._per_token], mode="linear")
        if self._rate != 1:
            frames = F.interpolate(frames, scale_factor=[self._rate], mode="linear")
        return frames


def _stretched(latents: Tensor, by: float) -> Tensor:
    """Latents [1, width, tokens], ``by`` times as long, as coqui makes them; the same whatever comes behind them."""
    tokens = latents.shape[-1]
    length = math.floor(tokens * by)
    if not length:
        return latents[..., :0]
    # torch copies, and does not stretch, what would come out as long as it was: repeat the last one until it does not.
    more = max(0, math.ceil(1 / (by - 1)) + 1 - tokens) if by > 1 else 0
    longer = torch.cat((latents, latents[..., -1:].expand(-1, -1, more)), -1)
    return F.interpolate(longer, scale_factor=by, mode="linear")[..., :length]
