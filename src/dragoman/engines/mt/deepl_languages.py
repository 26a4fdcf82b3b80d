"""The languages of DeepL, as data: how it writes them, which target variants it has, where formality is known. Pure.

From DeepL's own list (developers.deepl.com, "Languages supported", October 2026), reduced to what callers can choose or
a voice can speak. A missing language is a line here; what the server itself lists is asked at start and wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeepLLanguage:
    """One language: ``source`` and ``target`` are DeepL's codes for it, ``formality`` whether it can be asked for."""

    source: str
    target: str
    """The variant that is translated into unless the settings choose another; plain EN and PT are refused."""
    formality: bool = False


LANGUAGES: Mapping[str, DeepLLanguage] = {
    "ar": DeepLLanguage("AR", "AR"),
    "ca": DeepLLanguage("CA", "CA"),
    "cs": DeepLLanguage("CS", "CS"),
    "de": DeepLLanguage("DE", "DE", formality=True),
    "en": DeepLLanguage("EN", "EN-GB"),
    "es": DeepLLanguage("ES", "ES", formality=True),
    "fr": DeepLLanguage("FR", "FR", formality=True),
    "hi": DeepLLanguage("HI", "HI"),
    "hu": DeepLLanguage("HU", "HU"),
    "it": DeepLLanguage("IT", "IT", formality=True),
    "ja": DeepLLanguage("JA", "JA", formality=True),
    "ko": DeepLLanguage("KO", "KO"),
    "nl": DeepLLanguage("NL", "NL", formality=True),
    "pl": DeepLLanguage("PL", "PL", formality=True),
    "pt": DeepLLanguage("PT", "PT-PT", formality=True),
    "ru": DeepLLanguage("RU", "RU", formality=True),
    "tr": DeepLLanguage("TR", "TR"),
    "vi": DeepLLanguage("VI", "VI"),
    "zh": DeepLLanguage("ZH", "ZH-HANS"),
}
"""By ISO 639-1 code."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What the server says it can do: its language codes, in upper case."""

    sources: frozenset[str]
    targets: frozenset[str]
    formality: frozenset[str]
    """The targets that know formality."""


def variant_problem(language: str, variant: str) -> str | None:
    """Why ``variant`` cannot be the target variant of ``language``, or None."""
    known = LANGUAGES.get(language)
    if known is None:
        return f"{language!r} is no language of DeepL that we know; known are {' '.join(LANGUAGES)}"
    if variant in ("EN", "PT"):
        return f"DeepL refuses plain {variant} as a target: give a variant such as {known.target}"
    if variant.partition("-")[0] != known.source:
        return f"{variant!r} is no variant of {known.source}: write it such as {known.target}"
    return None
