"""Which requests have the same translation: the key of the cache, and what is kept under it. Pure.

DeepL's own words for ``context``: it helps "short, low-context source texts". So a short clause ("Yes, the second
one.") is the same only with the same context, which makes it a hit when a clause is translated twice (speculation, a
retry, two listeners), while a long one carries its own context and is found again in every room.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Sequence

from dragoman.engines.base import Translation, TranslationRequest

VERSION = 1
"""Of key and value: another one finds nothing that an older Dragoman stored."""

SHORT = 30
"""Letters below which a clause needs its context: six words of English or so ("it", "the other", "yes")."""

WIDE = 3
"""Letters that a Chinese or Japanese character counts for: two of them are a word where English takes five or six."""


def key_of(engine: str, variant: Sequence[str], request: TranslationRequest) -> bytes:
    """32 bytes that are equal where the translation is; ``variant`` is what the engine adds (its settings)."""
    text = normal(request.text)
    context = tuple(map(normal, request.context)) if needs_context(text) else ()
    parts = [
        VERSION,
        engine,
        list(variant),
        request.source,
        request.target,
        request.careful,
        request.terms,
        text,
        context,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).digest()


def normal(text: str) -> str:
    """NFC, single spaces. Case and punctuation stay: a question is translated otherwise than an answer."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def needs_context(text: str) -> bool:
    """Whether a clause is so short that what was said before may decide on its translation."""
    length = 0
    for letter in text:
        if letter.isalnum():
            length += WIDE if unicodedata.east_asian_width(letter) in "WF" else 1
            if length >= SHORT:
                return False
    return True


def pack(translation: Translation) -> bytes:
    """What is stored of a translation."""
    return json.dumps([translation.text, translation.note], ensure_ascii=False).encode("utf-8", "replace")


def unpack(data: bytes, engine: str) -> Translation | None:
    """The translation that was stored; None: that is none (another program's key, a cut value)."""
    try:
        text, note = json.loads(data)
    except (ValueError, TypeError, RecursionError):
        return None
    if not isinstance(text, str) or not text.strip() or not (note is None or isinstance(note, str)):
        return None
    return Translation(text, engine, note)
