"""What goes wrong when, from a seed. Pure.

Every fault there is comes in turn, in an order of the seed's, and then they come together: several parts at once. In a
short meeting not all of them fit; which ones do is the seed's choice too. A seed's faults are drawn from this list:
with a kind more (the last was a daemon that stands still for moments) each seed has others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random


class Part(StrEnum):
    """What is struck."""

    DAEMON = "daemon"
    ASTERISK = "asterisk"
    ARI = "ari"
    """The connection between the two."""
    ASR = "asr"
    MT = "mt"
    TTS = "tts"
    DATABASE = "database"
    MEDIA = "media"
    """The daemon's socket for sound."""
    LINE = "line"
    """Between one phone and Asterisk, both ways."""
    PATH = "path"
    """Between Asterisk and the daemon, the sound of all calls, both ways."""
    CLOCK = "clock"
    """The time of day, as the daemon sees it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A fault as there may be many of."""

    part: Part
    what: str
    """What happens; the part knows these words (``cloud.py``, ``parts.py``)."""
    seconds: tuple[float, float]
    """How long it may last."""
    shares: tuple[float, ...] = (1.0,)
    """What share of requests, connections or packets it may hit."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One that happens."""

    at: float
    """Seconds after the meeting began."""
    part: Part
    what: str
    seconds: float
    share: float = 1.0
    voice: str = ""
    """Whose line, where it is one."""

    @property
    def until(self) -> float:
        """When it is over, if its part recovers at once."""
        return self.at + self.seconds

    def __str__(self) -> str:
        share = f" {self.share:.0%}" if self.share < 1 else ""
        return f"{self.part}{f' of {self.voice}' if self.voice else ''}: {self.what}{share}, {self.seconds:.1f} s"


MOMENT = (0.05, 0.05)
"""Of faults that are done when they have happened."""

RARE = (
    Kind(Part.DAEMON, "kill", (0.5, 2.0)),
    Kind(Part.DAEMON, "restart", (0.1, 1.0)),
    Kind(Part.ASTERISK, "kill", (0.5, 2.0)),
)
"""What takes everything with it for some seconds: a share of the meeting only, or nothing else would be seen."""

KINDS = (
    Kind(Part.DAEMON, "stall", (0.2, 2.0)),
    Kind(Part.DAEMON, "hiccups", (2.0, 6.0)),
    Kind(Part.ASTERISK, "stall", (0.2, 1.0)),
    Kind(Part.ARI, "cut", (0.1, 3.0)),
    Kind(Part.ARI, "hang", (1.0, 6.0)),
    Kind(Part.ARI, "junk", (0.5, 3.0)),
    Kind(Part.ASR, "close 1011", MOMENT),
    Kind(Part.ASR, "close 1006", MOMENT),
    Kind(Part.ASR, "close 1000", MOMENT),
    Kind(Part.ASR, "close 1008", MOMENT),
    Kind(Part.ASR, "error", MOMENT),
    Kind(Part.ASR, "half-open", MOMENT),
    Kind(Part.ASR, "stall", (1.0, 6.0)),
    Kind(Part.ASR, "short lives", (4.0, 10.0)),
    Kind(Part.ASR, "late finals", (4.0, 8.0), (0.3, 1.0)),
    Kind(Part.ASR, "double finals", (4.0, 8.0), (0.5,)),
    Kind(Part.ASR, "lost flags", (4.0, 8.0), (0.5,)),
    Kind(Part.ASR, "parted finals", (4.0, 8.0), (0.5,)),
    Kind(Part.ASR, "untimed", (4.0, 8.0), (0.3,)),
    Kind(Part.ASR, "junk", (4.0, 8.0), (0.3,)),
    Kind(Part.ASR, "everything", (6.0, 12.0)),
    Kind(Part.ASR, "refuse", (1.0, 4.0)),
    Kind(Part.ASR, "kill", (0.5, 4.0)),
    Kind(Part.ASR, "freeze", (0.5, 5.0)),
    Kind(Part.MT, "429", (2.0, 6.0), (0.3, 1.0)),
    Kind(Part.MT, "500", (2.0, 6.0), (0.3, 1.0)),
    Kind(Part.MT, "503", (2.0, 6.0), (0.3, 1.0)),
    Kind(Part.MT, "stall", (2.0, 6.0), (0.3, 1.0)),
    Kind(Part.MT, "cut", (2.0, 6.0), (0.5,)),
    Kind(Part.MT, "hangup", (2.0, 6.0), (0.5,)),
    Kind(Part.MT, "junk", (2.0, 6.0), (0.5,)),
    Kind(Part.MT, "kill", (0.5, 4.0)),
    Kind(Part.MT, "freeze", (0.5, 5.0)),
    Kind(Part.TTS, "429", (2.0, 6.0), (0.3, 1.0)),
    Kind(Part.TTS, "500", (2.0, 6.0), (0.3, 1.0)),
    Kind(Part.TTS, "stall", (2.0, 6.0), (0.3, 1.0)),
    Kind(Part.TTS, "stall midway", (2.0, 6.0), (0.3,)),
    Kind(Part.TTS, "cut", (2.0, 6.0), (0.3,)),
    Kind(Part.TTS, "empty", (2.0, 6.0), (0.5,)),
    Kind(Part.TTS, "html", (2.0, 6.0), (0.5,)),
    Kind(Part.TTS, "mp3", (2.0, 6.0), (0.3,)),
    Kind(Part.TTS, "kill", (0.5, 4.0)),
    Kind(Part.TTS, "freeze", (0.5, 5.0)),
    Kind(Part.DATABASE, "kill", (1.0, 6.0)),
    Kind(Part.DATABASE, "freeze", (1.0, 6.0)),
    Kind(Part.MEDIA, "junk", (2.0, 6.0)),
    Kind(Part.LINE, "loss", (2.0, 6.0), (0.1,)),
    Kind(Part.LINE, "reorder", (2.0, 6.0)),
    Kind(Part.LINE, "double", (2.0, 6.0), (0.3,)),
    Kind(Part.LINE, "burst", (2.0, 6.0)),
    Kind(Part.PATH, "loss", (2.0, 6.0), (0.1,)),
    Kind(Part.PATH, "reorder", (2.0, 6.0)),
    Kind(Part.PATH, "double", (2.0, 6.0), (0.3,)),
    Kind(Part.PATH, "burst", (2.0, 6.0)),
    Kind(Part.CLOCK, "+3600", (1.0, 6.0)),
    Kind(Part.CLOCK, "-3600", (1.0, 6.0)),
    Kind(Part.CLOCK, "+1.5", (1.0, 6.0)),
    Kind(Part.CLOCK, "-0.7", (1.0, 6.0)),
)

REST_S = (2.0, 4.0)
"""Between the end of a fault and the next one, while they come in turn."""

RARE_REST_S = 8.0
"""After a kill of daemon or Asterisk: they come up, phones redial, taps and booths are made."""

RARE_EVERY_S = 45.0
"""One kill of daemon or Asterisk in so much meeting, about."""

APART_S = (0.5, 2.5)
"""Between the beginnings of two faults, while they come together."""

TOGETHER = 0.45
"""Share of the meeting in which they do."""


def plan(
    seed: int,
    begin: float,
    end: float,
    voices: Sequence[str],
    kinds: Sequence[Kind] = KINDS,
    rare: Sequence[Kind] = RARE,
) -> tuple[Fault, ...]:
    """The faults of a meeting, in order of their time; all are over by ``end``.

    Args:
        seed: the same one gives the same faults.
        begin: seconds of the meeting from which on there are any.
        end: seconds of the meeting at which all is well again.
        voices: whose lines there are.
        kinds: what may happen.
        rare: what may happen beside, now and then.
    """
    random = Random(seed)
    drawing = _Drawing(random, kinds, rare, voices)
    together = begin + (end - begin) * (1 - TOGETHER)
    faults = [*drawing.in_turn(begin, together), *drawing.together(together, end)]
    return tuple(sorted(faults, key=lambda fault: fault.at))


class _Drawing:
    def __init__(self, random: Random, kinds: Sequence[Kind], rare: Sequence[Kind], voices: Sequence[str]) -> None:
        self._random = random
        self._kinds = self._shuffled(kinds)
        self._rare = self._shuffled(rare)
        self._has_rare = bool(rare)
        self._voices = voices

    def in_turn(self, begin: float, end: float) -> Iterator[Fault]:
        random = self._random
        at, next_rare = begin, begin + random.uniform(0, RARE_EVERY_S / 2)
        while True:
            rare = self._has_rare and at >= next_rare
            next_rare = at + RARE_EVERY_S if rare else next_rare
            fault = self._draw(next(self._rare if rare else self._kinds), at)
            rest = RARE_REST_S if rare else random.uniform(*REST_S)
            if fault.until + rest > end:
                return
            yield fault
            at = fault.until + rest

    def together(self, begin: float, end: float) -> Iterator[Fault]:
        random = self._random
        at, next_rare = begin, begin + random.uniform(0, RARE_EVERY_S)
        busy: dict[tuple[Part, str], float] = {}
        while at < end:
            rare = self._has_rare and at >= next_rare and at + RARE_REST_S < end
            next_rare = at + RARE_EVERY_S if rare else next_rare
            fault = self._draw(next(self._rare if rare else self._kinds), at)
            key = (fault.part, fault.voice)
            if fault.until < end and busy.get(key, 0.0) <= at:
                busy[key] = fault.until + (RARE_REST_S if rare else 0.0)
                yield fault
                at += random.uniform(*APART_S)
            else:
                at += 0.1  # this one does not fit; the next one may

    def _shuffled(self, kinds: Sequence[Kind]) -> Iterator[Kind]:
        """All, again and again, each time in another order."""
        while kinds:
            yield from self._random.sample(kinds, len(kinds))

    def _draw(self, kind: Kind, at: float) -> Fault:
        random = self._random
        voice = random.choice(self._voices) if kind.part is Part.LINE else ""
        seconds, share = round(random.uniform(*kind.seconds), 3), random.choice(kind.shares)
        return Fault(round(at, 3), kind.part, kind.what, seconds, share, voice)
