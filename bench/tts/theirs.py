"""coqui's own inference_stream, as concurrent as it can be made: a view per stream that shares the weights.

Streams on one Xtts object disturb each other (it keeps the prefix of the last one). A view has its own place for it;
turns are taken chunk by chunk, in one thread, which on one device loses nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from bench.tts.measure import Heard, Stopwatch
from bench.tts.model import TEXTS, text
from tests.engines.tts.xtts import tiny

from dragoman.engines.tts.xtts.load import speakers
from dragoman.engines.tts.xtts.loading import bake


class Theirs:
    """One model, loaded by coqui's loader."""

    def __init__(self, folder: Path, device: str, dtype: torch.dtype, chunk: int) -> None:
        """``chunk``: its stream_chunk_size, tokens between two pieces of sound."""
        self._xtts = tiny.by_coqui(folder).to(device)
        self._device, self._dtype, self._chunk = device, dtype, chunk
        if dtype is not torch.float32:
            self._xtts.gpt.to(dtype)
            self._xtts.gpt.gpt.wpe = self._no_positions
            self._xtts._modules["hifigan_decoder"] = _InHalf(self._xtts.hifigan_decoder)
        self._voices = list(speakers(folder).values())

    def _no_positions(self, at: Any) -> Any:
        """In place of coqui's zeros, which are float32 and make all float32 that they are added to."""
        shape = at.shape[0], at.shape[1], self._xtts.gpt.model_dim
        return torch.zeros(shape, device=at.device, dtype=self._dtype)

    def warm_up(self, tokens: Sequence[int]) -> None:
        """A clause of each length, of each text: cuDNN plans for each shape that it first meets."""
        for each in tokens:
            for number in range(len(TEXTS)):
                for _ in self._stream(number, each):
                    pass

    def speak(self, streams: int, tokens: int) -> tuple[float, list[Heard]]:
        """So many clauses of so many tokens at once: wall time, and what was heard."""
        watch, heard = Stopwatch(), [Heard() for _ in range(streams)]
        left = {number: self._stream(number, tokens) for number in range(streams)}
        while left:
            for number, stream in list(left.items()):
                sound = next(stream, None)
                if sound is None:
                    del left[number]
                elif len(sound):
                    sound = sound.float().cpu()
                    heard[number].pieces.append((watch(), len(sound) / 24_000))
        return watch(), heard

    def _stream(self, number: int, tokens: int) -> Any:
        latents, embedding = self._voices[number % len(self._voices)]
        return _view(self._xtts).inference_stream(
            text(number, tokens),
            "en",
            latents[None].to(self._device, self._dtype),
            embedding.reshape(1, -1, 1).to(self._device),
            stream_chunk_size=self._chunk,
            suppress_tokens=[self._xtts.gpt.stop_audio_token],
            max_new_tokens=tokens,
        )


class _InHalf(torch.nn.Module):
    """The HiFi-GAN in half precision, as in ours."""

    def __init__(self, decoder: Any) -> None:
        super().__init__()
        self.decoder = decoder
        bake(decoder.waveform_decoder)
        decoder.waveform_decoder.half()

    def forward(self, latents: Any, g: Any) -> Any:
        """As HifiDecoder's."""
        return self.decoder(latents.half(), g=g.half()).float()


def _view(xtts: Any) -> Any:
    """The same model with a GPT that has its own place for a prefix."""
    inference = _copied(xtts.gpt.gpt_inference)
    return _copied(xtts, gpt=_copied(xtts.gpt, gpt_inference=inference))


def _copied(module: Any, **others: Any) -> Any:
    made = copy.copy(module)
    made.__dict__["_modules"] = dict(module._modules) | others
    return made
