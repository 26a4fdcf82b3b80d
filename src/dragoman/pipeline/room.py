"""Who is in a room, and what must be translated for whom. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Need:
    """What one leg's speech is needed for: targets to translate into; whether its own words are read as captions."""

    targets: frozenset[str]
    source_captions: bool


def needs(present: Mapping[str, str], readers: Iterable[str]) -> dict[str, Need]:
    """What each leg is needed for.

    Args:
        present: language by leg id, of all who are in the room now.
        readers: languages in which somebody reads this room's captions.

    Returns:
        A Need per leg. A room of one language without readers needs nothing, so it opens no recogniser.
    """
    read = frozenset(readers)
    return {
        leg: Need(frozenset(set(present.values()) | read) - {language}, language in read)
        for leg, language in present.items()
    }


def floor(present: Mapping[str, str], language: str) -> tuple[str, ...]:
    """The legs whose original is heard under what the booth of ``language`` says: all who speak another one."""
    return tuple(leg for leg, spoken in present.items() if spoken != language)
