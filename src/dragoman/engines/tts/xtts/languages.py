"""Which languages XTTS v2 speaks, and what it calls them. Pure."""

from __future__ import annotations

from collections.abc import Mapping

LANGUAGES = ("en", "es", "fr", "de", "it", "pt", "pl", "tr", "ru", "nl", "cs", "ar", "zh", "hu", "ko", "ja", "hi")
"""ISO 639-1 codes of the public model's languages, in the order of its model card."""

MADE_LATER = ("vi",)
"""Languages that models made of XTTS v2 may speak (viXTTS); coqui's tokenizer does not spell them."""

VOCABULARY: Mapping[str, str] = {"zh": "zh-cn"}
"""What a language is called in configuration and vocabulary, where that is not its ISO 639-1 code."""

NEEDED_PACKAGES: Mapping[str, str] = {"zh": "pypinyin", "ja": "cutlet"}
"""What coqui's tokenizer writes these languages' sounds with."""
