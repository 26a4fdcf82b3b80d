"""XTTS v2 models of 3 MB with weights made here, in the layout of the published one, loaded by the real code.

``make`` gives random weights: enough to compare two implementations. ``talkative`` gives a model that speaks as a good
one does: its stop token comes after a number of tokens that grows with the text.
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

SPEAKERS = ("Ana Florence", "Luis Moray", "Tammie Ema")


@contextmanager
def narrow() -> Iterator[None]:
    """Within it, coqui builds a narrow HiFi-GAN and speaker encoder: their widths are no part of a configuration."""
    decoder, encoder = coqui.HifiDecoder, coqui_hifigan.ResNetSpeakerEncoder
    coqui.HifiDecoder = functools.partial(
        decoder,
        upsample_initial_channel_decoder=16,
        resblock_kernel_sizes_decoder=[3],
        resblock_dilation_sizes_decoder=[[1, 3, 5]],
    )
    coqui_hifigan.ResNetSpeakerEncoder = functools.partial(encoder, layers=[1, 1, 1, 1], num_filters=[8, 8, 8, 8])
    try:
        yield
    finally:
        coqui.HifiDecoder, coqui_hifigan.ResNetSpeakerEncoder = decoder, encoder


@contextmanager
def as_published() -> Iterator[None]:
    """Nothing is changed: the counterpart of ``narrow``."""
    yield


def make(folder: Path, seed: int = 0, languages: Sequence[str] = LANGUAGES) -> Path:
    """A model of random weights."""
    with narrow():
        _save(folder, _built(folder, seed, languages, TINY), seed)
    return folder


def talkative(folder: Path, seed: int = 0) -> Path:
    """A model that says so much as the text takes: see the module's text.

    One attention head looks at all positions alike and sees of which kind they are, text or audio; when audio outweighs
    text, the stop token's logit rises.
    """
    with narrow():
        xtts = _built(folder, seed, LANGUAGES, TINY)
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
        # Random weights whisper: about as loud as the real ones speak.
        xtts.hifigan_decoder.waveform_decoder.conv_post.weight *= 8
    _save(folder, xtts, seed)
    return folder


def full(folder: Path, seed: int = 0) -> Path:
    """Random weights of the published model's size: 1.9 GB, for the bench."""
    _save(folder, _built(folder, seed, LANGUAGES, FULL), seed)
    return folder


def by_coqui(folder: Path) -> Any:
    """The model, loaded by coqui's own loader: what ours is compared with."""
    config = XttsConfig()
    config.load_json(str(folder / "config.json"))
    xtts = coqui.Xtts(config)
    xtts.load_checkpoint(config, checkpoint_dir=folder, eval=True, use_deepspeed=False)
    return xtts


def _built(folder: Path, seed: int, languages: Sequence[str], args: dict[str, Any]) -> Any:
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


def _save(folder: Path, xtts: Any, seed: int) -> None:
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
