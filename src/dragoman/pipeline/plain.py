"""Words without what recognisers are free to change about them: capitals and punctuation. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from dragoman.writing import joined

PUNCTUATION = ".,;:?!…。，、？！；：．｡､・「」『』（）《》〈〉【】¿¡\"'()«»“”‘’-–—؟،؛۔।॥။၊។៕"
"""What stands around a word and is not part of it; inside a word (``it's``, ``3.5``) it stays."""

_WIDE_MARK = re.compile("[。，、？！；：．｡､「」『』（）《》〈〉【】]")
"""Behind and before them no space stands."""


@lru_cache(maxsize=4096)
def plain(word: str) -> str:
    """``Hello,`` as ``hello``; punctuation alone as nothing. Each partial says the words of the one before again."""
    return word.strip(PUNCTUATION).casefold()


def plain_words(words: Iterable[str]) -> tuple[str, ...]:
    """Each word plain, those that were punctuation alone left out."""
    return tuple(bare for word in words if (bare := plain(word)))


def plain_text(text: str) -> str:
    """A clause by which two hypotheses of it can be compared."""
    return joined(plain_words(_WIDE_MARK.sub(" ", text).split()))
