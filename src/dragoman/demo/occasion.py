"""What a profile is told of the meeting, and what it answers. Pure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dragoman.demo.minutes import Minutes
from dragoman.demo.scenario import Scenario
from dragoman.engines.base import Synthesizer


@dataclass(frozen=True, slots=True)
class Occasion:
    """A meeting that engines are wanted for."""

    scenario: Scenario
    phrases: Path
    own_phrases: bool
    """Whether ``phrases`` was given, and is not the file that comes with Dragoman."""
    durations: tuple[float, ...]
    """Seconds for which each of the turns is spoken."""
    folder: Path
    """For the files of this demo; gone after it."""
    say: Callable[[str], None]
    """Tells a line of progress."""


def _nothing(legs: Mapping[str, str]) -> None:
    return None


async def _nobody(url: str) -> None:
    return None


def _as_they_are(synthesizers: Sequence[Synthesizer], minutes: Minutes) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Engines:
    """How the daemon is set up."""

    settings: Mapping[str, Any]
    """Its section ``engines``."""
    remarks: tuple[str, ...] = ()
    """What is to be said before the meeting."""
    simulation: str = ""
    """What of it is not real, for the report; empty: all is."""
    seated: Callable[[Mapping[str, str]], None] = _nothing
    """Told when everybody is in the room, before anybody speaks: the id of each person's leg, by name."""
    sections: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Further sections of its settings."""
    prepare: Callable[[str], Awaitable[None]] = _nobody
    """Called when the daemon is ready, with its URL, before anybody calls."""
    dress: Callable[[Sequence[Synthesizer], Minutes], None] = _as_they_are
    """Gives those who speak the references, before they start, the voices that speakers had in the meeting."""
