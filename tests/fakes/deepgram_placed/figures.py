"""What is said, and how ``smart_format`` writes it: figures joined into one word each."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from tests.fakes.deepgram_placed.audio import Spoken

WORDS = tuple(
    "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november oscar papa quebec romeo "
    "sierra tango uniform victor whiskey xray yankee zulu".split()
)
FIGURES = (
    "twenty five",
    "four one five five five five one two one two",
    "five dollars",
    "two hundred five",
    "thirty",
    "seven",
    "forty two percent",
    "sixty three dollars",
    "one two three",
    "ninety nine",
)
_UNITS = {name: i for i, name in enumerate("zero one two three four five six seven eight nine".split())}
_TENS = {name: i * 10 for i, name in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)}
_BEHIND = {"dollars": "${}", "percent": "{}%"}


def script(random: Random, count: int, *, figures: bool) -> list[Spoken]:
    """At least ``count`` words, some of them said twice, in utterances of different lengths, from frame 30 on."""
    said: list[Spoken] = []
    at = 30
    while len(said) < count:
        for _ in range(random.choice((1, 2, 3, 5, 8, 20))):
            last = said[-1].text if said else ""
            if figures and last in WORDS and random.random() < 0.35:
                texts = random.choice(FIGURES).split()
            else:
                texts = [last if last in WORDS and random.random() < 0.1 else random.choice(WORDS)]
            for text in texts:
                length = random.randint(6, 28)
                said.append(Spoken(text, at, at + length))
                at += length + random.choice((0, 1, 2, 4))
            at += random.choice((0, 0, 1, 3, 5, 14))
        at += random.randint(22, 110)
    return said


def formatted(words: Sequence[Spoken]) -> list[Spoken]:
    """As ``smart_format`` writes these words when it hears no others."""
    found: list[Spoken] = []
    left = list(words)
    while left:
        run = _run(left)
        if not run:
            found.append(left.pop(0))
            continue
        text = _figure([word.text for word in left[:run]])
        if run < len(left) and left[run].text in _BEHIND:
            text = _BEHIND[left[run].text].format(text)
            run += 1
        found.append(Spoken(text, left[0].start, left[run - 1].end))
        del left[:run]
    return found


def inside_figure(before: Spoken, behind: Spoken) -> bool:
    """Whether these neighbours are parts of one figure."""
    return before.text not in WORDS and behind.text not in WORDS


def _run(words: Sequence[Spoken]) -> int:
    """How many of the first words are one figure's."""
    if words[0].text not in _UNITS and words[0].text not in _TENS:
        return 0
    more = (i for i, word in enumerate(words) if word.text not in (*_UNITS, *_TENS, "hundred"))
    return next(more, len(words))


def _figure(words: Sequence[str]) -> str:
    if all(word in _UNITS for word in words):
        digits = "".join(str(_UNITS[word]) for word in words)
        return digits if len(digits) < 7 else f"{digits[:-4]}-{digits[-4:]}"
    value = 0
    for word in words:
        value = value * 100 if word == "hundred" else value + _UNITS.get(word, 0) + _TENS.get(word, 0)
    return str(value)
