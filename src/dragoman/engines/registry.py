"""Which engines there are, and making those that the settings name.

An engine is a class behind an entry point of the group ``dragoman.engines`` (its own package can bring it), or any
class written ``package.module:Class``. It is built from its option table and must have one of the shapes of
``engines.base``.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import cast

from dragoman.engines.base import Engine, EngineInfo, Recognizer, Stage, Synthesizer, Translator
from dragoman.errors import ConfigError, DragomanError

GROUP = "dragoman.engines"

_PROTOCOLS: Mapping[Stage, type] = {Stage.ASR: Recognizer, Stage.MT: Translator, Stage.TTS: Synthesizer}
_SETTING = {Stage.ASR: "recognizers", Stage.MT: "translators", Stage.TTS: "synthesizers"}


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of ``dragoman engines``: what the engine says of itself, or why it cannot say anything."""

    name: str
    info: EngineInfo | None
    problem: str | None = None


def available() -> list[Listed]:
    """Every registered engine, by stage and name; nothing is started."""
    listed = []
    for name, entry in _entries().items():
        try:
            listed.append(Listed(name, _make(name, entry, {}).info))
        except DragomanError as error:
            listed.append(Listed(name, None, str(error)))
    order = list(Stage)
    return sorted(listed, key=lambda each: (order.index(each.info.stage) if each.info else len(order), each.name))


def build(
    stage: Stage, names: Sequence[str], options: Mapping[str, Mapping[str, object]], where: str = ""
) -> list[Engine]:
    """The engines of one stage, in order, each with its options; nothing is started.

    ``where``: the setting that names them, for what is said of a wrong one; the stage's own list if not given.

    Raises:
        ConfigError: unknown name, not importable, an engine of another stage, or a wrong option.
    """
    engines = []
    for name in names:
        where = where or f"engines.{_SETTING[stage]}"
        engine = _make(name, _find(name, where), options.get(name, {}))
        if engine.info.stage is not stage or not isinstance(engine, _PROTOCOLS[stage]):
            raise ConfigError(f"{where}: {name} is no engine for {stage} but for {engine.info.stage}")
        engines.append(engine)
    return engines


def _entries() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name)}


def _find(name: str, where: str) -> EntryPoint:
    if ":" in name:
        return EntryPoint(name, name, GROUP)
    entries = _entries()
    if name not in entries:
        close = difflib.get_close_matches(name, entries, n=1)
        hint = f", did you mean {close[0]!r}?" if close else "."
        known = ", ".join(entries) or "none"
        raise ConfigError(
            f'{where}: no engine is called {name!r}{hint} Installed: {known}; or write "package.module:Class"'
        )
    return entries[name]


def _make(name: str, entry: EntryPoint, options: Mapping[str, object]) -> Engine:
    module, _, attribute = entry.value.partition(":")
    try:
        made = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"engine {name}: cannot import {entry.value}: {error}") from error
    return cast("Engine", made(options))
