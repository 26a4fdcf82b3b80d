"""How hastily a conference interprets: what the settings' table ``pipeline`` says. Pure."""

from __future__ import annotations

from dataclasses import dataclass

FINALIZE_AFTER_MS = 150
"""Pause at which a network recogniser is asked for a final ahead of the utterance's end, ms. The VAD hears speech for 30
to 60 ms longer than it lasts, so this is a pause of 200 ms: a breath, no stop consonant. The final is 250 ms under way
and there when the hangover (400 ms) is over. Simulated (bench.lagging), with interims every second: ear-voice span p50
1000 ms without, 724 at 200, 703 at 150, 680 at 120."""


@dataclass(frozen=True, slots=True)
class PipelineOptions:
    """See ``config.PipelineSettings``."""

    speculate: bool = True
    """Translate and synthesize clauses that look complete ahead of their final."""
    by_clause: bool = True
    """Commit clauses while the speaker goes on; else whole sentences, when they are final."""
    finalize_after_ms: int = FINALIZE_AFTER_MS
    """0: only at the utterance's end."""


DEFAULTS = PipelineOptions()
"""As without settings."""
