"""Which engines there are, and making those that the settings name.

An engine is a class behind an entry point of the group ``dragoman.engines`` (its own package can bring it), or any
class written ``package.module:Class``. It is built from its option table and must have one of the shapes of
``engines.base``. Others write engines too: whatever is wrong with one is told with the name of its package, and keeps
no other engine from being used.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import cast

from dragoman.engines.base import Engine, EngineInfo, Recognizer, Stage, Synthesizer, Translator
from dragoman.errors import ConfigError, DragomanError

GROUP = "dragoman.engines"

PROTOCOLS: Mapping[Stage, type] = {Stage.ASR: Recognizer, Stage.MT: Translator, Stage.TTS: Synthesizer}
"""The shape an engine of each stage must have."""

_SETTING = {Stage.ASR: "recognizers", Stage.MT: "translators", Stage.TTS: "synthesizers"}


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of ``dragoman engines``: what the engine says of itself, or why it cannot say anything."""

    name: str
    info: EngineInfo | None
    problem: str | None = None
    package: str = ""
    """The package that brings it, and its version."""


def available() -> list[Listed]:
    """Every registered engine, by stage and name; nothing is started."""
    listed = []
    for name, entries in _entries().items():
        package = " and ".join(map(_package, entries))
        try:
            listed.append(Listed(name, _make(_one(name, entries), {}).info, package=package))
        except DragomanError as error:
            listed.append(Listed(name, None, str(error), package))
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
        engine = _make(_find(name, where), options.get(name, {}))
        if engine.info.stage is not stage:
            raise ConfigError(f"{where}: {name} is no engine for {stage} but for {engine.info.stage}")
        engines.append(engine)
    return engines


def build_one(name: str, options: Mapping[str, object]) -> Engine:
    """One engine of whatever stage; nothing is started.

    Raises:
        ConfigError: as ``build``.
    """
    return _make(_find(name, "engines"), options)


def _entries() -> dict[str, list[EntryPoint]]:
    """By name, in order; more than one of a name is a conflict."""
    found: dict[str, list[EntryPoint]] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value)):
        found.setdefault(entry.name, []).append(entry)
    return found


def _package(entry: EntryPoint) -> str:
    """Name and version of the package that brings it; empty for a class that is named by its path."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else ""


def _called(entry: EntryPoint) -> str:
    package = _package(entry)
    return f"engine {entry.name} (of {package})" if package else f"engine {entry.name}"


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
    return _one(name, entries[name])


def _one(name: str, entries: Sequence[EntryPoint]) -> EntryPoint:
    if len(entries) > 1:
        who = " and by ".join(f"{_package(entry)} ({entry.value})" for entry in entries)
        raise ConfigError(
            f"engine {name} is brought by {who}: uninstall one of them, or name the class: "
            + " or ".join(f'"{entry.value}"' for entry in entries)
        )
    return entries[0]


def _make(entry: EntryPoint, options: Mapping[str, object]) -> Engine:
    """Import, build, look at its shape.

    Raises:
        ConfigError: any of it fails, in whatever way.
    """
    called, made = _called(entry), _import(entry)
    try:
        engine = made(options)
        info = engine.info
    except DragomanError:
        raise
    except Exception as error:
        raise ConfigError(
            f"{called}: {entry.value} cannot be built from its table of options: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(info, EngineInfo) or info.stage not in PROTOCOLS:
        raise ConfigError(f"{called}: {entry.value}.info is no EngineInfo of a stage, but {type(info).__name__}")
    if lacks := _lacks(engine, info.stage):
        shape = PROTOCOLS[info.stage].__name__
        raise ConfigError(f"{called} is no engine for {info.stage}: {entry.value} is no {shape}, {lacks}")
    return cast("Engine", engine)


def _import(entry: EntryPoint) -> type:
    called = _called(entry)
    module, _, attribute = entry.value.partition(":")
    try:
        made = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        own = error.name is None or module == error.name or module.startswith(f"{error.name}.")
        package = entry.dist.name if entry.dist else "its package"
        hint = (
            "" if own else f"; install what it needs: pip install {package}, or the extra that its documentation names"
        )
        raise ConfigError(f"{called}: cannot import {entry.value}: {error}{hint}") from error
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"{called}: cannot import {entry.value}: {error}") from error
    except (Exception, SystemExit) as error:
        what = f"{type(error).__name__}: {error}"
        raise ConfigError(f"{called}: cannot import {entry.value}: its module fails: {what}") from error
    if not isinstance(made, type):
        raise ConfigError(f"{called}: {entry.value} is no class")
    return made


def _lacks(engine: object, stage: Stage) -> str:
    """What it lacks of its stage's protocol, in words; empty when nothing."""
    protocol = PROTOCOLS[stage]
    missing = [name for name in vars(protocol) if not name.startswith("_") and not hasattr(engine, name)]
    if missing:
        return f"it lacks {', '.join(missing)}"
    if stage is Stage.TTS and inspect.iscoroutinefunction(getattr(engine, "synthesize", None)):
        return "its synthesize is a coroutine that never yields, not an async generator"
    return ""
