"""Whether an engine's account of itself is sane. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dragoman.engines.base import EngineInfo, Stage

ISO_639_1 = frozenset(
    """aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en
    eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka
    kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl
    nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw
    ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu""".split()
)
"""Every two-letter code of ISO 639-1 (the registration authority's table): how we call callers' languages."""

MAX_CHUNK_MS = 1000
"""More audio in one push than the feed ever gives at once."""

_SPDX = re.compile(r"\(?[A-Za-z0-9][A-Za-z0-9.+-]*\)?(?: (?:AND|OR|WITH) \(?[A-Za-z0-9][A-Za-z0-9.+-]*\)?)*")
_STATED = re.compile(r"licen[cs]e|terms|proprietary|public domain", re.IGNORECASE)
_NOTHING_SAID = frozenset({"", "?", "-", "unknown", "none", "n/a", "na", "tbd", "todo", "free", "open", "other"})
_NON_COMMERCIAL = re.compile(r"-NC(-|$)|CPML|non-?commercial", re.IGNORECASE)


def complaints(info: EngineInfo, stage: Stage) -> list[str]:
    """What is wrong with it, for an engine of this stage; nothing if all is well."""
    found = []
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", info.name):
        found.append(f"name {info.name!r} is not of small letters, digits, - and _")
    if info.stage is not stage:
        found.append(f"stage is {info.stage}, not {stage}")
    found += _languages(info.languages, pairs=stage is Stage.MT)
    if len(set(info.languages)) < len(info.languages):
        found.append("a language is named twice")
    found += _licence(info)
    if not info.purpose.strip() or "\n" in info.purpose:
        found.append("purpose is not one line")
    if info.chunk_ms % 20 or not 20 <= info.chunk_ms <= MAX_CHUNK_MS:
        found.append(f"chunk_ms {info.chunk_ms} is not a multiple of 20 from 20 to {MAX_CHUNK_MS}")
    return found


def _languages(languages: Iterable[str], *, pairs: bool) -> list[str]:
    found = []
    for language in languages:
        codes = language.split("-") if pairs else [language]
        want = "two ISO 639-1 codes written en-es" if pairs else "an ISO 639-1 code"
        if len(codes) != 1 + pairs or not ISO_639_1.issuperset(codes):
            found.append(f"language {language!r} is not {want}")
        elif pairs and codes[0] == codes[1]:
            found.append(f"language {language!r} leads to itself")
    return found


def _licence(info: EngineInfo) -> list[str]:
    """SPDX, or in words where no identifier fits: ``Proprietary (terms of service)``."""
    licence = info.licence
    if licence.strip().casefold() in _NOTHING_SAID:
        return [f"licence {licence!r} does not say under which licence it is"]
    if "\n" in licence or not (_SPDX.fullmatch(licence) or _STATED.search(licence)):
        return [f"licence {licence!r} is neither an SPDX expression nor said in words (licence, terms, proprietary)"]
    if info.commercial_use and _NON_COMMERCIAL.search(licence):
        return [f"licence {licence!r} does not allow the commercial use that it claims"]
    return []
