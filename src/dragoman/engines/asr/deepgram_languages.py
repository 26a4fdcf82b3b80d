"""Which languages Deepgram hears with which model, as data.

From the provider's page "Models & Languages Overview" and its change log up to 2026-03. The service itself decides: it
answers 400 to what it does not know, and the recogniser hands that text on.
"""

from __future__ import annotations

from collections.abc import Mapping

NOVA_3: Mapping[str, tuple[str, ...]] = {
    "ar": (),
    "be": (),
    "bg": (),
    "bn": (),
    "bs": (),
    "ca": (),
    "cs": (),
    "da": ("da-DK",),
    "de": ("de-CH",),
    "el": (),
    "en": ("en-US", "en-GB", "en-AU", "en-IN", "en-NZ"),
    "es": ("es-419",),
    "et": (),
    "fi": (),
    "fr": ("fr-CA",),
    "hi": (),
    "hr": (),
    "hu": (),
    "id": (),
    "it": (),
    "ja": (),
    "kn": (),
    "ko": ("ko-KR",),
    "lt": (),
    "lv": (),
    "mk": (),
    "mr": (),
    "ms": (),
    "nl": ("nl-BE",),
    "no": (),
    "pl": (),
    "pt": ("pt-BR", "pt-PT"),
    "ro": (),
    "ru": (),
    "sk": (),
    "sl": (),
    "sr": (),
    "sv": ("sv-SE",),
    "ta": (),
    "te": (),
    "th": ("th-TH",),
    "tl": (),
    "tr": (),
    "uk": (),
    "vi": (),
    "zh": ("zh-CN", "zh-Hans", "zh-TW", "zh-Hant", "zh-HK"),
}
"""By ISO 639-1 code, the regional variants that can be asked for instead; one model per language."""

NOVA_2: Mapping[str, tuple[str, ...]] = {
    "bg": (),
    "ca": (),
    "cs": (),
    "da": ("da-DK",),
    "de": ("de-CH",),
    "el": (),
    "en": ("en-US", "en-GB", "en-AU", "en-IN", "en-NZ"),
    "es": ("es-419",),
    "et": (),
    "fi": (),
    "fr": ("fr-CA",),
    "hi": (),
    "hu": (),
    "id": (),
    "it": (),
    "ja": (),
    "ko": ("ko-KR",),
    "lt": (),
    "lv": (),
    "ms": (),
    "nl": ("nl-BE",),
    "no": (),
    "pl": (),
    "pt": ("pt-BR", "pt-PT"),
    "ro": (),
    "ru": (),
    "sk": (),
    "sv": ("sv-SE",),
    "th": ("th-TH",),
    "tr": (),
    "uk": (),
    "vi": (),
    "zh": ("zh-CN", "zh-Hans", "zh-TW", "zh-Hant", "zh-HK"),
}

NOVA_3_MULTI: Mapping[str, tuple[str, ...]] = NOVA_3
"""``language=multi`` of nova-3: one model that follows who changes language in a sentence. Since 2026 it takes all of
these, told which to expect by ``language_hint``."""

NOVA_2_MULTI: Mapping[str, tuple[str, ...]] = {"en": (), "es": ()}

TABLES: Mapping[tuple[str, bool], Mapping[str, tuple[str, ...]]] = {
    ("nova-3", False): NOVA_3,
    ("nova-3", True): NOVA_3_MULTI,
    ("nova-2", False): NOVA_2,
    ("nova-2", True): NOVA_2_MULTI,
}
"""By model family and whether it is asked for ``multi``."""
