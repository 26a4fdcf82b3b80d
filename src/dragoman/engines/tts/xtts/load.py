"""Loads XTTS v2 from a folder as it is published, each tensor once.

coqui's own loader builds the GPT twice and fills it with random numbers both times: 19 to 26 s and 4.1 GB for the full
model, against 7.5 s and 1.95 GB this way (measured on a CPU), with the same tensors.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from dragoman.engines.local_models import importing
from dragoman.engines.tts.xtts import torchaudio_compat
from dragoman.engines.tts.xtts.settings import NAME, RECIPE
from dragoman.errors import EngineError

TRAINING_ONLY = ("torch_mel_spectrogram_style_encoder", "torch_mel_spectrogram_dvae", "dvae")
"""Parts of a checkpoint that only its training needs."""

ALIASES = ("gpt.gpt_inference.", "gpt.gpt.wte.")
"""Tensors of older checkpoints that are there a second time under another name."""


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """What was loaded, on the CPU, float32."""

    xtts: Any
    """coqui's ``Xtts`` object: its tokenizer, GPT, HiFi-GAN, and what makes conditioning of a person's audio."""
    languages: tuple[str, ...]
    """XTTS's codes (``zh-cn``)."""
    temperature: float
    top_k: int
    top_p: float
    repetition_penalty: float


def load(folder: Path) -> Model:
    """Load the model in ``folder``.

    Raises:
        EngineUnavailable: a file is missing, cut off or of another model; says how to get it.
    """
    RECIPE.require(folder)
    try:
        return _load(folder)
    except EngineError:
        raise
    except Exception as error:  # whatever a broken file makes torch, pickle, json or the tokenizer raise
        reason = (str(error) or type(error).__name__).strip().splitlines()[0]
        raise RECIPE.broken(folder, reason) from error


def speakers(folder: Path) -> dict[str, tuple[Any, Any]]:
    """The stock voices: name to (GPT latents [32, width], speaker embedding [512]), tensors.

    Raises:
        EngineUnavailable: the file cannot be read, or holds no voice.
    """
    path = folder / "speakers_xtts.pth"
    try:
        table: Mapping[str, Mapping[str, Any]] = torch.load(path, map_location="cpu", weights_only=True)
        voices = {
            name: (voice["gpt_cond_latent"].reshape(-1, voice["gpt_cond_latent"].shape[-1]),
                   voice["speaker_embedding"].reshape(-1))
            for name, voice in table.items()
        }  # fmt: skip
    except Exception as error:
        raise RECIPE.broken(folder, f"speakers_xtts.pth: {type(error).__name__}: {error}") from error
    if not voices:
        raise RECIPE.broken(folder, "speakers_xtts.pth holds no voice")
    return voices


def _load(folder: Path) -> Model:
    with importing(NAME, NAME):
        torchaudio_compat.ensure()
        import TTS.tts.models.xtts as coqui
        from TTS.tts.configs.xtts_config import XttsConfig

    json.loads((folder / "config.json").read_text(encoding="utf-8"))  # its own reader is lenient with broken files
    config = XttsConfig()
    config.load_json(str(folder / "config.json"))
    tokenizer = coqui.VoiceBpeTokenizer(vocab_file=folder / "vocab.json")
    args = config.model_args
    args.gpt_number_text_tokens = None  # Xtts builds no GPT then: we build it below, once, without storage
    xtts = coqui.Xtts(config)
    xtts.tokenizer = tokenizer
    args.gpt_number_text_tokens = tokenizer.get_number_tokens()
    args.gpt_start_text_token = tokenizer.tokenizer.token_to_id("[START]")
    args.gpt_stop_text_token = tokenizer.tokenizer.token_to_id("[STOP]")
    with torch.device("meta"):
        xtts.gpt = coqui.GPT(
            layers=args.gpt_layers,
            model_dim=args.gpt_n_model_channels,
            start_text_token=args.gpt_start_text_token,
            stop_text_token=args.gpt_stop_text_token,
            heads=args.gpt_n_heads,
            max_text_tokens=args.gpt_max_text_tokens,
            max_mel_tokens=args.gpt_max_audio_tokens,
            max_prompt_tokens=args.gpt_max_prompt_tokens,
            number_text_tokens=args.gpt_number_text_tokens,
            num_audio_tokens=args.gpt_num_audio_tokens,
            start_audio_token=args.gpt_start_audio_token,
            stop_audio_token=args.gpt_stop_audio_token,
            use_perceiver_resampler=args.gpt_use_perceiver_resampler,
            code_stride_len=args.gpt_code_stride_len,
        )
    xtts.load_state_dict(_tensors(coqui, folder / "model.pth"), strict=True, assign=True)
    xtts.requires_grad_(False)
    for part in (xtts.gpt, xtts.hifigan_decoder):  # not xtts.eval(): that builds transformers' generator, unused here
        part.eval()
    return Model(
        xtts,
        tuple(config.languages),
        float(config.temperature),
        int(config.top_k),
        float(config.top_p),
        float(config.repetition_penalty),
    )


def _tensors(coqui: Any, path: Path) -> dict[str, Any]:
    """The checkpoint, mapped into memory, by the names that the model's parts have now."""
    try:
        checkpoint = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    except pickle.UnpicklingError:  # the published file pickles its configuration, by an old name of its class
        with coqui._legacy_safe_globals():
            checkpoint = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    named = {name.removeprefix("xtts."): tensor for name, tensor in checkpoint["model"].items()}
    return {
        name: tensor
        for name, tensor in named.items()
        if name.split(".")[0] not in TRAINING_ONLY and not name.startswith(ALIASES)
    }
