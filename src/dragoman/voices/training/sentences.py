"""English sentences without end for the synthetic voices, and how many syllables they have."""

from __future__ import annotations

import random
import re
from typing import Final

_OPENERS: Final = ["the", "a", "my", "your", "our", "this", "every", "one"]
_QUALITIES: Final = (
    "old red quiet bright seven heavy little gentle broken silver early distant yellow careful hungry simple narrow"
).split()
_THINGS: Final = (
    "river doctor window garden teacher letter mountain kitchen engine winter market button castle picture number "
    "morning animal table"
).split()
_DEEDS: Final = (
    "opens follows remembers carries watches finishes covers crosses answers paints collects forgets measures borrows"
).split()
_WHERE: Final = "near under behind before after without beside across around".split()


def _thing(rng: random.Random) -> str:
    return f"{rng.choice(_OPENERS)} {rng.choice(_QUALITIES)} {rng.choice(_THINGS)}"


def at_least(wanted: int, rng: random.Random) -> str:
    """A sentence of at least ``wanted`` syllables, a dozen or so more at most."""
    text = f"{_thing(rng)} {rng.choice(_DEEDS)} {_thing(rng)}"
    while syllables(text) < wanted:
        text += f" {rng.choice(_WHERE)} {_thing(rng)}"
    return f"{text}."


def syllables(text: str) -> int:
    """Groups of vowels, but for a final e: "table" counts as one and "every" as three, near enough to compare rates."""
    return sum(max(1, len(re.findall("[aeiouy]+", word.removesuffix("e")))) for word in re.findall("[a-z]+", text))
