"""What kind of failure an exception of torch is, and giving back memory afterwards."""

from __future__ import annotations

import gc
from contextlib import suppress

import torch

from dragoman.recovery.gpu import Trouble

NO_MEMORY = ("out of memory", "ALLOC_FAILED")
"""In what CUDA and its libraries say where torch's own allocator was not asked."""

DEVICE = ("CUDA error", "CUDA driver", "cuDNN", "CUBLAS", "CUDNN", "cuFFT", "CUFFT", "NVML")


def trouble_of(error: BaseException) -> Trouble:
    """Of the memory, of the device, or neither; what an error was made of counts, too."""
    if error.__cause__ is not None and (of_cause := trouble_of(error.__cause__)) is not Trouble.OTHER:
        return of_cause
    text = str(error)
    if isinstance(error, torch.OutOfMemoryError) or any(part in text for part in NO_MEMORY):
        return Trouble.MEMORY
    return Trouble.DEVICE if any(part in text for part in DEVICE) else Trouble.OTHER


def free_memory() -> None:
    """Give back what is kept of the GPU's memory; after an error of CUDA even that may fail."""
    gc.collect()
    if torch.cuda.is_available():
        with suppress(RuntimeError):
            torch.cuda.empty_cache()
