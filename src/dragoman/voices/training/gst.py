"""The style encoder: Global Style Tokens (Wang et al. 2018), small, for prosody alone.

A reference encoder of six strided convolutions and a GRU sums up a clip; the summary attends to ten learned tokens with
four heads, and what it takes from them is the style, 64-D. Two things differ from the paper. Time is reduced 8 times
and not 64 (syllables come 4 to 8 times a second), and the GRU's outputs are summed up by mean and deviation and not by
the last of them, which says more of rates and spreads. A linear head reads the four targets of ``prosody`` from it.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import nn

from dragoman.voices import mel
from dragoman.voices.training import prosody

STYLE_DIM: Final = 64
TOKENS: Final = 10
HEADS: Final = 4
CHANNELS: Final = (32, 32, 64, 64, 128, 128)
STRIDES: Final = ((2, 2), (2, 2), (1, 2), (2, 2), (1, 2), (1, 2))
"""(time, frequency) of each convolution."""

MEMORY: Final = 64
"""Width of the GRU."""


class ReferenceEncoder(nn.Module):
    """Log-mel, (batch, frames, bands), to a summary, (batch, 2 * MEMORY)."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width, bands = 1, mel.BANDS
        for channels, stride in zip(CHANNELS, STRIDES, strict=True):
            layers += [
                nn.Conv2d(width, channels, 3, stride, padding=1, bias=False),
                nn.BatchNorm2d(channels),
                nn.ReLU(),
            ]
            width, bands = channels, -(-bands // stride[1])
        self.layers = nn.Sequential(*layers)
        self.memory = nn.GRU(width * bands, MEMORY, batch_first=True)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Sum up."""
        seen = self.layers(features.unsqueeze(1))
        steps, _ = self.memory(seen.permute(0, 2, 1, 3).flatten(2))
        mean = steps.mean(1)
        deviation = (((steps - mean.unsqueeze(1)) ** 2).mean(1) + 1e-5).sqrt()
        return torch.cat([mean, deviation], 1)


class StyleTokens(nn.Module):
    """Multi-head attention of a summary over learned tokens: (batch, 2 * MEMORY) to (batch, STYLE_DIM)."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Parameter(torch.randn(TOKENS, STYLE_DIM // HEADS) * 0.5)
        self.query = nn.Linear(2 * MEMORY, STYLE_DIM, bias=False)
        self.key = nn.Linear(STYLE_DIM // HEADS, STYLE_DIM, bias=False)
        self.value = nn.Linear(STYLE_DIM // HEADS, STYLE_DIM, bias=False)

    def forward(self, summary: torch.Tensor) -> torch.Tensor:
        """Attend."""
        depth = STYLE_DIM // HEADS
        tokens = torch.tanh(self.tokens)
        query = self.query(summary).view(-1, HEADS, 1, depth)
        key = self.key(tokens).view(TOKENS, HEADS, depth).permute(1, 2, 0)
        value = self.value(tokens).view(TOKENS, HEADS, depth).permute(1, 0, 2)
        weights = torch.softmax(query @ key / depth**0.5, -1)
        return (weights @ value).flatten(1)


class StyleEncoder(nn.Module):
    """Features to (style, prosody): (batch, frames, mel.BANDS) to (batch, STYLE_DIM) and (batch, 4).

    Prosody comes in the units of ``prosody.UNITS``. ``band_mean``, ``band_deviation``, ``label_mean`` and
    ``label_deviation`` are of the speech that it was trained on, and travel with the weights.
    """

    def __init__(self) -> None:
        super().__init__()
        self.reference = ReferenceEncoder()
        self.attention = StyleTokens()
        self.head = nn.Linear(STYLE_DIM, len(prosody.TARGETS))
        self.band_mean: torch.Tensor
        self.band_deviation: torch.Tensor
        self.label_mean: torch.Tensor
        self.label_deviation: torch.Tensor
        self.register_buffer("band_mean", torch.zeros(mel.BANDS))
        self.register_buffer("band_deviation", torch.ones(mel.BANDS))
        self.register_buffer("label_mean", torch.zeros(len(prosody.TARGETS)))
        self.register_buffer("label_deviation", torch.ones(len(prosody.TARGETS)))

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Tell the style of clips of one length."""
        style = self.attention(self.reference((features - self.band_mean) / self.band_deviation))
        return style, self.head(style) * self.label_deviation + self.label_mean
