"""Makes torchaudio importable beside a torch without CUDA.

torchaudio 2.11, the last release, is linked against CUDA 13: with a CPU build of torch its import fails for want of
libc10_cuda.so, and with it that of transformers and coqui-tts, which import it. Its own code runs without its compiled
extension (resampling, mel spectrograms); all that is lost is RNN-T losses and forced alignment, used by nothing here.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import sys
import types
from collections.abc import Callable

EXTENSION = "torchaudio._extension"


def ensure() -> bool:
    """Import torchaudio, without its extension where that cannot be loaded; True when it could.

    To be called before anything imports transformers or TTS.
    """
    if "torchaudio" not in sys.modules:
        try:
            importlib.import_module("torchaudio")
        except (OSError, RuntimeError):  # no libc10_cuda.so; or an extension for another CUDA than torch's
            for name in [name for name in sys.modules if name.split(".")[0] == "torchaudio"]:
                del sys.modules[name]
            sys.modules[EXTENSION] = _stub()
            importlib.import_module("torchaudio")
    return bool(getattr(sys.modules[EXTENSION], "_IS_TORCHAUDIO_EXT_AVAILABLE", False))


def _stub() -> types.ModuleType:
    """What torchaudio wants of its extension, saying that it is not there."""

    def fail_if_no_align(function: Callable[..., object]) -> Callable[..., object]:
        def fail(*args: object, **kwargs: object) -> object:
            raise RuntimeError(f"torchaudio.{function.__name__} needs torchaudio's compiled extension")

        return fail

    names: dict[str, object] = {
        "_IS_TORCHAUDIO_EXT_AVAILABLE": False,
        "_IS_ALIGN_AVAILABLE": False,
        "_load_lib": lambda lib: False,
        "_check_cuda_version": lambda: None,
        "fail_if_no_align": fail_if_no_align,
        "lazy_import_sox_ext": lambda: None,
    }
    module = types.ModuleType(EXTENSION)
    module.__spec__ = importlib.machinery.ModuleSpec(EXTENSION, None)
    for name, value in names.items():
        setattr(module, name, value)
    return module
