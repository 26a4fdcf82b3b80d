"""MADLAD-400 (Google): 400 languages in one model, free for any use, on CTranslate2 from a local folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from dragoman.engines.base import TranslationRequest
from dragoman.engines.local_models import CONVERTER, ModelRecipe
from dragoman.engines.mt.ctranslate import EOS, CTranslateTranslator

LANGUAGES = (
    "af ar be bg bn ca cs da de el en es et eu fa fi fr gl he hi hr hu id it ja ko lt lv ms nl no pl pt ro ru sk sl sr "
    "sv sw th tr uk ur vi zh"
).split()
"""Of its 400, those people are likely to phone in."""


class MadladTranslator(CTranslateTranslator):
    """The target's token stands before the source's pieces.

    It is put there as a token: sentencepiece, given ``<2es> text``, makes a stray piece before it, and the model then
    answers in any language.
    """

    name: ClassVar[str] = "madlad"
    recipe: ClassVar[ModelRecipe] = ModelRecipe(
        "madlad",
        "google/madlad400-3b-mt",
        ("model.bin", "config.json", "shared_vocabulary.json|shared_vocabulary.txt", "spiece.model"),
        (
            *CONVERTER,
            "convert/bin/ct2-transformers-converter --model google/madlad400-3b-mt --output_dir {folder}"
            " --quantization int8 --copy_files spiece.model",
        ),
    )
    tokenizer: ClassVar[str] = "spiece.model"
    tags: ClassVar[Mapping[str, str]] = {language: f"<2{language}>" for language in LANGUAGES}
    licence: ClassVar[str] = "Apache-2.0"
    commercial_use: ClassVar[bool] = True
    purpose: ClassVar[str] = "Translating between 46 languages on your own GPU, for any use, batched across speakers."

    def _source(self, pieces: list[str], request: TranslationRequest) -> list[str]:
        return [self.tags[request.target], *pieces, EOS]

    def _prefix(self, request: TranslationRequest) -> list[str] | None:
        return None
