"""Decides whether every listener heard a translation of every clause, in order, once.

The recordings of the phones decide; what the daemon says of itself does not count. The captions only tell what the
translations should be, and the script what should have been said: a sentence that no caption has is lost too. Pure.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from dragoman.demo.match import Occurrence, find
from dragoman.demo.minutes import Entry, Line, Minutes
from dragoman.demo.recording import Recording
from dragoman.demo.scenario import Person, Scenario
from dragoman.demo.turns import Played, assign
from dragoman.demo.words import recall, words
from dragoman.media.format import SAMPLE_RATE, Pcm

COMPLETE = 0.8
"""Share of a translation that must be in the recording for it not to count as cut off."""

SAID_TWICE = 1.7
"""Words recognised of a turn, as a multiple of the script's, from which it counts as said twice."""

FORESIGHT_S = 0.5
"""Seconds before its clause began in which a translation cannot have been of this clause: nobody translates the future;
the rest is the tolerance of recognised word times."""

PAUSE_S = 0.08
"""Seconds of silence that end an acoustic word group; the closures of stop consonants are shorter."""

SNAP_S = 0.4
"""Seconds within which the acoustic end nearest to a recogniser's word end is taken for the clause's."""


class Fault(StrEnum):
    """What may be wrong."""

    NOT_RECOGNIZED = "not recognized"
    SAID_TWICE = "recognized twice"
    NOT_SAID = "recognized and not said"
    NOT_TRANSLATED = "not translated"
    DROPPED = "dropped"
    NOT_HEARD = "not heard"
    HEARD_TWICE = "heard twice"
    CUT_OFF = "cut off"
    TOO_EARLY = "heard before it was said"
    OUT_OF_ORDER = "out of order"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    fault: Fault
    message: str
    listener: str | None = None
    clause: str | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """One clause as one listener heard it."""

    listener: str
    clause: str
    language: str
    start_unix: float
    """First translated sound at the listener's ear."""
    end_unix: float
    ear_voice_span_ms: float
    """At the ear: acoustic end of the clause at the speaker's phone to its first translated sound at the listener's."""
    score: float
    tempo: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the recordings say."""

    findings: tuple[Finding, ...]
    heard: tuple[Heard, ...]
    ends: Mapping[str, float]
    """Per clause, its acoustic end at the speaker's phone, seconds since the epoch."""
    expected: int
    """Translations that should have been heard, over all listeners; a turn that was not recognised counts as one."""

    @property
    def good(self) -> bool:
        """Nothing is wrong."""
        return not self.findings


def judge(
    scenario: Scenario,
    played: Sequence[Played],
    turns: Mapping[int, Pcm],
    minutes: Minutes,
    recordings: Sequence[Recording],
    translations: Mapping[tuple[str, str], Pcm],
) -> Verdict:
    """Compare script, captions and recordings.

    Args:
        scenario: who takes part.
        played: the turns as they were played.
        turns: audio of each turn, by its number.
        minutes: the captions.
        recordings: one per person.
        translations: how each line should sound, by (clause id, language).
    """
    clauses, strays = assign(played, minutes.entries)
    findings = _recognised(scenario, played, clauses, strays)
    starts = _starts(played, turns, recordings)
    ends = {
        entry.clause: _acoustic_end(entry, turns[number], starts[number])
        for number, entries in clauses.items()
        for entry in entries
    }
    entries = [entry for entry in minutes.entries if entry.clause in ends]
    findings += _translated(scenario, entries, minutes)
    heard: list[Heard] = []
    expected = 0
    by_person = {recording.person: recording for recording in recordings}
    for person in scenario.people:
        lines = _expected(person, entries)
        expected += sum(1 for turn in played if not clauses[turn.number] and turn.language != person.language)
        expected += sum(
            1
            for entry in entries
            if entry.language != person.language
            if (line := minutes.line(entry, person.language)) is None or line is entry.lines.get(person.language)
        )
        native: dict[Hashable, Pcm] = {
            ("turn", turn.number): turns[turn.number]
            for turn in played
            if turn.language == person.language and turn.turn.speaker != person.name
        }
        ear = _Ear(person, by_person[person.name], lines, translations, native, ends)
        findings += ear.findings
        heard += ear.heard
    return Verdict(tuple(findings), tuple(heard), ends, expected)


def _recognised(
    scenario: Scenario, played: Iterable[Played], clauses: Mapping[int, Sequence[Entry]], strays: Iterable[Entry]
) -> list[Finding]:
    """Whether the captions have what was said, once, and nothing else."""
    findings = []
    for turn in played:
        said = " ".join(entry.text for entry in clauses[turn.number])
        share = recall(turn.turn.text, said, turn.language)
        who = f"{turn.turn.speaker} ({turn.language})"
        if share < scenario.recognized:
            what = f"the captions have {said!r}" if said else "the captions have nothing of it"
            message = f"{who} said {turn.turn.text!r} and {what}: {share:.0%} of the words"
            findings.append(Finding(Fault.NOT_RECOGNIZED, message))
        elif len(words(said, turn.language)) > SAID_TWICE * len(words(turn.turn.text, turn.language)):
            findings.append(
                Finding(Fault.SAID_TWICE, f"{who} said {turn.turn.text!r} once, the captions have {said!r}")
            )
    for entry in strays:
        if entry.speaker in {person.name for person in scenario.people}:
            message = f"the captions have {entry.text!r} by {entry.speaker} ({entry.language}), who said nothing then"
            findings.append(Finding(Fault.NOT_SAID, message, clause=entry.clause))
    return findings


def _translated(scenario: Scenario, entries: Iterable[Entry], minutes: Minutes) -> list[Finding]:
    """Whether every clause has a translation in every other language."""
    findings = []
    for entry in entries:
        for language in scenario.languages:
            if language == entry.language:
                continue
            line = minutes.line(entry, language)
            who = f"{entry.speaker}'s {entry.text!r} ({entry.language})"
            if line is None or (line.dropped is None and not line.text):
                message = f"{who} has no translation into {language}"
                findings.append(Finding(Fault.NOT_TRANSLATED, message, clause=entry.clause))
            elif line.dropped is not None:
                message = f"{who} was not spoken in {language}: {line.dropped}"
                findings.append(Finding(Fault.DROPPED, message, clause=entry.clause))
    return findings


def _expected(person: Person, entries: Iterable[Entry]) -> list[tuple[Entry, Line]]:
    """What this person should have heard translated, in the order in which it was said."""
    return [
        (entry, line)
        for entry in entries
        if entry.language != person.language and entry.speaker != person.name
        if (line := entry.lines.get(person.language)) is not None and line.text and line.dropped is None
    ]


class _Ear:
    """One listener's recording, looked through for all that he should have heard."""

    def __init__(
        self,
        person: Person,
        recording: Recording,
        lines: Sequence[tuple[Entry, Line]],
        translations: Mapping[tuple[str, str], Pcm],
        native: Mapping[Hashable, Pcm],
        ends: Mapping[str, float],
    ) -> None:
        self._person = person
        self._clock = recording.heard.clock
        self._ends = ends
        self.findings: list[Finding] = []
        self.heard: list[Heard] = []
        # The same words by the same voice are one sound that should occur as often as they were said.
        groups: dict[tuple[str, str], list[tuple[Entry, Line]]] = {}
        for entry, line in lines:
            groups.setdefault((entry.leg, line.text), []).append((entry, line))
        sounds: dict[Hashable, Pcm] = dict(native)
        for key, group in groups.items():
            sounds[key] = translations[group[0][0].clause, person.language]
        found = find(recording.heard.pcm, sounds)
        for key, group in groups.items():
            self._assign(group, found[key])
        self._order(lines)

    def _assign(self, group: Sequence[tuple[Entry, Line]], occurrences: Sequence[Occurrence]) -> None:
        """Which occurrence is which clause: in order where the numbers agree, else by what had been said by then."""
        if len(occurrences) == len(group):
            pairs: list[list[Occurrence]] = [[occurrence] for occurrence in occurrences]
        else:
            pairs = [[] for _ in group]
            for occurrence in occurrences:
                begun = [i for i, (entry, _) in enumerate(group) if entry.start_unix <= self._unix(occurrence.start)]
                pairs[begun[-1] if begun else 0].append(occurrence)
        for (entry, line), times in zip(group, pairs, strict=True):
            self._clause(entry, line, times)

    def _clause(self, entry: Entry, line: Line, occurrences: Sequence[Occurrence]) -> None:
        who = f"{self._person.name} ({self._person.language})"
        what = f"{line.text!r}, the translation of {entry.speaker}'s {line.source_text or entry.text!r}"
        if not occurrences:
            spoken = "the daemon says it was spoken" if line.spoken_unix is not None else "the daemon never began it"
            self._find(Fault.NOT_HEARD, entry, f"{who} did not hear {what}; {spoken}")
            return
        first = occurrences[0]
        start = self._unix(first.start)
        if len(occurrences) > 1:
            after = ", ".join(f"{o.start - first.start:.1f}" for o in occurrences[1:])
            self._find(Fault.HEARD_TWICE, entry, f"{who} heard {len(occurrences)} times {what}: again after {after} s")
        if first.complete < COMPLETE:
            self._find(Fault.CUT_OFF, entry, f"{who} heard {first.complete:.0%} only, cut or broken up, of {what}")
        if start < entry.start_unix - FORESIGHT_S:
            self._find(Fault.TOO_EARLY, entry, f"{who} heard {entry.start_unix - start:.1f} s too early {what}")
        self.heard.append(
            Heard(
                self._person.name,
                entry.clause,
                self._person.language,
                start,
                self._unix(first.end),
                (start - max(self._ends[clause] for clause in (entry.clause, *line.merged) if clause in self._ends))
                * 1000,
                first.score,
                first.tempo,
            )
        )

    def _order(self, lines: Iterable[tuple[Entry, Line]]) -> None:
        """Clauses of one speaker must be heard in the order in which he said them."""
        starts = {heard.clause: heard.start_unix for heard in self.heard}
        latest: dict[str, tuple[float, Line]] = {}
        for entry, line in lines:
            start = starts.get(entry.clause)
            if start is None:
                continue
            before = latest.get(entry.speaker)
            if before is not None and start < before[0]:
                self._find(
                    Fault.OUT_OF_ORDER,
                    entry,
                    f"{self._person.name} ({self._person.language}) heard {entry.speaker}'s {line.text!r} "
                    f"{before[0] - start:.1f} s before {before[1].text!r}, which was said earlier",
                )
            if before is None or start > before[0]:
                latest[entry.speaker] = (start, line)

    def _unix(self, second: float) -> float:
        return self._clock.unix(second)

    def _find(self, fault: Fault, entry: Entry, message: str) -> None:
        self.findings.append(Finding(fault, message, self._person.name, entry.clause))


def _starts(played: Iterable[Played], turns: Mapping[int, Pcm], recordings: Iterable[Recording]) -> dict[int, float]:
    """When each turn left its speaker's phone, seconds since the epoch: found in what the phone sent."""
    starts = {turn.number: turn.start_unix for turn in played}
    for recording in recordings:
        own = {turn.number: turns[turn.number] for turn in played if turn.turn.speaker == recording.person}
        if not own:
            continue
        for number, occurrences in find(recording.spoke.pcm, own).items():
            times = [recording.spoke.clock.unix(occurrence.start) for occurrence in occurrences]
            if times:
                starts[number] = min(times, key=lambda unix: abs(unix - starts[number]))
    return starts


def _acoustic_end(entry: Entry, turn: Pcm, start_unix: float) -> float:
    """When the clause's last sound left the speaker's phone: where the voice falls silent near the recognised end.

    A clause that ends within running speech has no such place: then the recogniser's word counts.
    """
    said = entry.end_unix - start_unix
    ends = word_group_ends(turn)
    nearest = min(ends, key=lambda end: abs(end - said), default=said)
    return start_unix + (nearest if abs(nearest - said) <= SNAP_S else said)


def word_group_ends(pcm: Pcm) -> list[float]:
    """Seconds at which the voice falls silent for PAUSE_S or for good: 40 dB below its peak."""
    level = np.abs(pcm.astype(np.int32))
    loud = np.flatnonzero(level > level.max(initial=0) / 100)
    if len(loud) == 0:
        return []
    gaps = np.flatnonzero(np.diff(loud) > PAUSE_S * SAMPLE_RATE)
    return [float(sample + 1) / SAMPLE_RATE for sample in (*loud[gaps], loud[-1])]
