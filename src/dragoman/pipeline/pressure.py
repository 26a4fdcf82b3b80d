"""When a stage counts as behind, so that the one beside it is held back: two limits, so that it does not flap. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Pressure:
    """One stage's lag against its limit."""

    limit: float
    """Seconds beyond which the stage is behind."""
    relief: float
    """Seconds below which it is not any more."""
    on: bool = False
    times: int = 0
    """How often it fell behind."""

    def feed(self, lag: float) -> bool:
        """Take the stage's lag, seconds; whether it fell behind just now."""
        if self.on:
            self.on = lag > self.relief
            return False
        if lag <= self.limit:
            return False
        self.on = True
        self.times += 1
        return True


ASR_LIMIT, ASR_RELIEF = 0.3, 0.1
"""Seconds of audio that wait for the recogniser (stage table: 300 ms; it holds 100): beyond, its input pauses."""

MT_LIMIT = 1.2
"""Seconds for a translation (stage table: 1200 ms): by then the translator was asked again, or the next one
(engines.mt.chain)."""

TTS_LIMIT, TTS_RELIEF = 0.4, 0.2
"""Seconds in which a synthesizer gave nothing though it was waited for (stage table: 400 ms): beyond, speech slows."""
