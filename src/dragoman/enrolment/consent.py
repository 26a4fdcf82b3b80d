"""Whether what somebody answered, when he was asked, is a yes. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

YES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "en": frozenset({"yes", "yeah", "yep", "sure", "okay", "ok", "agreed"}),
        "es": frozenset({"si", "claro", "vale", "acuerdo", "ok"}),
        "ca": frozenset({"si", "clar", "acord", "ok"}),
        "fr": frozenset({"oui", "accord", "ok"}),
        "pt": frozenset({"sim", "claro", "acordo", "ok"}),
        "it": frozenset({"si", "certo", "accordo", "ok"}),
        "de": frozenset({"ja", "gerne", "klar", "einverstanden", "ok"}),
        "nl": frozenset({"ja", "graag", "akkoord", "ok"}),
        "pl": frozenset({"tak", "zgoda", "ok"}),
        "tr": frozenset({"evet", "tamam", "ok"}),
        "vi": frozenset({"vang", "co", "dong", "ok"}),
        "ja": frozenset({"はい", "ええ"}),
        "zh": frozenset({"是", "是的", "好", "好的", "可以", "同意"}),
    }
)
"""By ISO 639-1; without accents, as they are compared."""

NO: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "en": frozenset({"no", "not", "nope", "never", "don't", "dont"}),
        "es": frozenset({"no", "nunca", "tampoco"}),
        "ca": frozenset({"no", "mai", "tampoc"}),
        "fr": frozenset({"non", "pas", "jamais"}),
        "pt": frozenset({"nao", "nunca"}),
        "it": frozenset({"no", "non", "mai"}),
        "de": frozenset({"nein", "nicht", "nie"}),
        "nl": frozenset({"nee", "niet", "nooit"}),
        "pl": frozenset({"nie", "nigdy"}),
        "tr": frozenset({"hayir", "degil"}),
        "vi": frozenset({"khong"}),
        "ja": frozenset({"いいえ", "いや"}),
        "zh": frozenset({"不", "不是", "不要", "不好", "不可以", "不同意"}),
    }
)

LONGEST: Final = 8
"""Words of an answer: who says more is talking with somebody else."""


def agreed(text: str, language: str) -> bool:
    """Whether the answer is a yes, and no no is in it; in a language that is not known, an English one counts."""
    words = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", _fold(text.lower().replace("đ", "d")))
    yes, no = ({_fold(word) for word in table.get(language, table["en"])} for table in (YES, NO))
    return 0 < len(words) <= LONGEST and any(word in yes for word in words) and not any(word in no for word in words)


def _fold(word: str) -> str:
    """Without accents; kana lose their marks too."""
    bare = (char for char in unicodedata.normalize("NFKD", word) if not unicodedata.combining(char))
    return unicodedata.normalize("NFKC", "".join(bare))
