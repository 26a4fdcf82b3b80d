"""How fast audio may be sent to a recogniser that throttles what comes faster than it was spoken. Pure."""

from __future__ import annotations

RATE = 1.25
"""Audio seconds per second that a replay is sent at: Deepgram throttles what comes faster (its page on live streaming
latency), and a throttled stream is late for good."""

BURST = 0.5
"""Audio seconds that may go out at once: the pre-roll of 300 ms, what was said until the VAD was sure, and a short
handshake. Without it, every first word would be late by that much and gain on it by a quarter only."""

_EPSILON = 1e-9
"""Seconds that are none: what adding floats leaves over."""


class Pacer:
    """A generic cell rate algorithm (ITU-T I.371): ``rate`` in the long run, ``burst`` at once."""

    def __init__(self, rate: float = RATE, burst: float = BURST) -> None:
        """``rate``: audio seconds per second; ``burst``: audio seconds."""
        self._rate = rate
        self._slack = burst / rate
        self._due = float("-inf")  # when all that was sent would have been sent at the rate

    def wait(self, seconds: float, now: float) -> float:
        """Seconds to wait, at ``now``, before so much audio may be sent."""
        wait = max(self._due, now) + seconds / self._rate - self._slack - now
        return wait if wait > _EPSILON else 0.0

    def sent(self, seconds: float, now: float) -> None:
        """So much audio was sent at ``now``."""
        self._due = max(self._due, now) + seconds / self._rate
