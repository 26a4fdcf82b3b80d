"""The ladders of all who speak: what their clauses tell them, whom they let speak, what their listeners are told. Pure.

One ladder (recovery.ladder) per speaker and language. ``Graded`` stands between a chain and its reports and tells the
ladder how far each clause came; ``Ranked`` gives the chain its synthesizers in the order that the ladder asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import Generic, Protocol, TypeVar, overload

from dragoman.engines.base import Synthesizer
from dragoman.errors import EngineError
from dragoman.media.format import Pcm
from dragoman.pipeline.booth import BoothMixer
from dragoman.pipeline.latency import ClauseTimes
from dragoman.pipeline.pending import BEHIND, CUT_OFF, NOBODY
from dragoman.recovery.ladder import LATE_S, Change, Ladder, Rung
from dragoman.telephony.model import Leg

NOT_SPOKEN = {"mt": Rung.ORIGINAL, NOBODY: None, CUT_OFF: None, BEHIND: None}
"""How far a clause came that was dropped for this reason, None: that says nothing; for all others it was translated.
What is given up for being behind makes room for the next clauses, which are spoken."""

CAPTIONS_ONLY = "captions-only"
"""Reason for which clauses are not spoken whose speaker stands below the voices."""

REPEAT_S = 10.0
"""s in which the same prompt is not said twice at one booth: an engine that fails, fails for all who speak there."""


class Underway(Protocol):
    """A clause on its way, as far as ladders look at it (pipeline.chain.Pending)."""

    times: ClauseTimes
    voice: str | None
    dropped: bool


C = TypeVar("C", bound=Underway)
C_in = TypeVar("C_in", bound=Underway, contravariant=True)


class Reports(Protocol[C_in]):
    """pipeline.chain.ChainReports, of the same clauses."""

    def translated(self, target: str, pending: C_in) -> None: ...  # noqa: D102  # told where it is defined
    def spoken(self, target: str, pending: C_in) -> None: ...  # noqa: D102  # told where it is defined
    def played(self, target: str, pending: C_in) -> None: ...  # noqa: D102  # told where it is defined
    def read(self, target: str, pending: C_in) -> None: ...  # noqa: D102  # told where it is defined
    def dropped(  # noqa: D102  # told where it is defined
        self, target: str, pending: C_in, reason: str, error: EngineError | None
    ) -> None: ...
    def engine_failed(self, stage: str, error: EngineError) -> None: ...  # noqa: D102  # told where it is defined
    def pressed(self, target: str, stage: str, seconds: float) -> None: ...  # noqa: D102  # told where it is defined


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one speaker stands in one language."""

    leg: Leg
    target: str
    rung: Rung
    since: float
    """Monotonic, s."""


class Degradation:
    """All ladders of a daemon."""

    def __init__(
        self, clock: Callable[[], float], usable: Callable[[Synthesizer], bool], voiced: Callable[[str], bool]
    ) -> None:
        """``usable``: whether an engine is asked just now; ``voiced``: whether a speaker (channel id) has a profile."""
        self._clock = clock
        self._usable = usable
        self._voiced = voiced
        self._ladders: dict[tuple[str, str], tuple[Leg, Ladder]] = {}
        self._deaf: dict[str, float] = {}  # since when nothing that a leg says is recognised, by its id
        self.on_change: Callable[[Leg, str, Change], None] = lambda leg, target, change: None
        """Called with the speaker, the language of his listeners, and what they get from now on."""

    def standings(self, room: str) -> list[Standing]:
        """Of all who speak in a room."""
        return [
            Standing(leg, target, ladder.rung, ladder.since)
            for (_, target), (leg, ladder) in self._ladders.items()
            if leg.room == room
        ]

    def counts(self) -> dict[Rung, int]:
        """How many stand on each rung."""
        rungs = [ladder.rung for _, ladder in self._ladders.values()]
        return {rung: rungs.count(rung) for rung in Rung}

    def relays(self, leg: Leg, target: str) -> bool:
        """Whether the listeners of ``target`` get this speaker's original at full level."""
        ladder = self._ladder(leg, target)
        return leg.id in self._deaf if ladder is None else ladder.rung is Rung.ORIGINAL

    def grade(self, leg: Leg, target: str, voices: Sequence[Synthesizer]) -> Grade:
        """The ladder of one chain; ``voices`` in the order of the settings."""
        grade = Grade(self, leg, target, voices)
        key = leg.id, target
        if key not in self._ladders:
            self._ladders[key] = leg, Ladder(grade.top(Rung.ORIGINAL), self._clock())
            if leg.id in self._deaf:  # who comes to listen meanwhile gets the original from the start
                self._ladders[key][1].lost(self._clock(), "")
        return grade

    def lost(self, leg: Leg, why: str) -> None:
        """Nothing that this speaker says is interpreted just now, in any language, until he is recognised again."""
        self._deaf[leg.id] = self._clock()
        for (leg_id, target), (_, ladder) in list(self._ladders.items()):
            if leg_id == leg.id and (change := ladder.lost(self._clock(), why)):
                self.on_change(leg, target, change)

    def recognised(self, leg: Leg, at: float) -> None:
        """A clause of this speaker was, whether or not anybody needs it in another language."""
        if at > self._deaf.get(leg.id, inf):
            del self._deaf[leg.id]

    def left(self, leg: Leg) -> None:
        """He is gone. Idempotent."""
        self.forget(leg, frozenset())
        self._deaf.pop(leg.id, None)

    def forget(self, leg: Leg, targets: frozenset[str]) -> None:
        """Nobody needs him but in these languages. Idempotent."""
        for key in [key for key in self._ladders if key[0] == leg.id and key[1] not in targets]:
            del self._ladders[key]

    def _ladder(self, leg: Leg, target: str) -> Ladder | None:
        found = self._ladders.get((leg.id, target))
        return None if found is None else found[1]


class Grade:
    """One chain's side of its ladder."""

    def __init__(self, ladders: Degradation, leg: Leg, target: str, voices: Sequence[Synthesizer]) -> None:
        self._all = ladders
        self._leg = leg
        self._target = target
        self._voices = voices
        self._silent = False  # whether no voice was usable when that was last looked at

    def top(self, before: Rung) -> Rung:
        """The most there can be for this speaker just now; ``before``: what it was, which an engine's rest lessens not.

        A voice of one's own takes a synthesizer that clones, and a profile.
        """
        if not self._voices:
            return Rung.CAPTIONS
        clones = [voice for voice in self._voices if voice.info.clones]
        works = before is Rung.CLONED or any(self._all._usable(voice) for voice in clones)
        return Rung.CLONED if clones and works and self._all._voiced(self._leg.channel_id) else Rung.STOCK

    def attempt(self) -> Rung:
        """How far the next clause is to be tried."""
        ladder = self._all._ladder(self._leg, self._target)
        if ladder is None:
            return Rung.STOCK
        now = self._all._clock()
        ladder.allow(self.top(ladder.top), now)
        silent = not any(self._all._usable(voice) for voice in self._voices)
        if self._silent and not silent:  # a probe brought one back
            ladder.hope(now)
        self._silent = silent
        return ladder.attempt(now)

    @property
    def speaks(self) -> bool:
        """Whether the next clause is to be spoken; else it is only to be read.

        Without any voice it is, in vain: a clause that nobody can speak is told to be dropped.
        """
        return not self._voices or self.attempt().height >= Rung.STOCK.height

    def reached(self, rung: Rung, why: str, times: ClauseTimes) -> None:
        """A clause came so far, and why not farther."""
        ladder = self._all._ladder(self._leg, self._target)
        if ladder is None:
            return  # he left
        if times.recognised <= self._all._deaf.get(self._leg.id, -inf):
            return  # that it was recognised then does not mean that others are now
        now = self._all._clock()
        ladder.allow(self.top(ladder.top), now)
        if change := ladder.reached(rung, now, why):
            self._all.on_change(self._leg, self._target, change)

    @property
    def others(self) -> bool:
        """Whether there are voices to choose from."""
        return sum(self._all._usable(voice) for voice in self._voices) > 1

    def broke_off(self) -> None:
        """The clause that was told to have come so far did not, after all."""
        if ladder := self._all._ladder(self._leg, self._target):
            ladder.retract()

    def own_voice(self, engine: str | None) -> bool:
        """Whether what this engine speaks is in the speaker's own voice."""
        return any(voice.info.name == engine and voice.info.clones for voice in self._voices) and self._all._voiced(
            self._leg.channel_id
        )

    @property
    def relays(self) -> bool:
        """Whether its listeners get nothing but the original."""
        return self._all.relays(self._leg, self._target)


class Graded(Generic[C]):
    """ChainReports that tell a ladder how far clauses come, and pass everything on."""

    def __init__(self, reports: Reports[C], grade: Grade, listening: Callable[[], bool]) -> None:
        """``listening``: whether anybody hears this language by ear; what is only read says nothing of voices."""
        self._reports = reports
        self._grade = grade
        self._listening = listening

    def translated(self, target: str, pending: C) -> None:
        """ChainReports."""
        self._reports.translated(target, pending)
        if not self._listening():
            if self._grade.relays:
                self._grade.reached(Rung.CAPTIONS, "", pending.times)
        elif not self._grade.speaks:
            self._grade.reached(Rung.CAPTIONS, "", pending.times)

    def spoken(self, target: str, pending: C) -> None:
        """ChainReports."""
        self._reports.spoken(target, pending)
        if pending.dropped:
            return  # it had broken off before its first sound was sent, which was told
        span = pending.times.ear_voice_span
        if span is not None and span > LATE_S:
            self._grade.reached(Rung.CAPTIONS, f"{span:.0f} s late", pending.times)
        else:
            own = self._grade.own_voice(pending.voice)
            why = "" if own else "the own voice failed"
            self._grade.reached(Rung.CLONED if own else Rung.STOCK, why, pending.times)

    def played(self, target: str, pending: C) -> None:
        """ChainReports."""
        self._reports.played(target, pending)

    def read(self, target: str, pending: C) -> None:
        """ChainReports. Who listens and hears nothing of it is told so, as of everything that is not spoken."""
        if self._listening():
            self._reports.dropped(target, pending, CAPTIONS_ONLY, None)
        else:
            self._reports.read(target, pending)

    def dropped(self, target: str, pending: C, reason: str, error: EngineError | None) -> None:
        """ChainReports."""
        self._reports.dropped(target, pending, reason, error)
        rung = NOT_SPOKEN.get(reason, Rung.CAPTIONS)
        broke_off = rung is Rung.CAPTIONS and pending.times.tts_first is not None
        if broke_off and self._grade.others:
            return  # one of them will speak soon (engines.circuits)
        if rung is not None:
            if broke_off and pending.times.sent is not None:
                self._grade.broke_off()
            self._grade.reached(rung, str(error) if error else reason, pending.times)

    def engine_failed(self, stage: str, error: EngineError) -> None:
        """ChainReports."""
        self._reports.engine_failed(stage, error)

    def pressed(self, target: str, stage: str, seconds: float) -> None:
        """ChainReports."""
        self._reports.pressed(target, stage, seconds)


class Ranked(Sequence[Synthesizer]):
    """A chain's synthesizers: those that clone come last while the ladder stands below the speaker's own voice."""

    def __init__(self, voices: Sequence[Synthesizer], grade: Grade) -> None:
        self._voices = tuple(voices)
        self._grade = grade

    @overload
    def __getitem__(self, index: int) -> Synthesizer: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Synthesizer]: ...
    def __getitem__(self, index: int | slice) -> Synthesizer | Sequence[Synthesizer]:
        """Of the order of this moment."""
        return self._order()[index]

    def __iter__(self) -> Iterator[Synthesizer]:
        """One order for the whole of an iteration."""
        return iter(self._order())

    def __len__(self) -> int:
        """How many."""
        return len(self._voices)

    def _order(self) -> tuple[Synthesizer, ...]:
        clones = [voice for voice in self._voices if voice.info.clones]
        if not clones or self._grade.top(Rung.CLONED) is not Rung.CLONED or self._grade.attempt() is Rung.CLONED:
            return self._voices
        return (*(voice for voice in self._voices if not voice.info.clones), *clones)


def prompt_of(change: Change) -> str:
    """Name of the prompt (telephony.booth_prompts) that tells of this change."""
    if change.down:
        return {Rung.STOCK: "other-voice", Rung.CAPTIONS: "captions-only"}.get(change.after, "original")
    if change.after is Rung.CAPTIONS:
        return "captions-again"
    return "own-voice" if change.before is Rung.STOCK else "voice-again"


class Announcer:
    """Says the booths' own prompts, each once for all whose ladders moved at the same time."""

    def __init__(self, prompts: Callable[[str, str], Pcm | None], clock: Callable[[], float]) -> None:
        """``prompts``: the sound by language and name; None: there is none."""
        self._prompts = prompts
        self._clock = clock
        self._said: dict[tuple[str, str, str, bool], float] = {}

    def say(self, booth: BoothMixer, leg: Leg, language: str, change: Change) -> bool:
        """Have it said behind what this speaker's clauses say; whether it will be."""
        now, name = self._clock(), prompt_of(change)
        key = leg.room, language, name, change.down
        opposite = leg.room, language, not change.down  # what was said before the other way is true no more
        said = {each: at for each, at in self._said.items() if now - at < REPEAT_S}
        self._said = {each: at for each, at in said.items() if (each[0], each[1], each[3]) != opposite}
        sound = self._prompts(language, name)
        if sound is None or key in self._said:
            return False
        self._said[key] = now
        speech = booth.open(leg.channel_id, lambda at: None)
        speech.write(sound)
        speech.finish()
        return True
