"""The languages callers can choose, as data: their names, how they are dialled, what the prompts' voice is called.

A site offers a subset of them (setting ``rooms.languages``, in the order of the menu's keys 1, 2, 3 ...).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Language:
    """One language.

    ``code`` is ISO 639-1. ``calling_code`` is what a caller dials after the room, ``1000*34``: the country calling code
    (ITU-T E.164) of the country people think of first, because callers know those by heart. ``espeak`` names the
    espeak-ng voice, ``apertium`` the ISO 639-3 code in the names of Apertium's modes.
    """

    code: str
    name: str
    native: str
    calling_code: str
    espeak: str
    apertium: str


LANGUAGES: dict[str, Language] = {
    language.code: language
    for language in (
        Language("en", "English", "English", "44", "en-us", "eng"),
        Language("es", "Spanish", "español", "34", "es", "spa"),
        Language("ca", "Catalan", "català", "376", "ca", "cat"),  # Andorra, where Catalan is the state language
        Language("fr", "French", "français", "33", "fr", "fra"),
        Language("pt", "Portuguese", "português", "351", "pt", "por"),
        Language("it", "Italian", "italiano", "39", "it", "ita"),
        Language("de", "German", "Deutsch", "49", "de", "deu"),
        Language("nl", "Dutch", "Nederlands", "31", "nl", "nld"),
        Language("pl", "Polish", "polski", "48", "pl", "pol"),
        Language("tr", "Turkish", "Türkçe", "90", "tr", "tur"),
        Language("vi", "Vietnamese", "Tiếng Việt", "84", "vi", "vie"),
        Language("ja", "Japanese", "日本語", "81", "ja", "jpn"),
        Language("zh", "Chinese", "中文", "86", "cmn", "zho"),
    )
}
