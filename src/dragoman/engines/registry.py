"""Finds engines by name (entry points) or by path, and builds them from the settings.

Others add an engine without touching this repository: a package of theirs names its class under the entry point group
``dragoman.engines``, or the settings name it as ``"package.module:Class"``.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from dragoman.engines.base import Engine, EngineInfo, Stage
from dragoman.errors import ConfigError, EngineError

GROUP = "dragoman.engines"


def names() -> tuple[str, ...]:
    """Names of all engines that are installed."""
    return tuple(sorted(entry.name for entry in entry_points(group=GROUP)))


def build(stage: Stage, wanted: Sequence[str], options: Mapping[str, Mapping[str, object]]) -> list[Engine]:
    """Build engines of one stage, in order; nothing is started.

    Args:
        stage: what all of them must do.
        wanted: names of entry points, or ``"package.module:Class"``.
        options: a table per engine, under the name used in ``wanted``.

    Raises:
        ConfigError: one is unknown, cannot be imported, is of another stage, or refuses an option.
    """
    engines = []
    for name in wanted:
        engine = _class(name)(options.get(name, {}))
        if engine.info.stage is not stage:
            raise ConfigError(f"engine {name!r} is for {engine.info.stage}, not for {stage}")
        engines.append(engine)
    return engines


def available() -> list[EngineInfo]:
    """What every installed engine says of itself, by stage and name; nothing is started.

    An engine that cannot be imported (its package is missing) is listed with that as its purpose.
    """
    found = []
    for name in names():
        try:
            found.append(_class(name)({}).info)
        except (ConfigError, EngineError) as error:
            found.append(EngineInfo(name, Stage.ASR, (), False, "unknown", False, f"cannot be used: {error}"))
    return sorted(found, key=lambda info: (list(Stage).index(info.stage), info.name))


def _class(name: str) -> Callable[[Mapping[str, object]], Engine]:
    if ":" in name:
        entry = EntryPoint(name, name, GROUP)
        module = name.partition(":")[0]
        try:
            import_module(module)
        except ImportError as error:
            raise ConfigError(f"engine {name!r}: {module} cannot be imported: {error}") from None
    else:
        entries = {entry.name: entry for entry in entry_points(group=GROUP)}
        if name not in entries:
            close = difflib.get_close_matches(name, entries, n=1)
            hint = f", did you mean {close[0]!r}?" if close else ""
            raise ConfigError(f"no engine is called {name!r}{hint} Installed are {', '.join(sorted(entries))}")
        entry = entries[name]
    try:
        loaded: Callable[[Mapping[str, object]], Engine] = entry.load()
    except ImportError as error:
        raise ConfigError(f"engine {name!r} cannot be imported: {error}") from None
    except AttributeError:
        raise ConfigError(f"engine {name!r}: {entry.module} has no {entry.attr}") from None
    return loaded
