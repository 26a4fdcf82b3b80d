"""How hastily a conference interprets: what the settings' table ``pipeline`` says. Pure."""

from __future__ import annotations

from dataclasses import dataclass

FINALIZE_AFTER_MS = 200
"""Pause at which a network recogniser is asked for a final ahead of the utterance's end, ms. A breath inside a sentence
is about that long; its final is 250 ms under way, so that it is there when the hangover (400 ms) is over."""


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
