"""XTTS v2 models of 3 MB, made on the spot, and the engine that speaks with one: for the demo and the tests.

The weights are random, in the layout of the published ones, and go through the engine's own loading code. What they say
is no language, but it has the length that the text takes, and each voice has a sound of its own.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from dragoman.engines.tts.xtts import torchaudio_compat

torchaudio_compat.ensure()

import TTS.tts.layers.xtts.hifigan_decoder as coqui_hifigan  # noqa: E402  # torchaudio must come first
import TTS.tts.models.xtts as coqui  # noqa: E402
from TTS.tts.configs.xtts_config import XttsArgs, XttsAudioConfig, XttsConfig  # noqa: E402

LANGUAGES = ("en es fr de it pt pl tr ru nl cs ar zh-cn hu ko ja hi").split()

FULL: dict[str, Any] = {
    "gpt_layers": 30,
    "gpt_n_model_channels": 1024,
    "gpt_n_heads": 16,
    "gpt_max_audio_tokens": 605,
    "gpt_max_text_tokens": 402,
    "gpt_max_prompt_tokens": 70,
    "gpt_num_audio_tokens": 1026,
    "gpt_start_audio_token": 1024,
    "gpt_stop_audio_token": 1025,
    "decoder_input_dim": 1024,
    "d_vector_dim": 512,
}
"""Model arguments of the published model."""

TINY = FULL | {
    "gpt_layers": 2,
    "gpt_n_model_channels": 64,
    "gpt_n_heads": 2,
    "gpt_max_audio_tokens": 500,
    "gpt_max_text_tokens": 300,
    "gpt_num_audio_tokens": 66,
    "gpt_start_audio_token": 64,
    "gpt_stop_audio_token": 65,
    "decoder_input_dim": 64,
}

TIMBRE = 40.0
"""How much a voice's embedding says of its timbre: a random encoder finds people alike to a hundredth."""

GLIDE = 2.0
"""Cycles by which a harmonic's phase moves with the latents: some 40 Hz up and down from token to token."""

LOUDNESS = 0.5
"""Of the sum of all harmonics: about -20 dBFS."""

SPEAKERS = ("Ana Florence", "Luis Moray", "Tammie Ema")


class Chirps(torch.nn.Module):  # type: ignore[misc]  # torch is not there where types are checked
    """In place of a HiFi-GAN's generator: harmonics that glide with the latents.

    Random weights of a HiFi-GAN hum for every voice and text alike, at the rate of its frames. Here a voice has a pitch
    and a timbre, and a text its glides, so that a recording tells who was spoken for and what was said.
    """

    HARMONICS, HOP, RATE = 24, 256, 24_000
    GRAIN = 2 * HOP

    def __init__(self, width: int, voice: int) -> None:
        """``width`` of the latents, ``voice``: of the speaker embedding."""
        super().__init__()
        self.timbre = torch.nn.Parameter(torch.randn(voice, self.HARMONICS + 1) * TIMBRE)
        self.melody = torch.nn.Parameter(torch.randn(width) * GLIDE / width**0.5)
        self.turns = torch.nn.Parameter(torch.randn(width, self.HARMONICS) * GLIDE / width**0.5)

    def forward(self, frames: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
        """``frames`` [rows, width, n] to sound [rows, 1, n * HOP] in the voices ``g`` [rows, dimension, 1]."""
        return torch.stack([self._one(row.T, voice.reshape(-1)) for row, voice in zip(frames, g, strict=True)])

    def _one(self, frames: torch.Tensor, embedding: torch.Tensor) -> torch.Tensor:
        voice = torch.sin(embedding @ self.timbre)
        pitch = (170 + 80 * voice[-1]) * torch.exp2(0.5 * torch.sin(frames @ self.melody))
        at = (torch.arange(self.GRAIN) - self.HOP) / self.RATE
        harmonics = torch.arange(1, self.HARMONICS + 1)
        cycles = pitch[:, None, None] * harmonics * at[:, None] + (frames @ self.turns)[:, None]
        grains = torch.cos(2 * torch.pi * cycles) @ torch.softmax(1.5 * voice[:-1], 0) * torch.hann_window(self.GRAIN)
        sound = torch.zeros((len(grains) + 1) * self.HOP)
        sound[: -self.HOP] += grains[:, : self.HOP].reshape(-1)
        sound[self.HOP :] += grains[:, self.HOP :].reshape(-1)
        begin = self.HOP // 2
        return (LOUDNESS * sound[begin : begin + len(grains) * self.HOP])[None]


@contextmanager
def narrow(*, chirping: bool = False) -> Iterator[None]:
    """Within it, coqui builds a narrow HiFi-GAN and speaker encoder: their widths are no part of a configuration.

    ``chirping``: with Chirps as the generator.
    """
    decoder, encoder = coqui.HifiDecoder, coqui_hifigan.ResNetSpeakerEncoder
    slim = functools.partial(
        decoder,
        upsample_initial_channel_decoder=16,
        resblock_kernel_sizes_decoder=[3],
        resblock_dilation_sizes_decoder=[[1, 3, 5]],
    )

    def chirps(**options: Any) -> Any:
        made = slim(**options)
        made.waveform_decoder = Chirps(options["decoder_input_dim"], options["d_vector_dim"])
        return made

    coqui.HifiDecoder = chirps if chirping else slim
    coqui_hifigan.ResNetSpeakerEncoder = functools.partial(encoder, layers=[1, 1, 1, 1], num_filters=[8, 8, 8, 8])
    try:
        yield
    finally:
        coqui.HifiDecoder, coqui_hifigan.ResNetSpeakerEncoder = decoder, encoder


def make(folder: Path, seed: int = 0, languages: Sequence[str] = LANGUAGES) -> Path:
    """A model of random weights."""
    with narrow():
        save(folder, build(folder, seed, languages, TINY), seed)
    return folder


def talkative(folder: Path, seed: int = 0, *, chirping: bool = False) -> Path:
    """A model that says so much as the text takes; ``chirping``: in voices that can be told apart.

    One attention head looks at all positions alike and sees of which kind they are, text or audio; when audio outweighs
    text, the stop token's logit rises.
    """
    with narrow(chirping=chirping):
        xtts = build(folder, seed, LANGUAGES, TINY)
    gpt, width = xtts.gpt, 64
    kind, balance, head = 0, 1, slice(0, 32)
    with torch.no_grad():
        gpt.mel_embedding.weight.normal_(0, 10)
        for embedding, value in ((gpt.text_embedding, 50.0), (gpt.mel_embedding, -50.0)):
            embedding.weight[:, kind], embedding.weight[:, balance] = value, 0
        for at in (gpt.text_pos_embedding.emb, gpt.mel_pos_embedding.emb):
            at.weight[:, [kind, balance]] = 0
        attention = gpt.gpt.h[0].attn
        for part in range(3):
            attention.c_attn.weight[:, part * width : part * width + 32] = 0
            attention.c_attn.bias[part * width : part * width + 32] = 0
        attention.c_attn.weight[kind, 2 * width] = 1
        attention.c_proj.weight[head] = 0
        attention.c_proj.weight[0, balance] = 100
        stop = gpt.stop_audio_token
        gpt.mel_head.weight[stop] = 0
        gpt.mel_head.weight[stop, balance] = -10
        gpt.mel_head.bias[stop] = -20
        gpt.conditioning_perceiver.norm.gamma[[kind, balance]] = 0  # a person's voice is of neither kind
        if not isinstance(xtts.hifigan_decoder.waveform_decoder, Chirps):
            # Random weights whisper: about as loud as the real ones speak.
            xtts.hifigan_decoder.waveform_decoder.conv_post.weight *= 8
    save(folder, xtts, seed)
    return folder


def build(folder: Path, seed: int, languages: Sequence[str], args: dict[str, Any]) -> Any:
    """A model of random weights, with its vocabulary and configuration written to ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    vocabulary = _write_vocabulary(folder / "vocab.json", languages)
    config = XttsConfig(
        model_args=XttsArgs(
            **args,
            tokenizer_file="",
            gpt_use_perceiver_resampler=True,
            gpt_number_text_tokens=max(vocabulary.values()) + 1,
            gpt_start_text_token=vocabulary["[START]"],
            gpt_stop_text_token=vocabulary["[STOP]"],
        ),
        audio=XttsAudioConfig(),
        languages=list(languages),
        repetition_penalty=5.0,
    )
    config.save_json(str(folder / "config.json"))
    return coqui.Xtts(config)


def save(folder: Path, xtts: Any, seed: int) -> None:
    """Write the weights, and stock voices, as they are published."""
    torch.save({"model": xtts.state_dict(), "config": xtts.config.to_dict()}, folder / "model.pth")
    random = torch.Generator().manual_seed(seed)
    width = xtts.args.gpt_n_model_channels
    voices = {}
    for name in SPEAKERS:
        latents = torch.randn(1, 32, width, generator=random) * 0.2
        latents[..., :2] = 0
        embedding = torch.nn.functional.normalize(torch.randn(1, 512, 1, generator=random), dim=1)
        voices[name] = {"gpt_cond_latent": latents, "speaker_embedding": embedding}
    torch.save(voices, folder / "speakers_xtts.pth")


def _write_vocabulary(path: Path, languages: Sequence[str]) -> dict[str, int]:
    """A ``tokenizers`` file with a token per character, and a few merges."""
    special = ["[STOP]", "[UNK]", "[SPACE]", *(f"[{language}]" for language in languages), "[START]"]
    ranges = ((33, 91), (94, 127), (0xA1, 0x180), (0x1A0, 0x1B1), (0x400, 0x460), (0x900, 0x970), (0x1EA0, 0x1EFA))
    characters = [chr(code) for start, stop in ranges for code in range(start, stop)]
    vocabulary = {token: n for n, token in enumerate([*special, *characters, "th", "the", "in", "an"])}
    tokenizer = {
        "version": "1.0",
        "added_tokens": [
            {"id": vocabulary[token], "content": token, "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": False, "special": True}
            for token in special
        ],
        "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": None,
        "decoder": None,
        "model": {"type": "BPE", "dropout": None, "unk_token": "[UNK]", "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "vocab": vocabulary,
                  "merges": ["t h", "th e", "i n", "a n"]},
    }  # fmt: skip
    path.write_text(json.dumps(tokenizer, ensure_ascii=False), encoding="utf-8")
    return vocabulary
