"""ECAPA-TDNN through speechbrain, from a local folder in the layout of spkrec-ecapa-voxceleb; nothing is downloaded."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import threading
from pathlib import Path
from typing import Any, Final

import numpy as np

from dragoman.errors import ProfileInvalid, VoiceUnavailable
from dragoman.media.format import SAMPLE_RATE
from dragoman.voices.conditioning import unit
from dragoman.voices.embedders import Samples
from dragoman.voices.profile import Vector, vector

FILES: Final = (
    "hyperparams.yaml",
    "embedding_model.ckpt",
    "mean_var_norm_emb.ckpt",
    "classifier.ckpt",
    "label_encoder.txt",
)
"""All that the public hyperparams.yaml loads: the classifier too, though nobody asks it."""

THRESHOLD: Final = 0.25
"""Cosine from which two clips are one person: speechbrain's own for these weights (SpeakerRecognition.verify_batch)."""

MIN_SAMPLES: Final = SAMPLE_RATE // 5
"""0.2 s: the dilated convolutions reflect at the edges and need some frames."""

MAX_SECONDS: Final = 30.0
"""Seconds that are looked at: 42 to 54 ms of CPU per second, and no better answer beyond."""

REPOSITORY: Final = "speechbrain/spkrec-ecapa-voxceleb"


class EcapaIdentity:
    """IdentityEmbedder. One clip at a time: threads wait for each other, for torch would use all cores for each."""

    threshold = THRESHOLD

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        """Load the model: 0.3 s, and some seconds for the imports; to be called in a thread.

        Raises:
            VoiceUnavailable: says which package or file is missing, and how to get it.
        """
        _require(folder)
        try:
            self._model = _load(folder, device)
            self._lock = threading.Lock()
            self.dimension = len(self._run(np.zeros(SAMPLE_RATE, np.float32)))
        except Exception as error:  # speechbrain and torch raise whatever their parsers do
            said = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            raise VoiceUnavailable(
                f"voices.ecapa: the model in {folder} cannot be loaded ({said}); fetch it again: {_how(folder)}"
            ) from error
        digest = hashlib.sha256((folder / "embedding_model.ckpt").read_bytes()).hexdigest()
        self.name = f"ecapa-{self.dimension}-{digest[:12]}"

    def embed(self, samples: Samples) -> Vector:
        """IdentityEmbedder; raises ProfileInvalid for less than 0.2 s."""
        if len(samples) < MIN_SAMPLES:
            raise ProfileInvalid(f"{len(samples) / SAMPLE_RATE * 1000:.0f} ms of audio say nothing of a voice")
        heard = np.ascontiguousarray(samples[: round(MAX_SECONDS * SAMPLE_RATE)], np.float32)
        return vector(unit(self._run(heard)).astype(np.float32), "an identity")

    def _run(self, samples: Samples) -> Vector:
        import torch

        with self._lock, torch.inference_mode():
            made = self._model.encode_batch(torch.from_numpy(samples)[None])
        return np.asarray(made.reshape(-1).cpu().numpy(), np.float32)


def _load(folder: Path, device: str) -> Any:
    from dragoman.engines.tts.xtts.torchaudio_compat import ensure

    ensure()
    from speechbrain.inference.speaker import EncoderClassifier
    from speechbrain.utils.fetching import LocalStrategy

    _drop_placeholders()
    # The public hyperparams.yaml names the hub as pretrained_path: without the override a complete local folder still
    # goes there. savedir None and NO_LINK: nothing is written, neither to the folder nor to where we stand.
    return EncoderClassifier.from_hparams(
        source=str(folder),
        savedir=None,
        local_strategy=LocalStrategy.NO_LINK,
        overrides={"pretrained_path": str(folder)},
        run_opts={"device": device},
    )


def _drop_placeholders() -> None:
    """Take speechbrain's placeholders for optional packages out of sys.modules.

    Touching any attribute of one imports it, and raises ImportError where the package lacks: so does whatever looks
    through sys.modules, as inspect.getmodule and hypothesis do.
    """
    for name, module in list(sys.modules.items()):
        if name.startswith("speechbrain.") and type(module).__name__ in ("LazyModule", "DeprecatedModuleRedirect"):
            del sys.modules[name]


def _require(folder: Path) -> None:
    missing = [name for name in ("torch", "torchaudio", "speechbrain") if importlib.util.find_spec(name) is None]
    if missing:
        raise VoiceUnavailable(
            f'voices.ecapa: the Python package {" and ".join(missing)} is missing: pip install "dragoman[ecapa]"'
        )
    absent = [name for name in FILES if not (folder / name).is_file()]
    if absent:
        raise VoiceUnavailable(f"voices.ecapa: {folder} lacks {', '.join(absent)}: {_how(folder)}")


def _how(folder: Path) -> str:
    return f"hf download {REPOSITORY} --local-dir {folder}"
