"""What the placed fake does that a client may not expect."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Habits:
    """Shares are probabilities, times seconds."""

    smart_format: bool = False
    """Figures are joined, where the query asks for it: in interims too."""
    life_s: tuple[float, float] | None = None
    """Audio after which a connection ends, from and to; None: never."""
    endings: tuple[int, ...] = (1006, 1011, 1000)
    """Close codes of these ends; 1006: no close at all."""
    last_final: float = 0.3
    """Share of those ends before which a final tells all that was heard, perhaps half a figure or half a word."""
    wrong_interims: float = 0.0
    """Share of interims in which a word is another one, is two words, or is missing."""
    interim_shift_s: float = 0.0
    final_shift_s: float = 0.0
    """By how much each time of each word of a result may be wrong, anew in each result."""
    overlap: float = 0.0
    """Share of finals that tell the last word of the final before again."""
    anywhere: bool = False
    """Ranges end anywhere, also in a word or a figure; else between two words."""
    cut_words: float = 0.0
    """Share of the words, cut by a connection's beginning, that are heard as another word."""
    interim_s: tuple[float, float] = (0.3, 1.0)
    latency_s: tuple[float, float] = (0.05, 0.4)
    range_s: tuple[float, float] = (2.0, 5.0)
