"""The grammar of a closed list of sentences, and how its words are written. Pure.

Every written word of every sentence is a token of its own (``p12w3``) in grammar and dictionary. So what was recognised
tells by itself how it is written, capitals and question marks included, also while a sentence is not finished.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dragoman.engines.asr.lexicon import MAX_VARIANTS
from dragoman.engines.phrases import tokens

Pronunciations = Sequence[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Grammar:
    """What a decoder needs for a closed list: JSGF, its dictionary (CMU format), and how each token is written."""

    jsgf: str
    dictionary: str
    written: Mapping[str, str]
    left_out: tuple[str, ...]
    """Sentences with a word that has no pronunciation."""


def vocabulary(texts: Sequence[str]) -> tuple[str, ...]:
    """Every word once, sorted, as a lexicon is asked for it."""
    return tuple(sorted({word for text in texts for word in tokens(text)}))


def build(texts: Sequence[str], lexicon: Mapping[str, Pronunciations]) -> Grammar | None:
    """A grammar of one or more of these sentences after each other; None when not one can be pronounced."""
    sentences: list[str] = []
    entries: list[str] = []
    written: dict[str, str] = {}
    left_out: list[str] = []
    for number, text in enumerate(texts):
        spoken = [(word, _pronounce(tokens(word), lexicon)) for word in _words(text)]
        if not spoken or not all(ways for _, ways in spoken):
            left_out.append(text)
            continue
        names = []
        for place, (word, ways) in enumerate(spoken):
            name = f"p{number}w{place}"
            names.append(name)
            written[name] = word
            for variant, phones in enumerate(ways, start=1):
                entries.append(f"{name}{f'({variant})' if variant > 1 else ''} {' '.join(phones)}\n")
        sentences.append(" ".join(names))
    if not sentences:
        return None
    # <list>+: people say "Yes. Thank you." in one breath.
    jsgf = f"#JSGF V1.0;\ngrammar list;\n<one> = {' | '.join(sentences)};\npublic <list> = <one>+;\n"
    return Grammar(jsgf, "".join(entries), written, tuple(left_out))


def _words(text: str) -> list[str]:
    """The written words; what has no sound (a dash) goes with the word before it, or else behind it."""
    words: list[str] = []
    for part in text.split():
        if words and not (tokens(words[-1]) and tokens(part)):
            words[-1] += f" {part}"
        else:
            words.append(part)
    return words


def _pronounce(parts: tuple[str, ...], lexicon: Mapping[str, Pronunciations]) -> list[tuple[str, ...]]:
    """How a written word (of more parts if it has a hyphen) can sound; empty if a part has no pronunciation."""
    ways = [lexicon.get(part, ()) for part in parts]
    if not ways or not all(ways):
        return []
    most = min(MAX_VARIANTS, max(len(way) for way in ways))
    joined = [tuple(phone for way in ways for phone in way[min(i, len(way) - 1)]) for i in range(most)]
    return list(dict.fromkeys(joined))
