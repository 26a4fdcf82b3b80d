"""NLLB-200 (Meta): 200 languages in one model, on CTranslate2 from a local folder. Its weights are not for business."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from dragoman.engines.base import TranslationRequest
from dragoman.engines.local_models import CONVERTER, ModelRecipe
from dragoman.engines.mt.ctranslate import EOS, CTranslateTranslator

TAGS = {
    "af": "afr_Latn",
    "ar": "arb_Arab",
    "be": "bel_Cyrl",
    "bg": "bul_Cyrl",
    "bn": "ben_Beng",
    "ca": "cat_Latn",
    "cs": "ces_Latn",
    "da": "dan_Latn",
    "de": "deu_Latn",
    "el": "ell_Grek",
    "en": "eng_Latn",
    "es": "spa_Latn",
    "et": "est_Latn",
    "eu": "eus_Latn",
    "fa": "pes_Arab",
    "fi": "fin_Latn",
    "fr": "fra_Latn",
    "gl": "glg_Latn",
    "he": "heb_Hebr",
    "hi": "hin_Deva",
    "hr": "hrv_Latn",
    "hu": "hun_Latn",
    "id": "ind_Latn",
    "it": "ita_Latn",
    "ja": "jpn_Jpan",
    "ko": "kor_Hang",
    "lt": "lit_Latn",
    "lv": "lvs_Latn",
    "ms": "zsm_Latn",
    "nl": "nld_Latn",
    "no": "nob_Latn",
    "pl": "pol_Latn",
    "pt": "por_Latn",
    "ro": "ron_Latn",
    "ru": "rus_Cyrl",
    "sk": "slk_Latn",
    "sl": "slv_Latn",
    "sr": "srp_Cyrl",
    "sv": "swe_Latn",
    "sw": "swh_Latn",
    "th": "tha_Thai",
    "tr": "tur_Latn",
    "uk": "ukr_Cyrl",
    "ur": "urd_Arab",
    "vi": "vie_Latn",
    "zh": "zho_Hans",
}
"""FLORES-200 codes, which are NLLB's language tokens, of the languages people are likely to phone in."""


class NllbTranslator(CTranslateTranslator):
    """The source's language token stands before its pieces, the target's is forced as the first of the output."""

    name: ClassVar[str] = "nllb"
    recipe: ClassVar[ModelRecipe] = ModelRecipe(
        "nllb",
        "facebook/nllb-200-distilled-600M",
        ("model.bin", "config.json", "shared_vocabulary.json|shared_vocabulary.txt", "sentencepiece.bpe.model"),
        (
            *CONVERTER,
            "convert/bin/ct2-transformers-converter --model facebook/nllb-200-distilled-600M --output_dir {folder}"
            " --quantization int8 --copy_files sentencepiece.bpe.model",
        ),
    )
    tokenizer: ClassVar[str] = "sentencepiece.bpe.model"
    tags: ClassVar[Mapping[str, str]] = TAGS
    licence: ClassVar[str] = "CC-BY-NC-4.0"
    commercial_use: ClassVar[bool] = False
    purpose: ClassVar[str] = "Translating between 46 languages on your own machine, batched across speakers."

    def _source(self, pieces: list[str], request: TranslationRequest) -> list[str]:
        return [TAGS[request.source], *pieces, EOS]

    def _prefix(self, request: TranslationRequest) -> list[str] | None:
        return [TAGS[request.target]]
