"""Every word spoken against every word heard: what is missing, and whether anybody was told. Pure.

A word is *heard* when it is in the recording of the phone of a listener, in his language. One that is not is

- *marked*, when the captions of his language say so: a gap that covers it, or a clause with it that was dropped;
- *on the line*, when a line, a phone or Asterisk lost it, and not the daemon, by what was captured between Asterisk and
  the daemon: it never came whole to the daemon, although a fault of line or Asterisk was there, or packets of the
  speaker's tap came all the while (where none do, the daemon does not listen, and has to tell); or the daemon sent it
  whole, and there was such a fault, or the phone recorded it damaged;
- *lost to the machine*, when the machine itself stood still as it was said (``witness.py``);
- *torn by the machine*, when what the booth sent of it is damaged as the machine stood still, or has a hole too short
  for captions to tell of, and the kernel says that for most of the hole the daemon was ready to run and was not let
  (``witness.py``). A daemon that was busy with something else, or slept, has torn it itself;
- else *lost unmarked*: the fault that this is all about.

Killing Asterisk ends every call: what would have been said is not said, what was on its way may be lost and is marked
by the gap that the daemon tells of. It is no dropped call; one that ends while Asterisk runs is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from bench.latency.figures import Sound, follow
from bench.latency.script import SENTENCE_WORDS, WORD_S
from tests.tonewords.code import ToneWord


class Fate(StrEnum):
    """What became of one word at one listener."""

    HEARD = "heard"
    MARKED = "marked"
    ON_THE_LINE = "on the line"
    MACHINE = "lost to the machine"
    TORN = "torn by the machine"
    LOST = "lost unmarked"


@dataclass(frozen=True, slots=True)
class Gap:
    """A time of which the captions say that something may be missing."""

    start: float
    end: float

    def covers(self, word: Sound, due: float) -> bool:
        """Whether it was said or due to be heard in it, or so soon behind it that we were not attached yet."""
        spans = ((word.start, word.end), (due, due + WORD_S))
        return any(begin <= self.end + ATTACH_S and self.start <= end for begin, end in spans)


@dataclass(frozen=True, slots=True)
class Dropped:
    """A clause of which the captions say that it was not spoken."""

    start: float
    end: float
    numbers: frozenset[int]
    """Of the words in it."""

    def covers(self, word: Sound, due: float) -> bool:
        """Whether the word is in it."""
        return word.number in self.numbers and self.start - CLOCKS_S <= word.start and word.end <= self.end + CLOCKS_S


CLOCKS_S = 2.0
"""By how much the daemon's times of a clause may miss the phone's: buffers, and an audio clock that stood still while
no packets came."""

LAG_S = 3.0
"""When a word is due to be heard, behind when it was said, until a booth has shown by how much it lags."""

ATTACH_S = 0.3
"""A gap ends when the daemon can attach to the calls again; so long it takes until it hears and speaks. (In seven real
meetings no word needed any of it.)"""

TOLD_S = 0.06
"""A packet that comes so long behind the one before has to be told of: the daemon's ``TORN_S``, and what a packet takes
from there to the wire."""

SLOT_S = 0.02
"""From one packet of a booth to the next."""

KEPT = 0.5
"""Share of the time for which a hole has no packets that the machine kept the daemon waiting, for it to be its hole."""

TORN = 2
"""Words that one hole may tear, or one damaged sound be: it may lie where two of them meet."""

EDGE_S = 0.02
"""By how much a hole may lie beside what it tore: a word of which the beginning or the end was not sent sounds from or
to there, and its edge is known to a packet."""

NEXT_S = (SENTENCE_WORDS[0] - 1) * WORD_S + 2 * EDGE_S
"""A word is due as far behind as the word before it, or as the word behind it if that was said within so much: where a
clause begins, they differ by a second, and it is its first word that shares the lag of the second. From the first word
of the shortest clause it reaches to the last, so no clause's first word is due as the clause behind it is."""

WAY_S = 1.0
"""From a phone to what is captured, or from there to a phone: buffers, full."""

NEAR_S = 1.0
"""A fault on the line reaches so far beyond its end: buffers settle."""


@dataclass(frozen=True, slots=True)
class Row:
    """One word at one listener."""

    voice: str
    target: str
    text: str
    said: float
    fate: Fate
    heard: float | None = None
    """When he heard it first."""
    sent: float | None = None
    """When a booth sent it first."""
    tapped: bool = True
    """Whether it came whole to the daemon."""


@dataclass(slots=True)
class Page:
    """One speaker at one listener."""

    rows: list[Row] = field(default_factory=list)
    doubled: list[Sound] = field(default_factory=list)
    out_of_order: list[Sound] = field(default_factory=list)
    never_said: list[Sound] = field(default_factory=list)
    """A guess that was spoken and then revised, or a word that was damaged into another one."""
    damaged: list[Sound] = field(default_factory=list)
    """Something was heard, but not what (and counts by its fate)."""


def judge(
    voice: str,
    target: str,
    *,
    said: Sequence[Sound],
    tapped: Sequence[Sound],
    sent: Sequence[Sound],
    heard: Sequence[Sound],
    marks: Iterable[Gap | Dropped],
    bad_in: Callable[[float], bool],
    bad_out: Callable[[float], bool],
    froze: Callable[[float, float], bool],
    holes: Sequence[tuple[float, float]] = (),
    kept: Callable[[float, float], float] = lambda start, end: 0.0,
    listening: Sequence[tuple[float, float]] = (),
) -> Page:
    """Judge one speaker at one listener; all times are seconds since the epoch.

    Args:
        voice: who speaks.
        target: the listener's language.
        said: what the speaker's phone recorded of him.
        tapped: what of it Asterisk sent to the daemon.
        sent: what the daemon sent to the booth in his name.
        heard: what the listener's phone recorded of that.
        marks: what the captions in ``target`` say of this speaker.
        bad_in: whether the speaker's line or Asterisk may have damaged what he said at a time.
        bad_out: the same of the way from booth to listener.
        froze: whether the machine stood still between two times.
        holes: when the booth sent nothing, from one packet to the next.
        kept: for how many seconds between two times the machine kept the daemon waiting.
        listening: when packets of the speaker's tap came to the daemon.
    """
    page = Page()
    first = _places(said, heard, page)
    on_booth = _places(said, sent)
    came = _places(said, tapped, haste=2 * WORD_S)
    marks = tuple(marks)
    by_machine = [
        (begun, ended)
        for begun, ended in holes
        if ended - begun < TOLD_S and kept(begun, ended) >= KEPT * (ended - begun - SLOT_S)
    ]
    spoilt = [
        sound.start
        for sound in sent
        if sound.text is None
        and (
            froze(sound.start, sound.end)
            or any(begun < sound.end + EDGE_S and sound.start - EDGE_S < ended for begun, ended in by_machine)
        )
    ]
    at_ear = [[sound.start, TORN] for sound in heard if sound.text is None]
    lags, lost = _lags(said, {index: sent[place].start for index, place in on_booth.items()}), dict[int, int]()
    for index, word in enumerate(said):
        if word.text is None:
            continue  # damaged where it was recorded: nobody could have understood it
        booth = sent[on_booth[index]].start if index in on_booth else None
        if index in first:
            fate = Fate.HEARD
        elif any(mark.covers(word, word.start + lag) for mark in marks for lag in lags[index]):
            fate = Fate.MARKED
        elif index not in came and (bad_in(word.start) or _ran(listening, word)):
            fate = Fate.ON_THE_LINE
        elif booth is not None and (bad_out(booth) or _spent(at_ear, booth)):
            fate = Fate.ON_THE_LINE
        elif froze(word.start, word.end):
            fate = Fate.MACHINE
        else:
            fate = Fate.LOST
            lost[index] = len(page.rows)
        at = heard[first[index]].start if index in first else None
        page.rows.append(Row(voice, target, word.text, word.start, fate, at, booth, index in came))
    for index in _torn(
        {index: said[index].start for index in lost},
        {index: sent[place].start for index, place in on_booth.items()},
        spoilt,
    ):
        page.rows[lost[index]] = replace(page.rows[lost[index]], fate=Fate.TORN)
    return page


def _lags(said: Sequence[Sound], sent: Mapping[int, float]) -> list[tuple[float, ...]]:
    """By how much each word's translation is behind, as far as is known: its own, or those of its neighbours.

    Args:
        said: the words.
        sent: when each was sent, by its place among them.
    """
    found: list[tuple[float, ...]] = []
    lag = LAG_S
    for index, word in enumerate(said):
        if index in sent:
            lag = sent[index] - word.start
            found.append((lag,))
            continue
        after = next((other for other in range(index + 1, len(said)) if other in sent), None)
        near = after is not None and said[after].start - word.start <= NEXT_S
        found.append((lag, sent[after] - said[after].start) if after is not None and near else (lag,))
    return found


def _torn(missing: Mapping[int, float], sent: Mapping[int, float], spoilt: Sequence[float]) -> set[int]:
    """Which of the words that are not accounted for are those that were sent torn.

    Args:
        missing: when each of them was said, by its place among the words said.
        sent: when each of those was sent that was sent whole.
        spoilt: when something was sent with a hole in it.
    """
    found: set[int] = set()
    whole = sorted(sent)
    for before, after in zip([-1, *whole], [*whole, max(missing, default=0) + 1], strict=True):
        between = [index for index in missing if before < index < after]
        if not between:
            continue
        begun = max(sent.get(before, float("-inf")), missing[between[0]])
        ended = sent.get(after, float("inf"))
        if len(between) <= TORN * sum(begun < at < ended for at in spoilt):
            found.update(between)
    return found


def _spent(at_ear: Sequence[list[float]], booth: float) -> bool:
    """Whether what came damaged to the ear may be the word that a booth sent then. Each may be TORN words, no more."""
    for each in at_ear:
        if each[1] and booth <= each[0] <= booth + WAY_S:
            each[1] -= 1
            return True
    return False


def _ran(listening: Sequence[tuple[float, float]], word: Sound) -> bool:
    """Whether packets of the tap came from before a word until it had to be there."""
    return any(begun <= word.start and word.end + WAY_S <= ended for begun, ended in listening)


def _places(
    said: Sequence[Sound], found: Sequence[Sound], page: Page | None = None, haste: float | None = None
) -> dict[int, int]:
    """Where in ``found`` each word of ``said`` (by index) comes first; what else there is goes to ``page``."""
    places: dict[int, int] = {}
    last = -1
    followed = follow(said, found) if haste is None else follow(said, found, haste)
    for place, (word, index) in enumerate(zip(found, followed, strict=True)):
        if index is None:
            if page is not None:
                (page.damaged if word.text is None else page.never_said).append(word)
        elif index in places:
            if page is not None:
                page.doubled.append(word)
        else:
            places[index] = place
            if page is not None and index < last:
                page.out_of_order.append(word)
            last = max(last, index)
    return places


def numbers_of(text: str) -> frozenset[int]:
    """The numbers of a clause's tone words; what is none is left out."""
    found = set()
    for word in text.split():
        try:
            found.add(ToneWord.parse(word).number)
        except ValueError:
            continue
    return frozenset(found)


def summary(pages: Iterable[Page], calls_dropped: int) -> dict[str, int]:
    """The ledger in figures."""
    pages = tuple(pages)
    fates = [row.fate for page in pages for row in page.rows]
    return {
        "spoken": len(fates),
        "heard": fates.count(Fate.HEARD),
        "lost_unmarked": fates.count(Fate.LOST),
        "doubled": sum(len(page.doubled) for page in pages),
        "out_of_order": sum(len(page.out_of_order) for page in pages),
        "calls_dropped": calls_dropped,
        "lost_marked": fates.count(Fate.MARKED),
        "lost_on_the_line": fates.count(Fate.ON_THE_LINE),
        "lost_to_the_machine": fates.count(Fate.MACHINE),
        "torn_by_the_machine": fates.count(Fate.TORN),
        "never_said": sum(len(page.never_said) for page in pages),
        "damaged": sum(len(page.damaged) for page in pages),
    }


NEVER_SAID = 0.01
"""Share of the words heard that may be guesses which were revised (design: words revised after they were spoken)."""


def reasons(figures: Mapping[str, int]) -> list[str]:
    """Why this is not good; empty: it is."""
    told = {
        "lost_unmarked": "words lost, and nobody was told",
        "doubled": "words heard twice",
        "out_of_order": "words out of their order",
        "calls_dropped": "calls dropped while Asterisk ran",
    }
    found = [f"{figures[name]} {what}" for name, what in told.items() if figures[name]]
    if not figures["spoken"] or not figures["heard"]:
        found.append("nothing was spoken, or nothing heard")
    if figures["never_said"] > NEVER_SAID * max(figures["heard"], 1):
        found.append(f"{figures['never_said']} words heard that nobody said")
    return found
