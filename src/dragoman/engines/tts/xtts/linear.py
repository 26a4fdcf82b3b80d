"""The GPT's linear layers: on a CPU in single precision packed as oneDNN reads them fastest, else as they are.

A step of few rows is bound by reading the weights. Plain, two to sixteen rows take 1.8 to 3 times as long as packed, a
prefix 1.3 times (one core with AVX-512). torch packs by operations that it made for its own compiler and does not
document, so that they are tried before they are used.
"""

from __future__ import annotations

from functools import cache

import structlog
import torch
import torch.nn.functional as F
from torch import Tensor

from dragoman.engines.tts.xtts.settings import NAME

FEWEST = 4
"""Rows that a packed layer is given at least: oneDNN takes longer for two than for four (measured)."""

NEAR = 1e-4
"""How much the trial may differ from the plain product of numbers near 1: other orders of sums make 1e-6."""

log = structlog.get_logger(__name__)


class Linear:
    """One layer, in a copy: the loader's tensors are mapped from a file."""

    def __init__(self, weight: Tensor, bias: Tensor, device: str, dtype: torch.dtype) -> None:
        """``weight``: [in, out], as GPT-2's ``Conv1D`` has it."""
        self._bias = bias.detach().to(device, dtype, copy=True)
        self._weight = weight.detach().to(device, dtype, copy=True)
        fits = device == "cpu" and dtype == torch.float32 and packs()
        self._packed = _packed(self._weight) if fits else None

    def __call__(self, x: Tensor) -> Tensor:
        """[..., in] to [..., out]."""
        rows = x.reshape(-1, x.shape[-1])
        # One row is read faster as it is, by a quarter: both are kept, 1.5 GB more on a CPU.
        if self._packed is None or len(rows) == 1:
            made = torch.addmm(self._bias, rows, self._weight)
        else:
            made = _times(rows, self._packed, self._bias)
        return made.view(*x.shape[:-1], len(self._bias))


@cache
def packs() -> bool:
    """Whether this torch packs, and its packed layers give what plain ones do; why not is in the log."""
    numbers = torch.Generator().manual_seed(0)
    weight, bias = torch.randn(96, 80, generator=numbers), torch.randn(80, generator=numbers)
    try:
        packed = _packed(weight)
        for rows in (1, FEWEST + 1, 33):
            x = torch.randn(rows, 96, generator=numbers)
            if not torch.allclose(_times(x, packed, bias), torch.addmm(bias, x, weight), NEAR, NEAR):
                raise ArithmeticError(f"{rows} rows give something else")
    except Exception as error:  # whatever another torch, or another processor, makes of it
        log.warning("linear layers are not packed", engine=NAME, reason=f"{type(error).__name__}: {error}")
        return False
    return True


def _packed(weight: Tensor) -> Tensor:
    """[in, out] in oneDNN's own order, which it takes for any number of rows."""
    made: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight.t().contiguous(), None)
    return made


def _times(rows: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    count = len(rows)
    if count < FEWEST:
        rows = F.pad(rows, (0, 0, 0, FEWEST - count))
    made: Tensor = torch.ops.mkldnn._linear_pointwise(rows, weight, bias, "none", [], "")
    return made[:count]
