"""The digits that a recogniser's words say, however it writes them: "21", "twenty-one", "twenty one". Pure."""

from __future__ import annotations

from functools import lru_cache

from dragoman.guard.figures import Amount, Digits, canonical
from dragoman.guard.numerals import items, simplified
from dragoman.pipeline.plain import plain


@lru_cache(maxsize=4096)
def digits_of(text: str, language: str) -> str:
    """The digits of words that are nothing but numbers, in a row; else nothing. "four one five" is 415."""
    said: list[str] = []
    signs: list[str] = []
    for item in items(simplified(text, language, idioms=False), language):
        if isinstance(item.value, Digits):
            said.append(item.value.text)
        elif isinstance(item.value, Amount):
            said.append(canonical(item.value.value))
        elif item.value is not None or item.mark.isalnum():
            return ""
        elif item.mark not in "-,.:/":
            signs.append(item.mark)  # "$5" is more than "5"
    return "".join((*signs, *said)) if said else ""


def is_number(word: str, language: str) -> bool:
    """Whether a word, as a recogniser writes it, is a number or a part of one."""
    return bool(digits_of(plain(word), language))
