"""The tensors of XTTS's GPT, on one device, in one precision, and what is computed by them alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from dragoman.engines.tts.xtts.linear import Linear


class Weights:
    """The GPT's tensors, on one device, in one precision; copies, for the loader's are mapped from a file."""

    def __init__(self, gpt: Any, device: str, dtype: torch.dtype) -> None:
        def keep(tensor: Tensor) -> Tensor:
            return tensor.detach().to(device, dtype, copy=True)

        def exact(tensor: Tensor) -> Tensor:
            return tensor.detach().to(device, torch.float32, copy=True)

        self.layers = [_Layer(block, device, dtype) for block in gpt.gpt.h]
        self.width = int(gpt.model_dim)
        # What is left of precision is worth most where tokens are chosen: the end is always float32.
        self.norms = [
            (exact(norm.weight), exact(norm.bias), float(norm.eps)) for norm in (gpt.gpt.ln_f, gpt.final_norm)
        ]
        self.mel_head = exact(gpt.mel_head.weight), exact(gpt.mel_head.bias)
        self.audio, self.audio_at = keep(gpt.mel_embedding.weight), keep(gpt.mel_pos_embedding.emb.weight)
        self.text, self.text_at = keep(gpt.text_embedding.weight), keep(gpt.text_pos_embedding.emb.weight)
        self.ends = int(gpt.start_text_token), int(gpt.stop_text_token)

    def read(self, text: Sequence[int]) -> Tensor:
        """Text tokens between their ends, and their places: [text + 2, width]."""
        tokens = moved(torch.tensor([self.ends[0], *text, self.ends[1]]), self.text.device.type, torch.long)
        return self.text[tokens] + self.text_at[: len(tokens)]

    def embedded(self, token: Tensor, spoken: Tensor) -> Tensor:
        """The last token and its place."""
        return (self.audio[token] + self.audio_at[spoken.clamp_max(len(self.audio_at) - 1)]).float()

    def head(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Latents and logits. The second norm is in coqui's head and in its latents, too."""
        for weight, bias, epsilon in self.norms:
            x = F.layer_norm(x, (self.width,), weight, bias, epsilon)
        return x, F.linear(x, *self.mel_head)


class _Layer:
    """One block of GPT-2."""

    def __init__(self, block: Any, device: str, dtype: torch.dtype) -> None:
        def linear(layer: Any) -> Linear:
            return Linear(layer.weight, layer.bias, device, dtype)

        def exact(tensor: Tensor) -> Tensor:
            return tensor.detach().to(device, torch.float32, copy=True)

        self.dtype = dtype
        self.width = int(block.ln_1.weight.shape[0])
        self.epsilon = float(block.ln_1.eps)
        # Sums over all layers grow beyond what half precision holds well: they, and what norms them, stay float32.
        self.norm_1 = exact(block.ln_1.weight), exact(block.ln_1.bias)
        self.norm_2 = exact(block.ln_2.weight), exact(block.ln_2.bias)
        self.attend, self.project = linear(block.attn.c_attn), linear(block.attn.c_proj)
        self.up, self.down = linear(block.mlp.c_fc), linear(block.mlp.c_proj)

    def query_key_value(self, x: Tensor) -> Sequence[Tensor]:
        """Three tensors of the shape of ``x``, which is float32."""
        normed = F.layer_norm(x, (self.width,), *self.norm_1, self.epsilon).to(self.dtype)
        parts: Sequence[Tensor] = self.attend(normed).split(self.width, -1)
        return parts

    def rest(self, x: Tensor, seen: Tensor) -> Tensor:
        """The block behind its attention, which gave ``seen``."""
        x = x + self.project(seen)
        normed = F.layer_norm(x, (self.width,), *self.norm_2, self.epsilon).to(self.dtype)
        return x + self.down(F.gelu(self.up(normed), approximate="tanh"))


def moved(tensor: Tensor, device: str, dtype: torch.dtype) -> Tensor:
    """On the device, in this precision. To a GPU from pinned memory: the host does not wait for the copy."""
    if device == "cpu":
        return tensor.to(device, dtype)
    return tensor.pin_memory().to(device, non_blocking=True).to(dtype)
