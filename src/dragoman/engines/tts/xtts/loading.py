"""From the settings to a model that is ready to speak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from dragoman.engines.tts.xtts.clause import Manner
from dragoman.engines.tts.xtts.cloning import encoder_name
from dragoman.engines.tts.xtts.gpt import BatchedDecoder
from dragoman.engines.tts.xtts.load import Model, load, speakers
from dragoman.engines.tts.xtts.sampling import Sampling
from dragoman.engines.tts.xtts.settings import FROM_MODEL, Settings
from dragoman.engines.tts.xtts.speakers import OwnVoices, StockVoices, Voices, VoiceSource
from dragoman.engines.tts.xtts.speller import Speller
from dragoman.engines.tts.xtts.vocoder import WindowedVocoder

VOICE_POSITIONS = 32
"""Of the cache: the latents of a voice."""

MAX_TEXT_TOKENS = 200
"""Of a piece: MAX_CHARACTERS of the languages whose pieces of words are shortest."""

MAX_AUDIO_S = 24.0
"""Seconds that a piece may take: twice what MAX_CHARACTERS take in a conversation."""


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A model, ready to speak."""

    model: Model
    decoder: BatchedDecoder
    speller: Speller
    manner: Manner
    voices: Voices
    device: str
    encoder: str
    """Name of what makes voices of audio, with a hash of its weights: voices of another one are noise to this model."""


def loading(settings: Settings, voices: VoiceSource | None = None) -> Loaded:
    """Load what the settings name; ``voices``: people's own, where they have one.

    Raises:
        EngineUnavailable: a file is missing or unusable.
    """
    model = load(settings.model)
    tensors = speakers(settings.model).items()
    stock = StockVoices({name: (a.float().numpy(), b.float().numpy()) for name, (a, b) in tensors})
    return prepare(model, stock if voices is None else OwnVoices(voices, stock), settings)


def prepare(model: Model, voices: Voices, settings: Settings, suppress: tuple[int, ...] = ()) -> Loaded:
    """Put a model on its device, and let every part of it run once; ``suppress``: tokens that never come."""
    device = settings.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = settings.dtype
    if dtype == "auto":
        dtype = "float16" if device == "cuda" else "float32"
    gpt = model.xtts.gpt
    encoder = encoder_name(model)
    text = min(MAX_TEXT_TOKENS, int(gpt.max_text_tokens) - 2)
    audio = min(int(MAX_AUDIO_S * 22_050 / 1024), int(gpt.max_gen_mel_tokens))
    decoder = BatchedDecoder(
        gpt,
        settings.slots,
        VOICE_POSITIONS + text + 2 + audio,
        _sampling(model, settings, suppress),
        device,
        getattr(torch, dtype),
        settings.cuda_graph,
    )
    _drop_what_was_copied(gpt)
    hifigan = model.xtts.hifigan_decoder.to(device)
    gpt.to(device)
    for part in (gpt, hifigan):
        _unmap(part)
    manner = Manner(
        hifigan, decoder.stop_token, audio, settings.first_tokens, settings.chunk_tokens, settings.self_check
    )
    loaded = Loaded(model, decoder, Speller(model.xtts.tokenizer, text), manner, voices, device, encoder)
    _warm_up(loaded)
    return loaded


def _sampling(model: Model, settings: Settings, suppress: tuple[int, ...]) -> Sampling:
    """The operator's choice, else the model's."""

    def chosen(of_settings: Any, of_model: Any) -> Any:
        return of_model if of_settings == FROM_MODEL else of_settings

    return Sampling(
        chosen(settings.temperature, model.temperature),
        chosen(settings.top_k, model.top_k),
        chosen(settings.top_p, model.top_p),
        chosen(settings.repetition_penalty, model.repetition_penalty),
        suppress,
    )


def _drop_what_was_copied(gpt: Any) -> None:
    """The decoder has its own weights; what makes voices of audio stays."""
    for name in ("gpt", "text_embedding", "mel_embedding", "text_head", "mel_head", "final_norm"):
        delattr(gpt, name)


def _unmap(part: Any) -> None:
    """Copy what is still mapped from the file: who cuts that off would take the process with it."""
    for tensor in (*part.parameters(), *part.buffers()):
        tensor.data = tensor.data.clone()


def _warm_up(loaded: Loaded) -> None:
    decoder = loaded.decoder
    decoder.capture()
    voice = loaded.voices.conditioning("", None)
    prefix = decoder.prefix(torch.from_numpy(voice.latents), [0] * 8)
    (seat,) = decoder.join([prefix], [0])
    latents = [decoder.step()[0].latent for _ in range(loaded.manner.first_tokens)]
    decoder.leave(seat)
    embedding = torch.from_numpy(voice.embedding).reshape(1, -1, 1).to(loaded.device)
    WindowedVocoder(loaded.manner.hifigan, embedding).push(torch.stack(latents), last=True)
