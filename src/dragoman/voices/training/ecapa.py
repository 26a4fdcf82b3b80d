"""The small identity encoder: ECAPA-TDNN (Desplanques et al. 2020) of 128 channels, and its training loss.

The architecture is the paper's (Res2 blocks with squeeze and excitation, features of all blocks aggregated, attentive
statistics pooling with global context), a tenth as wide as what is public for human voices.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import nn

from dragoman.voices import mel

IDENTITY_DIM: Final = 256
"""Not the 192 of the public weights: vectors of the two must never be compared, and so cannot."""

CHANNELS: Final = 128
SCALE: Final = 4
"""Groups of a Res2 block (the paper: 8, of 512 or 1024 channels)."""

BOTTLENECK: Final = 64
"""Width of excitation and attention."""

DILATIONS: Final = (2, 3, 4)

MARGIN, SHARPNESS = 0.2, 30.0
"""Of the additive angular margin loss, as in the paper."""


class _Layer(nn.Sequential):
    """Convolution, ReLU, batch normalisation: the paper's order."""

    def __init__(self, width: int, out: int, kernel: int = 1, dilation: int = 1) -> None:
        reach = dilation * (kernel - 1) // 2
        super().__init__(
            nn.Conv1d(width, out, kernel, dilation=dilation, padding=reach), nn.ReLU(), nn.BatchNorm1d(out)
        )


class _Block(nn.Module):
    """SE-Res2: channel groups convolved one after the other, each with the one before added; then reweighted."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        part = CHANNELS // SCALE
        self.first, self.last = _Layer(CHANNELS, CHANNELS), _Layer(CHANNELS, CHANNELS)
        self.parts = nn.ModuleList(_Layer(part, part, 3, dilation) for _ in range(SCALE - 1))
        self.excite = nn.Sequential(
            nn.Conv1d(CHANNELS, BOTTLENECK, 1), nn.ReLU(), nn.Conv1d(BOTTLENECK, CHANNELS, 1), nn.Sigmoid()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        groups = torch.chunk(self.first(x), SCALE, 1)
        done = [groups[0]]
        for number, layer in enumerate(self.parts):
            done.append(layer(groups[number + 1] + done[-1] if number else groups[1]))
        y = self.last(torch.cat(done, 1))
        return x + y * self.excite(y.mean(2, keepdim=True))


class _Pooling(nn.Module):
    """Attentive mean and deviation; attention sees the whole clip's statistics at every frame."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention = nn.Sequential(_Layer(3 * width, BOTTLENECK), nn.Tanh(), nn.Conv1d(BOTTLENECK, width, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean = x.mean(2, keepdim=True)
        deviation = (((x - mean) ** 2).mean(2, keepdim=True) + 1e-5).sqrt()
        context = torch.cat([x, mean.expand_as(x), deviation.expand_as(x)], 1)
        weight = torch.softmax(self.attention(context), 2)
        mean = (weight * x).sum(2)
        spread = (weight * (x - mean.unsqueeze(2)) ** 2).sum(2)
        return torch.cat([mean, (spread + 1e-5).sqrt()], 1)


class IdentityEncoder(nn.Module):
    """Features, (batch, frames, mel.BANDS), to identities of length 1, (batch, IDENTITY_DIM).

    Each band's mean over the clip is taken off: level and the line's colour tell nothing of the speaker.
    """

    def __init__(self) -> None:
        super().__init__()
        self.entry = _Layer(mel.BANDS, CHANNELS, 5)
        self.blocks = nn.ModuleList(_Block(dilation) for dilation in DILATIONS)
        width = CHANNELS * len(DILATIONS)
        self.join = nn.Sequential(nn.Conv1d(width, width, 1), nn.ReLU())
        self.pooling = _Pooling(width)
        self.exit = nn.Sequential(nn.BatchNorm1d(2 * width), nn.Linear(2 * width, IDENTITY_DIM))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Tell who speaks in clips of one length."""
        x = self.entry((features - features.mean(1, keepdim=True)).transpose(1, 2))
        outs = []
        for block in self.blocks:
            x = block(x)
            outs.append(x)
        identity = self.exit(self.pooling(self.join(torch.cat(outs, 1))))
        return nn.functional.normalize(identity, dim=1)


class AngularMargin(nn.Module):
    """Additive angular margin softmax (Deng et al. 2019): the right speaker must win by an angle."""

    def __init__(self, speakers: int) -> None:
        super().__init__()
        self.centres = nn.Parameter(torch.empty(speakers, IDENTITY_DIM))
        nn.init.xavier_uniform_(self.centres)

    def forward(self, identities: torch.Tensor, speaker: torch.Tensor) -> torch.Tensor:
        """Mean loss of identities, (batch, IDENTITY_DIM), and who it was, (batch,)."""
        cosine = identities @ nn.functional.normalize(self.centres, dim=1).T
        angle = torch.acos(cosine.clamp(-1 + 1e-6, 1 - 1e-6))
        right = nn.functional.one_hot(speaker, len(self.centres)).bool()
        # No angle grows past pi, where the cosine would rise again.
        logits = torch.where(right, torch.cos((angle + MARGIN).clamp(max=torch.pi)), cosine)
        return nn.functional.cross_entropy(SHARPNESS * logits, speaker)
