"""How hastily a conference interprets: what the settings' table ``pipeline`` says. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from dragoman.pipeline.catchup import FASTEST

FINALIZE_AFTER_MS = 120
"""Pause, as the VAD hears it, at which a network recogniser is asked for a final ahead of the utterance's end, ms.

Silero hears speech 86 ms (53 to 120) longer than it lasts (20 sentences of four synthetic voices), so this is a pause
of 200 ms, a breath; the longest it heard inside those sentences was 64 ms. The final is 250 ms under way, and there
when the hangover (400 ms) is over. Simulated with an interim every second: ear-voice span p50 832 ms without it, 680
with it.
"""


@dataclass(frozen=True, slots=True)
class PipelineOptions:
    """See ``config.PipelineSettings``."""

    speculate: bool = True
    """Translate and synthesize clauses that look complete ahead of their final."""
    by_clause: bool = True
    """Commit clauses while the speaker goes on; else whole sentences, when they are final."""
    finalize_after_ms: int = FINALIZE_AFTER_MS
    """0: only at the utterance's end."""
    max_tempo: float = FASTEST
    """How many times as fast as its synthesizer a voice may speak that is behind. 1.0: never faster."""
    drop_echoes: bool = True
    """Leave out words that a leg was played and sent back (pipeline.echoed)."""


DEFAULTS = PipelineOptions()
"""As without settings."""
