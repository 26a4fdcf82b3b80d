"""What the fake DeepL answers: its languages as the real one lists them, and translations that tests can tell."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.tonewords.code import ToneWord

from dragoman.engines.phrases import default_path, load_table, tokens

Translate = Callable[[str, str, str], str]
"""(text, source, target), DeepL's codes without variant, lower case."""

_NAMES = """ar:Arabic bg:Bulgarian ca:Catalan cs:Czech da:Danish de:German el:Greek en:English en-GB:English_(British)
en-US:English_(American) es:Spanish es-419:Spanish_(Latin_American) et:Estonian fi:Finnish fr:French he:Hebrew hi:Hindi
hu:Hungarian id:Indonesian it:Italian ja:Japanese ko:Korean lt:Lithuanian lv:Latvian nb:Norwegian_(bokmål) nl:Dutch
pl:Polish pt:Portuguese pt-BR:Portuguese_(Brazilian) pt-PT:Portuguese_(European) ro:Romanian ru:Russian sk:Slovak
sl:Slovenian sv:Swedish th:Thai tr:Turkish uk:Ukrainian vi:Vietnamese zh:Chinese zh-Hans:Chinese_(simplified)
zh-Hant:Chinese_(traditional)"""

NAMES: Mapping[str, str] = {
    code: name.replace("_", " ") for code, name in (entry.split(":") for entry in _NAMES.split())
}
"""By code as ``/v3/languages`` writes it (BCP 47)."""

FORMALITY = frozenset("de es es-419 fr it ja nl pl pt pt-BR pt-PT ru".split())
NO_GLOSSARY = frozenset({"ca", "hi", "th"})

SOURCES = frozenset(code.upper() for code in NAMES if "-" not in code)
TARGETS = frozenset(code.upper() for code in NAMES)
"""Plain EN and PT too: deprecated, and still taken."""


def base(code: str) -> str:
    """The language of a code, lower case: PT-BR -> pt."""
    return code.partition("-")[0].lower()


def v3_languages(resource: str) -> list[dict[str, object]]:
    """The body of ``/v3/languages``."""

    def features(code: str) -> dict[str, object]:
        has = ["tag_handling"]
        if base(code) not in NO_GLOSSARY:
            has += ["auto_detection", "glossary"]
        if code in FORMALITY:
            has.append("formality")
        return {name: {"status": "stable"} for name in has} if resource == "translate_text" else {}

    return [
        {
            "lang": code,
            "name": name,
            "status": "stable",
            "usable_as_source": "-" not in code,
            "usable_as_target": True,
            "features": features(code),
        }
        for code, name in NAMES.items()
        if resource != "glossary" or base(code) not in NO_GLOSSARY
    ]


def v2_languages(target: bool) -> list[dict[str, object]]:
    """The body of ``/v2/languages``; as targets the variants only, and no Chinese without script."""
    if not target:
        return [{"language": code.upper(), "name": name} for code, name in NAMES.items() if "-" not in code]
    return [
        {"language": code.upper(), "name": name, "supports_formality": code in FORMALITY}
        for code, name in NAMES.items()
        if code not in ("en", "pt")
    ]


def marked(text: str, source: str, target: str) -> str:
    """Word by word, so that it can be undone: ``Meet at 10:30`` to Spanish is ``es_Meet es_at 10:30``."""
    return re.sub(r"[^\W\d_][\w'’]*", lambda match: f"{target}_{match[0]}", text)


def tones(text: str, source: str, target: str) -> str:
    """Tone words change their language; anything else is marked."""
    words = []
    for word in text.split():
        try:
            words.append(str(ToneWord.parse(word).translated(target)))
        except ValueError:
            words.append(marked(word, source, target))
    return " ".join(words)


def phrases(path: Path | None = None) -> Translate:
    """By a phrase file (None: the one that comes with Dragoman); what is not in it is marked."""
    table = load_table(path or default_path())
    columns = {language: table.column(language) for language in table.languages}

    def translate(text: str, source: str, target: str) -> str:
        found = columns[source].parse(tokens(text)) if source in columns else None
        if not found or any(target not in phrase.texts for phrase in found):
            return marked(text, source, target)
        return " ".join(phrase.texts[target] for phrase in found)

    return translate
