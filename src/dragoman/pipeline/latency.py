"""When each thing happened to one clause on its way to one language, and what that means per stage. Pure.

A clause may be translated and synthesized ahead, before it is committed. What was done by then cost nobody any time, so
each stage counts from when all before it had happened: the time until the clause was confirmed is the recogniser's (or
the hangover's), and of translation and synthesis only what lay behind that counts. Nothing is hidden: the stages still
add up to the ear-voice span, and from the moment at which the engines had done their part every second is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dragoman.engines.base import Attempt

STAGES = ("hangover", "asr", "segment", "mt_wait", "mt", "tts_wait", "tts", "playback")
"""In the order in which a clause passes them; their sum is the ear-voice span."""

OWN_STAGES = ("segment", "mt_wait", "tts_wait", "playback")
"""What is neither an engine's time nor the hangover: our own share. What a clause waits for
those before it, in a queue or at the booth, is ours as well."""


@dataclass(slots=True)
class ClauseTimes:
    """Monotonic seconds; None until it happened.

    ``said``: acoustic end of the clause's last word. ``finalized``: the recogniser was told that the utterance ended
    (for a clause committed while one speaks, when nobody waits for that: as ``said``). ``recognised``: the recogniser
    had said enough to commit them. ``committed``: they became a clause. ``sent``: the first translated sample left the
    booth's socket; ``played``: its last one did. Those of the engines may lie before ``committed``.
    """

    said: float
    finalized: float
    recognised: float
    committed: float
    mt_begin: float | None = None
    mt_end: float | None = None
    tts_begin: float | None = None
    tts_first: float | None = None
    sent: float | None = None
    played: float | None = None
    tried: dict[str, list[Attempt]] = field(default_factory=dict)
    """By stage (asr, mt, tts): engines that were asked first and failed, in the stage's time."""

    def copy(self) -> ClauseTimes:
        """The same source times, for another target language."""
        source = ClauseTimes(self.said, self.finalized, self.recognised, self.committed)
        source.tried = {stage: list(tried) for stage, tried in self.tried.items() if stage == "asr"}
        return source

    @property
    def ear_voice_span(self) -> float | None:
        """Seconds from the clause's acoustic end to its first translated sample on the wire."""
        return None if self.sent is None else self.sent - self.said

    def stages(self) -> dict[str, float]:
        """Seconds per stage, as far as the clause got."""
        marks = (
            self.said,
            self.finalized,
            self.recognised,
            self.committed,
            self.mt_begin,
            self.mt_end,
            self.tts_begin,
            self.tts_first,
            self.sent,
        )
        result: dict[str, float] = {}
        reached = self.said
        for stage, mark in zip(STAGES, marks[1:], strict=True):
            if mark is None:
                break
            result[stage] = max(mark - reached, 0.0)
            reached = max(reached, mark)
        return result

    def lost(self, stage: str) -> Sequence[tuple[str, float]]:
        """(Engine, seconds) of the stage's time that went to engines which then failed; see ``tried``."""
        before = [self.said, self.finalized]
        if stage != "asr":
            engines = (self.mt_begin,) if stage == "mt" else (self.mt_begin, self.mt_end, self.tts_begin)
            before += [self.recognised, self.committed, *(mark for mark in engines if mark is not None)]
        reached, left, result = max(before), self.stages().get(stage, 0.0), []
        for each in self.tried.get(stage, ()):
            seconds = min(max(each.end - max(each.begin, reached), 0.0), left)
            if seconds > 0:
                result.append((each.engine, seconds))
            left -= seconds
            reached = max(reached, each.end)
        return result

    @property
    def own_share(self) -> float | None:
        """Seconds that were ours: not an engine's, not the hangover; None before the clause was sent."""
        if self.sent is None:
            return None
        stages = self.stages()
        return sum(stages[stage] for stage in OWN_STAGES)
