"""Whether what was said is in what was recognised: by words, order kept, spelling and case aside. Pure."""

from __future__ import annotations

import unicodedata
from difflib import SequenceMatcher

UNSPACED = frozenset({"ja", "zh"})
"""Languages written without spaces: their characters are compared."""


def words(text: str, language: str) -> list[str]:
    """The words of ``text`` (characters, where words are not parted), lower case, without marks and accents.

    Accents go because a recogniser's lexicon may lack them, and no script is about them.
    """
    plain = "".join(
        letter if letter.isalnum() or letter in "'’" else " "
        for letter in unicodedata.normalize("NFKD", text.casefold())
        if not unicodedata.combining(letter)
    )
    plain = plain.replace("'", "").replace("’", "")
    return list(plain.replace(" ", "")) if language in UNSPACED else plain.split()


def recall(script: str, heard: str, language: str) -> float:
    """Share of the words of ``script`` that ``heard`` has in the same order, 0 to 1."""
    wanted = words(script, language)
    if not wanted:
        return 1.0
    blocks = SequenceMatcher(None, wanted, words(heard, language), autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) / len(wanted)
