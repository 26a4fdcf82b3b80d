"""A named voice for every language that callers can choose: who speaks where a person has no voice of his own. Pure.

XTTS v2's stock voices speak all of its languages; these are as many women's as men's. It speaks neither Catalan nor
Vietnamese: espeak-ng does.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StockVoice:
    """The neutral voice of one language."""

    engine: str
    """Registered name of the synthesizer."""
    voice: str
    """What that engine calls it. For XTTS, a speaker key that always has this voice."""
    otherwise: str
    """The voice of espeak-ng, which speaks where that engine is not in use."""


STOCK_VOICES: dict[str, StockVoice] = {
    "en": StockVoice("xtts", "Claribel Dervla", "en-us"),
    "es": StockVoice("xtts", "Alma María", "es"),
    "ca": StockVoice("espeak", "ca", "ca"),
    "fr": StockVoice("xtts", "Gilberto Mathias", "fr"),
    "pt": StockVoice("xtts", "Marcos Rudaski", "pt"),
    "it": StockVoice("xtts", "Ferran Simen", "it"),
    "de": StockVoice("xtts", "Wulf Carlevaro", "de"),
    "nl": StockVoice("xtts", "Annmarie Nele", "nl"),
    "pl": StockVoice("xtts", "Zofija Kendrick", "pl"),
    "tr": StockVoice("xtts", "Eugenio Mataracı", "tr"),
    "vi": StockVoice("espeak", "vi", "vi"),
    "ja": StockVoice("xtts", "Kazuhiko Atallah", "ja"),
    "zh": StockVoice("xtts", "Xavier Hayasaka", "cmn"),
}
"""By ISO 639-1 code. The names are those of the public speakers_xtts.pth; nobody here could listen to them."""
