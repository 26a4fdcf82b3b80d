"""Pronunciations in the phones of the en-us acoustic model, for words of any language that espeak-ng can speak.

espeak-ng's own IPA is mapped to the nearest of the 39 ARPABET phones; a foreign phone that has two near neighbours
gives two pronunciations. What this is worth for Spanish stands at ``pocketsphinx.PHONE_BIAS``; French was measured with
a prototype only (3 % of words wrong within a list of 20 sentences), Catalan not at all.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from dragoman.errors import EngineUnavailable

DEADLINE_S = 20.0
"""Seconds espeak-ng may take for a list of words; it needs some 0.2 ms a word."""

MAX_VARIANTS = 6
"""Pronunciations of one word; more make a grammar confuse its sentences."""

_DIGRAPHS = {"tʃ": ("CH",), "dʒ": ("JH",), "ts": ("T", "S"), "dz": ("D", "Z")}
_PHONES = {
    ipa: tuple(arpabet.split())
    for arpabet, symbols in {
        "AA": "aɑ",
        "AE": "æ",
        "AH": "ɐʌəɘ",
        "AO": "ɔɒ",
        "EH": "ɛ",
        "ER": "ɜɝɚøœɵ",
        "EY": "e",
        "IH": "ɪɨ",
        "IY": "i",
        "OW": "oɤ",
        "UH": "ʊʏ",
        "UW": "uyɯʉ",
        "B": "bβɓ",
        "CH": "ʧ",
        "D": "dɖɗ",
        "DH": "ð",
        "F": "fɸ",
        "G": "gɡɣɢɠ",
        "HH": "hxχçɦħ",
        "JH": "ʤ",
        "K": "kcqʔ",
        "L": "lɫɬɭɮ",
        "L Y": "ʎ",
        "M": "mɱ",
        "N": "nɳ",
        "N Y": "ɲ",
        "NG": "ŋɴ",
        "P": "p",
        "R": "rɾɹʁʀɻɽ",
        "S": "s",
        "SH": "ʃɕʂ",
        "T": "tʈ",
        "TH": "θ",
        "V": "vʋⱱ",
        "W": "wɥʍ",
        "Y": "jʝɟ",
        "Z": "z",
        "ZH": "ʒʑʐ",
    }.items()
    for ipa in symbols
}
_NASAL = "\N{COMBINING TILDE}"
_CEDILLA = "\N{COMBINING CEDILLA}"  # NFD splits ç into c and this

_NEIGHBOURS = {
    "AA": "AE",
    "EY": "EH",
    "EH": "EY",
    "OW": "AO",
    "AO": "OW",
    "R": "D",
    "UW": "IY",
    "ER": "AH",
    "TH": "S",
    "DH": "D",
    "V": "B",
    "HH": "K",
    "AH": "AA",
    "Z": "S",
}
"""Which other English phone a foreign one may sound like: a Spanish r is a flap, like the d of "ladder"."""


def arpabet(ipa: str) -> tuple[str, ...]:
    """IPA as espeak-ng writes it, to ARPABET phones; stress, length and what is unknown are left out.

    A nasal vowel becomes vowel + N. espeak-ng puts language switches in parentheses: they are no sounds.
    """
    phones: list[str] = []
    text = unicodedata.normalize("NFD", ipa)
    i = skip = 0
    while i < len(text):
        char, pair = text[i], text[i : i + 2]
        i += 1
        if char in "()":
            skip = 1 if char == "(" else 0
        elif skip:
            continue
        elif pair in _DIGRAPHS:
            phones.extend(_DIGRAPHS[pair])
            i += 1
        elif char == _NASAL and phones:
            phones.append("N")
        elif char == _CEDILLA and phones:
            phones[-1] = "HH"
        else:
            phones.extend(_PHONES.get(char, ()))
    return tuple(phones)


def variants(phones: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The pronunciation itself first, then with one foreign phone heard as its neighbour; at most MAX_VARIANTS."""
    found = [phones]
    for phone, neighbour in _NEIGHBOURS.items():
        if phone in phones:
            other = tuple(neighbour if each == phone else each for each in phones)
            if other not in found:
                found.append(other)
    return found[:MAX_VARIANTS]


def read_cmudict(path: Path, words: Sequence[str]) -> dict[str, list[tuple[str, ...]]]:
    """Pronunciations of those ``words`` that a dictionary in CMU's format has (135,000 lines: 0.1 s, blocking)."""
    wanted = set(words)
    found: dict[str, list[tuple[str, ...]]] = {}
    with path.open(encoding="utf-8") as file:
        for line in file:
            name, _, phones = line.partition(" ")
            word = name.partition("(")[0]  # read(2) is the second pronunciation
            if word in wanted:
                found.setdefault(word, []).append(tuple(phones.split()))
    return found


async def pronounce(words: Sequence[str], voice: str, engine: str) -> dict[str, list[tuple[str, ...]]]:
    """Pronunciations of every word that has one; ``voice`` is espeak-ng's voice, ``engine`` whom errors name.

    Raises:
        EngineUnavailable: espeak-ng is not installed, fails, or lacks the voice.
    """
    # A word per line is spoken as a sentence of its own: espeak-ng reads its standard input by lines.
    try:
        process = await asyncio.create_subprocess_exec(
            "espeak-ng",
            "-q",
            "--ipa",
            "-v",
            voice,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except FileNotFoundError:
        raise EngineUnavailable(engine, "espeak-ng is needed for pronunciations: apt-get install espeak-ng") from None
    try:
        async with asyncio.timeout(DEADLINE_S):
            out, err = await process.communicate("".join(f"{word}\n" for word in words).encode())
    except TimeoutError:
        raise EngineUnavailable(engine, f"espeak-ng gave no pronunciations within {DEADLINE_S:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    lines = out.decode(errors="replace").splitlines()
    if process.returncode != 0 or len(lines) != len(words):
        why = err.decode(errors="replace").strip() or f"{len(lines)} answers to {len(words)} words"
        raise EngineUnavailable(engine, f"espeak-ng -v {voice}: {why}")
    return {word: variants(phones) for word, line in zip(words, lines, strict=True) if (phones := arpabet(line))}
