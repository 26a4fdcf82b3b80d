"""What Apertium has installed: its mode files, and the way from one language to another."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dragoman.languages import LANGUAGES

MODES = Path("/usr/share/apertium/modes")
"""Where Debian's apertium-* packages put their mode files."""

PIVOTS = ("es", "ca", "fr", "pt", "it", "en")
"""Which language to go through where there is no direct pair, best first: Spanish has the largest dictionaries."""

PACKAGES = {
    frozenset(pair.split("-")): package
    for pair, package in {
        "en-es": "apertium-eng-spa",
        "en-ca": "apertium-eng-cat",
        "es-ca": "apertium-spa-cat",
        "es-fr": "apertium-fr-es",
        "es-pt": "apertium-es-pt",
        "es-it": "apertium-spa-ita",
        "ca-fr": "apertium-fra-cat",
        "ca-it": "apertium-cat-ita",
        "ca-pt": "apertium-por-cat",
    }.items()
}
"""Debian's package of a pair of languages."""

_NULL_FLUSH = {
    "lt-proc",
    "lsx-proc",
    "lrx-proc",
    "rtx-proc",
    "cg-proc",
    "apertium-anaphora",
    "apertium-interchunk",
    "apertium-postchunk",
    "apertium-posttransfer",
    "apertium-pretransfer",
    "apertium-tagger",
    "apertium-transfer",
}
"""Programs that answer a NUL byte by flushing (option -z), so that they can be kept running between texts."""

PROGRAMS = {
    "lt-proc": "lttoolbox",
    "lsx-proc": "apertium-separable",
    "lrx-proc": "apertium-lex-tools",
    "rtx-proc": "apertium-recursive",
    "cg-proc": "cg3",
    "apertium-anaphora": "apertium-anaphora",
}
"""Debian's package of a program; that of the others is ``apertium``."""

_MODE = re.compile(r"([a-z]{2,3})-([a-z]{2,3})\.mode")
_CODES = {name: language.code for language in LANGUAGES.values() for name in (language.code, language.apertium)}


@dataclass(frozen=True, slots=True)
class Mode:
    """One direction of one pair: ISO 639-1 codes, and the file that describes its pipeline."""

    source: str
    target: str
    path: Path


def installed(folder: Path = MODES) -> tuple[Mode, ...]:
    """The directions that are installed, regional variants left out; none where the folder does not exist."""
    modes = []
    for path in sorted(folder.glob("*.mode")):
        match = _MODE.fullmatch(path.name)
        if match and match[1] in _CODES and match[2] in _CODES:
            modes.append(Mode(_CODES[match[1]], _CODES[match[2]], path))
    return tuple(modes)


def route(modes: Iterable[Mode], source: str, target: str) -> tuple[Mode, ...] | None:
    """The direct mode, else two modes by way of the best pivot; None: no way."""
    known = {(mode.source, mode.target): mode for mode in modes}
    if direct := known.get((source, target)):
        return (direct,)
    for pivot in PIVOTS:
        first, second = known.get((source, pivot)), known.get((pivot, target))
        if first and second:
            return (first, second)
    return None


def packages(source: str, target: str) -> tuple[str, ...]:
    """Debian packages that would bring a way from ``source`` to ``target``; none known: empty."""
    for pivot in (target, *PIVOTS):
        steps = (frozenset((source, pivot)), frozenset((pivot, target)))
        names = tuple(PACKAGES[step] for step in steps if len(step) == 2 and step in PACKAGES)
        if len(names) == sum(len(step) == 2 for step in steps) and names:
            return names
    return ()


def stages(mode_text: str) -> list[list[str]]:
    """The pipeline of a mode file as argument lists, each program told to flush at NUL and not to mark unknown words.

    Raises:
        ValueError: it names a program that is not known to flush at NUL; it would never answer.
    """
    line = " ".join(line for line in mode_text.splitlines() if not line.startswith("#"))
    # $1 is the generator's option (-n: unknown words come out as they went in, without a mark), $2 the tagger's.
    found = []
    for stage in line.replace("$1", "-n").replace("$2", "").split("|"):
        arguments = shlex.split(stage)
        if not arguments or arguments[0] not in _NULL_FLUSH:
            raise ValueError(f"cannot keep {stage.strip()!r} running between texts")
        found.append([arguments[0], "-z", *arguments[1:]])
    return found
