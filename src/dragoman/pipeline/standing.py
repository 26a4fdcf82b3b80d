"""How a conference is doing: what it has counted, and how far each interpretation is behind. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dragoman.telephony.model import Leg

TOTALS = (
    "merged_clauses",
    "recognizer_restarts",
    "recognizer_dropped_ms",
    "booth_underruns",
    "repeated_words",
    "speculations_made",
    "speculations_confirmed",
    "speculations_dropped",
    "early_words",
    "revised_words",
    "tempo_saved_ms",
    "echoes",
    "echoed_words",
)
"""What ``Conference.totals`` counts, over all legs and booths.

``merged_clauses``: clauses merged into their neighbour because translation was behind. ``recognizer_restarts``:
streams lost and opened again. ``recognizer_dropped_ms``: speech that no recogniser got. ``booth_underruns``:
ticks of 20 ms in which a clause sounded and its synthesizer was late. ``repeated_words``: words that a
recogniser said again and that were not translated twice. ``speculations_made``, ``..._confirmed``,
``..._dropped``: clauses translated ahead of their commit, into one language. ``early_words``: words committed
ahead of their final. ``revised_words``: of those, words that the final did not have. ``tempo_saved_ms``: time
that faster speech saved. ``echoes``: utterances of which something was what the leg had been played;
``echoed_words``: so many words of them, which were left out.
"""


@dataclass(frozen=True, slots=True)
class Lag:
    """How far the interpretation of one speaker into one language is behind."""

    leg: Leg
    target: str
    stages: Mapping[str, float]
    """Seconds of audio that are still to be spoken, by where they wait: mt, tts, playback."""
    tempo: float
    """How many times as fast as the synthesizer it is spoken."""

    @property
    def seconds(self) -> float:
        """All of it."""
        return sum(self.stages.values())
