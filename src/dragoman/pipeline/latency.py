"""When each thing happened to one clause on its way to one language, and what that means per stage. Pure."""

from __future__ import annotations

from dataclasses import dataclass

STAGES = ("hangover", "asr", "segment", "mt_wait", "mt", "tts_wait", "tts", "playback")
"""In the order in which a clause passes them; their sum is the ear-voice span."""

OWN_STAGES = ("segment", "mt_wait", "tts_wait", "playback")
"""What is neither an engine's time nor the hangover: our own share."""


@dataclass(slots=True)
class ClauseTimes:
    """Monotonic seconds; None until it happened.

    ``said``: acoustic end of the clause's last word. ``finalized``: the recogniser was told that the utterance ended
    (for a clause committed while one speaks: when its words came). ``recognised``: the words came. ``committed``: they
    became a clause. ``sent``: the first translated sample left the booth's socket.
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

    def copy(self) -> ClauseTimes:
        """The same source times, for another target language."""
        return ClauseTimes(self.said, self.finalized, self.recognised, self.committed)

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
        for stage, begin, end in zip(STAGES, marks[:-1], marks[1:], strict=True):
            if begin is None or end is None:
                break
            result[stage] = end - begin
        return result

    @property
    def own_share(self) -> float | None:
        """Seconds that were ours: not an engine's, not the hangover; None before the clause was sent."""
        if self.sent is None:
            return None
        stages = self.stages()
        return sum(stages[stage] for stage in OWN_STAGES)
