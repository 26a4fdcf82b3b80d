"""Who speaks when: the rule by which the demo's turns are started, and which clauses belong to which turn. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dragoman.demo.minutes import Entry, Minutes
from dragoman.demo.scenario import Scenario, Turn
from dragoman.demo.words import recall

SETTLE_S = 1.5
"""Seconds after a turn in which more of it may still be recognised: hangover (0.4 s), recogniser, translator, twice."""

QUIET_S = 4.0
"""Seconds after a turn from which it counts as lost if the daemon has nothing more to do for it, by its own account."""

EARLY_S = 0.5
"""Seconds by which a clause may seem to begin before its turn: recognisers place a first word early."""


@dataclass(frozen=True, slots=True)
class Played:
    """A turn as it was played into its speaker's phone; seconds since the epoch."""

    number: int
    """Index of the turn in the script."""
    turn: Turn
    language: str
    start_unix: float
    end_unix: float


def assign(played: Iterable[Played], entries: Iterable[Entry]) -> tuple[dict[int, list[Entry]], list[Entry]]:
    """Clauses by the number of the turn they were said in, and those that nobody's turn explains.

    A clause belongs to the last turn that its speaker had begun by the middle of the clause.
    """
    turns = sorted(played, key=lambda turn: turn.start_unix)
    found: dict[int, list[Entry]] = {turn.number: [] for turn in turns}
    strays = []
    for entry in sorted(entries, key=lambda entry: entry.end_unix):
        middle = (entry.start_unix + entry.end_unix) / 2 + EARLY_S
        begun = [turn for turn in turns if turn.turn.speaker == entry.speaker and turn.start_unix <= middle]
        if begun:
            found[begun[-1].number].append(entry)
        else:
            strays.append(entry)
    return found, strays


class TurnTaking:
    """Says which turn is due. The caller asks again and again, starts what is due, and tells that it did."""

    def __init__(self, scenario: Scenario, durations: Sequence[float]) -> None:
        """``durations``: length of each turn's audio, seconds."""
        self._scenario = scenario
        self._durations = durations
        self._played: list[Played] = []
        self._open = 0  # of the turns played, the first that the next one waits for: with those before it we are done

    @property
    def played(self) -> tuple[Played, ...]:
        """The turns that were started."""
        return tuple(self._played)

    def due(self, now: float, minutes: Minutes, quiet_since: float | None = None) -> int | None:
        """Number of the turn that is to be started now (seconds since the epoch), or None.

        ``quiet_since``: when the daemon began to say that nobody speaks and that no booth has anything to speak; None
        while it does not.
        """
        number = len(self._played)
        if number >= len(self._scenario.turns):
            return None
        if number == 0:
            return 0
        turn = self._scenario.turns[number]
        if turn.start == "over":
            return number if now >= self._played[-1].start_unix + turn.over_s else None
        ready = self.over_at(now, minutes, quiet_since)
        return number if ready is not None and now >= ready + self._scenario.pause_s else None

    def started(self, number: int, now: float) -> None:
        """Turn ``number`` sounds from ``now`` on."""
        turn = self._scenario.turns[number]
        language = self._scenario.person(turn.speaker).language
        if turn.start != "over":
            self._open = len(self._played)
        self._played.append(Played(number, turn, language, now, now + self._durations[number]))

    def over(self, now: float, minutes: Minutes, quiet_since: float | None = None) -> bool:
        """Whether all turns were said and interpreted, or the patience for that is at its end."""
        if len(self._played) < len(self._scenario.turns):
            return False
        ready = self.over_at(now, minutes, quiet_since)
        return ready is not None and now >= ready

    def over_at(self, now: float, minutes: Minutes, quiet_since: float | None = None) -> float | None:
        """When what was started will have been said and heard in every language; None: that is not known yet."""
        said = max(played.end_unix for played in self._played)
        patience = max(said, minutes.sounding_unix()) + self._scenario.patience_s
        if now >= patience:
            return patience
        if quiet_since is not None and now >= max(said, quiet_since) + QUIET_S:
            return max(said, quiet_since)
        if now < said + SETTLE_S or not self._recognized(minutes):
            return None
        silent = minutes.silent_unix(self._scenario.languages, self._played[self._open].start_unix)
        return None if silent is None else max(said, silent)

    def _recognized(self, minutes: Minutes) -> bool:
        """Whether enough of every turn that is waited for is in the captions."""
        clauses, _ = assign(self._played, minutes.entries)
        return all(
            recall(played.turn.text, " ".join(entry.text for entry in clauses[played.number]), played.language)
            >= self._scenario.recognized
            for played in self._played[self._open :]
        )
