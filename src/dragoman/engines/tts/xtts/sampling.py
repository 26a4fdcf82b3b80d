"""How the next audio token is chosen, the same as transformers' ``generate`` does for coqui, for many rows at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

NEVER = -float("inf")

TINY = 1e-30
"""Least noise: a draw of exactly 0 would choose what is masked."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """The knobs of XTTS; the defaults are those of the public model's config.json."""

    temperature: float = 0.75
    top_k: int = 50
    """Only so many of the likeliest tokens; 1: the likeliest, always (greedy); 0: all."""
    top_p: float = 0.85
    """Only the likeliest tokens that together have this probability."""
    repetition_penalty: float = 5.0
    """Divides the logit of every token that was there before (multiplies it where it is below 0)."""
    suppress: tuple[int, ...] = ()
    """Tokens that never come (the stop token, where a bench wants clauses of a fixed length)."""


def scored(logits: Tensor, seen: Tensor, banned: Tensor, sampling: Sampling) -> Tensor:
    """The logits of a draw, minus infinity where a token may not come.

    The order is transformers': repetition penalty, suppressed tokens, temperature, top k, top p.

    Args:
        logits: float32 [rows, vocabulary].
        seen: bool, of the same shape: tokens that were there before.
        banned: [vocabulary], 0 or minus infinity.
        sampling: the knobs.
    """
    penalty = sampling.repetition_penalty
    scores = torch.where(seen, torch.where(logits < 0, logits * penalty, logits / penalty), logits) + banned
    scores = scores / sampling.temperature
    if sampling.top_k:
        least = scores.topk(min(sampling.top_k, scores.shape[-1]), -1).values[:, -1:]
        scores = scores.masked_fill(scores < least, NEVER)
    if sampling.top_p < 1:
        ascending, order = scores.sort(-1)
        unlikely = ascending.softmax(-1).cumsum(-1) <= 1 - sampling.top_p
        unlikely[:, -1] = False
        scores = scores.masked_fill(torch.zeros_like(unlikely).scatter(1, order, unlikely), NEVER)
    return scores


def choose(scores: Tensor, noise: Tensor | None) -> Tensor:
    """A token of each row (int64 [rows]), drawn from the softmax of its scores; without noise the likeliest.

    By the Gumbel-max trick (argmax of scores + Gumbel noise is such a draw) in place of ``multinomial``: it needs no
    synchronisation with the host, so that a CUDA graph can hold it, and each row's noise is its own.

    ``noise``: of the shape of ``scores``, drawn from the exponential distribution.
    """
    return (scores if noise is None else scores - noise.clamp_min(TINY).log()).argmax(-1)
