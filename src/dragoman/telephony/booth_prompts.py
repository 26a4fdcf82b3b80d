"""What a booth itself tells its listeners: that they get less than before, or more again. Texts, spoken by espeak-ng.

They are made when the daemon starts, and kept, because they are needed just when synthesizers do not work.
"""

from __future__ import annotations

import io
import wave
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
import structlog

from dragoman.errors import PbxError
from dragoman.languages import LANGUAGES
from dragoman.media.format import Pcm
from dragoman.telephony.prompts import cache_dir, spoken

log = structlog.get_logger(__name__)

TEXTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "en": {
            "other-voice": "From here on you hear another voice.",
            "captions-only": "There is no voice just now; the translation can be read.",
            "original": "There is no translation just now; you hear the speaker himself.",
            "captions-again": "The translation can be read again.",
            "voice-again": "The interpretation is back.",
            "own-voice": "You hear the speaker's own voice again.",
        },
        "es": {
            "other-voice": "A partir de ahora oirá otra voz.",
            "captions-only": "Ahora no hay voz; la traducción se puede leer.",
            "original": "Ahora no hay traducción; oirá al orador.",
            "captions-again": "La traducción se puede leer de nuevo.",
            "voice-again": "Vuelve la interpretación.",
            "own-voice": "Vuelve la voz del propio orador.",
        },
        "ca": {
            "other-voice": "A partir d'ara sentireu una altra veu.",
            "captions-only": "Ara no hi ha veu; la traducció es pot llegir.",
            "original": "Ara no hi ha traducció; sentireu l'orador.",
            "captions-again": "La traducció es pot tornar a llegir.",
            "voice-again": "Torna la interpretació.",
            "own-voice": "Torna la veu del mateix orador.",
        },
        "fr": {
            "other-voice": "À partir d'ici, vous entendez une autre voix.",
            "captions-only": "Il n'y a pas de voix pour le moment; la traduction peut être lue.",
            "original": "Il n'y a pas de traduction pour le moment; vous entendez l'orateur.",
            "captions-again": "La traduction peut de nouveau être lue.",
            "voice-again": "L'interprétation est de retour.",
            "own-voice": "Vous entendez de nouveau la voix de l'orateur.",
        },
        "pt": {
            "other-voice": "A partir de agora ouve outra voz.",
            "captions-only": "Agora não há voz; a tradução pode ser lida.",
            "original": "Agora não há tradução; ouve o orador.",
            "captions-again": "A tradução pode ser lida de novo.",
            "voice-again": "A interpretação voltou.",
            "own-voice": "Ouve de novo a voz do orador.",
        },
        "it": {
            "other-voice": "Da qui in poi si sente un'altra voce.",
            "captions-only": "Al momento non c'è voce; la traduzione si può leggere.",
            "original": "Al momento non c'è traduzione; si sente l'oratore.",
            "captions-again": "La traduzione si può leggere di nuovo.",
            "voice-again": "L'interpretazione è tornata.",
            "own-voice": "Si sente di nuovo la voce dell'oratore.",
        },
        "de": {
            "other-voice": "Ab hier hören Sie eine andere Stimme.",
            "captions-only": "Im Moment gibt es keine Stimme; die Übersetzung ist zu lesen.",
            "original": "Im Moment wird nicht gedolmetscht; Sie hören den Redner selbst.",
            "captions-again": "Die Übersetzung ist wieder zu lesen.",
            "voice-again": "Es wird wieder gedolmetscht.",
            "own-voice": "Sie hören wieder die Stimme des Redners.",
        },
    }
)
"""Language code -> prompt name -> text. Languages without texts of their own are told in English."""

NAMES: tuple[str, ...] = tuple(TEXTS["en"])


class BoothPrompts:
    """Their sound, once ``prepare`` made it."""

    def __init__(self) -> None:
        self._sounds: dict[tuple[str, str], Pcm] = {}

    def prepare(self, languages: Sequence[str], cache: Path | None = None) -> None:
        """Have every prompt of ``languages`` (ISO 639-1) spoken, or taken from ``cache``; blocks.

        Without espeak-ng there are none: the changes are still made, counted and shown.
        """
        cache = cache_dir() / "prompts" if cache is None else cache
        try:
            cache.mkdir(parents=True, exist_ok=True)
            for code in languages:
                voice, texts = (code, TEXTS[code]) if code in TEXTS else ("en", TEXTS["en"])
                for name, text in texts.items():
                    self._sounds[code, name] = _samples(spoken(LANGUAGES[voice].espeak, text, cache).read_bytes())
        except (PbxError, OSError) as error:
            log.warning("listeners are not told by voice when the interpretation gets worse", why=str(error))

    def get(self, language: str, name: str) -> Pcm | None:
        """The prompt in this language, 16 kHz; None: there is none."""
        return self._sounds.get((language, name))


def _samples(wav: bytes) -> Pcm:
    with wave.open(io.BytesIO(wav)) as source:
        return np.frombuffer(source.readframes(source.getnframes()), "<i2").astype(np.int16)
