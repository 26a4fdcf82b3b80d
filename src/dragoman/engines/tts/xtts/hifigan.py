"""XTTS's HiFi-GAN over a part of its input: of what is not wanted, each stage computes only what the next ones see.

What lies to either side of the wanted part is there for what the network sees of it: some 15 frames at its input, but 2
from its second stage on, which with the two behind it is three quarters of all its work.
"""

from __future__ import annotations

import math
from itertools import chain
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

SLOPE = 0.1
"""Of coqui's leaky ReLU before each upsampling."""


def generate(generator: Any, frames: Tensor, embedding: Tensor, first: int, last: int) -> Tensor:
    """What coqui's ``HifiganGenerator`` makes of some frames: [rows, samples].

    Args:
        generator: it.
        frames: [rows, width, frames].
        embedding: of the speakers, [rows, 512, 1].
        first: frame whose samples are wanted, with those behind it.
        last: the one whose samples are not any more.

    A generator of another kind (the demo's small voices have one) runs over all of the frames.
    """
    if not hasattr(generator, "ups"):
        made: Tensor = generator(frames, g=embedding)[:, 0]
        hop = made.shape[-1] // frames.shape[-1]
        return made[:, first * hop : last * hop]
    x = generator.conv_pre(frames) + generator.cond_layer(embedding)
    begin, end = first, last  # of what is wanted, as x has it
    for stage, context in enumerate(contexts(generator)):
        cut = max(0, begin - context)
        x = x[:, :, cut : end + context]
        begin, end = begin - cut, end - cut
        upsample = generator.ups[stage]
        x = upsample(F.leaky_relu(x, SLOPE))
        begin, end = (at * upsample.stride[0] for at in (begin, end))
        if generator.cond_in_each_up_layer:
            x = x + generator.conds[stage](embedding)
        blocks = _blocks(generator, stage)
        made = blocks[0](x)
        for block in blocks[1:]:
            made += block(x)
        x = made / len(blocks)
    return torch.tanh(generator.conv_post(F.leaky_relu(x)))[:, 0, begin:end]


def contexts(generator: Any) -> list[int]:
    """Beyond what is wanted, how much each stage's input must have to either side."""
    needed = _sees(generator.conv_post)
    found = []
    for stage in reversed(range(len(generator.ups))):
        upsample = generator.ups[stage]
        needed += max(
            sum(_sees(layer) for layer in chain(block.convs1, block.convs2)) for block in _blocks(generator, stage)
        )
        needed = math.ceil((needed + upsample.kernel_size[0]) / upsample.stride[0])
        found.append(needed)
    return found[::-1]


def _blocks(generator: Any, stage: int) -> Any:
    count = generator.num_kernels
    return generator.resblocks[stage * count : (stage + 1) * count]


def _sees(layer: Any) -> int:
    """To either side."""
    return int(layer.dilation[0] * (layer.kernel_size[0] - 1) // 2)
