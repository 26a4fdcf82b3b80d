"""The settings' table ``[pipeline]``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from dragoman.config.types import Section, no_bool
from dragoman.pipeline.catchup import FASTEST
from dragoman.pipeline.options import FINALIZE_AFTER_MS, PipelineOptions


class PipelineSettings(Section):
    """How hastily speech is interpreted, where the recogniser's partials allow it."""

    speculate: bool = True
    """Translate and synthesize what looks complete before it is certain, and speak it when it is."""
    mode: Literal["clause", "sentence"] = "clause"
    """What long speech is cut into: clauses while one speaks, or whole sentences when they are final."""
    finalize_after_ms: Annotated[int, BeforeValidator(no_bool), Field(ge=0, le=2000)] = FINALIZE_AFTER_MS
    """Pause at which a network recogniser is asked for a final, ms; the utterance ends at hangover_ms. 0: only then."""

    max_tempo: Annotated[float, BeforeValidator(no_bool), Field(ge=1.0, le=FASTEST)] = FASTEST
    """How many times as fast a translation may be spoken for which the next would have to wait; 1.0: never faster."""

    drop_echoes: bool = True
    """Leave out words that a phone was played and sent back, if the echo guard did not silence them."""

    @property
    def options(self) -> PipelineOptions:
        """As the pipeline takes them."""
        by_clause = self.mode == "clause"
        return PipelineOptions(self.speculate, by_clause, self.finalize_after_ms, self.max_tempo, self.drop_echoes)
