"""Tiny CTranslate2 models with weights set by hand, so that a test knows what they say; made at once, without torch.

They are loaded by the real code from the real files. ``whisper`` says the same sentence to whatever it hears (the
decoder knows only which token follows which); its word times come from real, random attention. ``translator`` looks
each piece of the source up in a dictionary: its one attention head points at the source piece of the same place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece
from ctranslate2.specs import TransformerSpec, WhisperSpec

WHISPER_SENTENCE = ("ĠGood", "Ġmorning", "Ġto", "Ġall", "Ġof", "Ġyou.")
_WHISPER_LANGUAGES = "en es ca fr vi de ja zh".split()


def _linear(spec: Any, weight: np.ndarray) -> None:
    spec.weight = weight.astype(np.float32)
    spec.bias = np.zeros(len(weight), np.float32)


def _norm(spec: Any, width: int) -> None:
    spec.gamma, spec.beta = np.ones(width, np.float32), np.zeros(width, np.float32)


def _still_layer(layer: Any, width: int) -> None:
    """A layer that adds nothing to what comes in; its cross-attention may be set afterwards."""
    attentions = [(layer.self_attention, [3 * width, width])]
    if hasattr(layer, "attention"):
        attentions.append((layer.attention, [width, 2 * width, width]))
    for attention, sizes in attentions:
        _norm(attention.layer_norm, width)
        for linear, size in zip(attention.linear, sizes, strict=True):
            _linear(linear, np.zeros((size, width)))
    inner = 4 * width
    _norm(layer.ffn.layer_norm, width)
    _linear(layer.ffn.linear_0, np.zeros((inner, width)))
    _linear(layer.ffn.linear_1, np.zeros((width, inner)))


def whisper(
    folder: Path,
    sentence: Sequence[str] = WHISPER_SENTENCE,
    *,
    multilingual: bool = True,
    width: int = 32,
    layers: int = 1,
    heads: int = 1,
) -> Path:
    """A Whisper that hears ``sentence`` in everything; the folder as faster-whisper wants it.

    Layers beyond what it needs add nothing, but cost their time: for benches.
    """
    random = np.random.default_rng(1)
    tokens = _whisper_tokens(sentence, multilingual)
    number = {token: i for i, token in enumerate(tokens)}
    spec = WhisperSpec(layers, heads, layers, heads)
    encoder, decoder = spec.encoder, spec.decoder
    for conv, channels in ((encoder.conv1, 80), (encoder.conv2, width)):
        conv.weight = random.normal(0, 0.1, (width, channels, 3)).astype(np.float32)
        conv.bias = np.zeros(width, np.float32)
    encoder.position_encodings.encodings = random.normal(0, 1, (1500, width)).astype(np.float32)
    decoder.position_encodings.encodings = np.zeros((448, width), np.float32)
    _norm(encoder.layer_norm, width)
    _norm(decoder.layer_norm, width)
    for layer in (*encoder.layer, *decoder.layer):
        _still_layer(layer, width)
    query, key_value, _ = decoder.layer[0].attention.linear
    query.weight = random.normal(0, 0.3, (width, width)).astype(np.float32)
    key_value.weight[:width] = random.normal(0, 0.3, (width, width))
    embeddings = random.choice([-1.0, 1.0], (len(tokens), width)).astype(np.float32)
    embeddings[:, : width // 2] -= embeddings[:, : width // 2].mean(axis=1, keepdims=True)
    decoder.embeddings.weight = embeddings
    projection = np.zeros_like(embeddings)
    chain = ["<|notimestamps|>", *sentence, "<|endoftext|>"]
    for before, after in pairwise(chain):
        row = embeddings[number[before]]
        projection[number[after]] += (row - row.mean()) / row.std()
    _linear(decoder.projection, projection)
    spec.register_vocabulary(tokens)
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = []
    spec.config.lang_ids = [number[f"<|{language}|>"] for language in _WHISPER_LANGUAGES]
    spec.config.alignment_heads = [(0, 0)]
    _save(spec, folder)
    _write_tokenizer(folder, tokens)
    return folder


def _whisper_tokens(sentence: Sequence[str], multilingual: bool) -> list[str]:
    letters = list(_byte_letters())
    special = [
        "<|endoftext|>",
        "<|startoftranscript|>",
        *(f"<|{language}|>" for language in _WHISPER_LANGUAGES),
        "<|translate|>",
        "<|transcribe|>",
        "<|startoflm|>",
        "<|startofprev|>",
        "<|nospeech|>",
        "<|notimestamps|>",
        *(f"<|{i * 0.02:.2f}|>" for i in range(1501)),
    ]
    # CTranslate2 knows a multilingual model by its empty token.
    return [*letters, *sentence, *([""] if multilingual else []), *special]


def _byte_letters() -> list[str]:
    """How byte-level BPE writes the 256 bytes."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    letters = {byte: chr(byte) for byte in plain} | {byte: chr(256 + i) for i, byte in enumerate(others)}
    return [letters[byte] for byte in range(256)]


def _write_tokenizer(folder: Path, tokens: Sequence[str]) -> None:
    first_special = tokens.index("<|endoftext|>")
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    model = {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": "",
        "end_of_word_suffix": "",
        "fuse_unk": False,
        "byte_fallback": False,
        "vocab": {token: i for i, token in enumerate(tokens[:first_special])},
        "merges": [],
    }
    added = [
        {
            "id": first_special + i,
            "content": token,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for i, token in enumerate(tokens[first_special:])
    ]
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": level,
        "post_processor": None,
        "decoder": level,
        "model": model,
    }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))


def _save(spec: Any, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    spec.validate()
    spec.optimize(quantization=None)
    spec.save(str(folder))


def sentence_pieces(path: Path, corpus: Sequence[str], **options: Any) -> list[str]:
    """Train a sentencepiece model into ``path``; returns its pieces."""
    prefix = path.with_suffix("")
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([*corpus] * 20),
        model_prefix=str(prefix),
        model_type="word",
        hard_vocab_limit=False,
        vocab_size=400,
        minloglevel=2,
        **options,
    )
    Path(f"{prefix}.vocab").unlink()
    made = Path(f"{prefix}.model")
    if made != path:
        made.rename(path)
    processor = sentencepiece.SentencePieceProcessor(model_file=str(path))
    return [processor.id_to_piece(i) for i in range(processor.get_piece_size())]


def translator(
    folder: Path,
    tokens: Sequence[str],
    dictionary: Mapping[str, str],
    *,
    start: str,
    prefix: bool,
    width: int = 128,
    layers: int = 1,
    heads: int = 1,
) -> Path:
    """A model that puts ``dictionary[piece]`` (or the piece itself) for every source piece behind the first token.

    Args:
        folder: where.
        tokens: the vocabulary, ``</s>`` and ``<unk>`` among them.
        dictionary: target piece of a source piece.
        start: the decoder's start token.
        prefix: whether a target prefix (a language) of one token is forced, as NLLB has it.
        width: of the layers; more than the default, more layers and more heads only cost time: for benches.
        layers: of the encoder and of the decoder.
        heads: of attention.
    """
    random = np.random.default_rng(2)
    number = {token: i for i, token in enumerate(tokens)}
    token_width = place_width = width // 2
    places = 256
    codes = random.choice([-1.0, 1.0], (len(tokens), token_width))
    place_codes = random.choice([-1.0, 1.0], (places + 2, place_width))
    spec = TransformerSpec.from_config((layers, layers), heads, pre_norm=True)
    for side, shift in ((spec.encoder, 0), (spec.decoder, 0 if prefix else 1)):
        embeddings = side.embeddings[0] if isinstance(side.embeddings, list) else side.embeddings
        embeddings.weight = np.hstack([codes, np.zeros((len(tokens), place_width))]).astype(np.float32)
        side.scale_embeddings = False
        encodings = np.hstack([np.zeros((places, token_width)), place_codes[shift : places + shift]])
        side.position_encodings.encodings = encodings.astype(np.float32)
        _norm(side.layer_norm, width)
        for layer in side.layer:
            _still_layer(layer, width)
    query, key_value, out = spec.decoder.layer[0].attention.linear
    place = np.diag([0.0] * token_width + [1.0] * place_width).astype(np.float32)
    token = np.diag([1.0] * token_width + [0.0] * place_width).astype(np.float32)
    _linear(query, 6 * place)
    _linear(key_value, np.vstack([place, token]))
    _linear(out, 4 * token)  # louder than the token that came before, which is in the residual stream
    projection = np.zeros((len(tokens), width), np.float32)
    for source in tokens:
        projection[number[dictionary.get(source, source)], :token_width] += codes[number[source]]
    _linear(spec.decoder.projection, projection)
    spec.register_source_vocabulary(list(tokens))
    spec.register_target_vocabulary(list(tokens))
    spec.config.add_source_bos = spec.config.add_source_eos = False
    spec.config.bos_token, spec.config.eos_token, spec.config.unk_token = "<s>", "</s>", "<unk>"
    spec.config.decoder_start_token = start
    _save(spec, folder)
    return folder
