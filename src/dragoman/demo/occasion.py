"""What a profile is told of the meeting, and what it answers. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dragoman.demo.scenario import Scenario


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
