"""Reading an engine's free option table, with errors that name the key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dragoman.errors import ConfigError


class Options:
    """One engine's table ``[engines.options.<name>]``; ``done`` refuses keys that nobody asked for."""

    def __init__(self, engine: str, table: Mapping[str, object]) -> None:
        """``table`` as it was read from the settings."""
        self._engine = engine
        self._table = dict(table)
        self._known: list[str] = []

    def integer(self, key: str, default: int, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``."""
        value = self._take(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self._wrong(key, value, f"a whole number from {low} to {high}")
        return value

    def number(self, key: str, default: float, low: float, high: float) -> float:
        """A number from ``low`` to ``high``."""
        value = self._take(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise self._wrong(key, value, f"a number from {low:g} to {high:g}")
        return float(value)

    def path(self, key: str, default: Path) -> Path:
        """A path; ``~`` is the home folder."""
        value = self._take(key, str(default))
        if not isinstance(value, str) or not value:
            raise self._wrong(key, value, "a path")
        return Path(value).expanduser()

    def strings(self, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        """A list of texts."""
        value = self._take(key, default)
        if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
            raise self._wrong(key, value, "a list of texts")
        return tuple(value)

    def done(self) -> None:
        """Every key has been asked for.

        Raises:
            ConfigError: there are others.
        """
        if self._table:
            key = min(self._table)
            known = ", ".join(self._known) or "none"
            raise ConfigError(f"engines.options.{self._engine}.{key}: unknown option; known: {known}")

    def _take(self, key: str, default: object) -> object:
        self._known.append(key)
        return self._table.pop(key, default)

    def _wrong(self, key: str, value: object, want: str) -> ConfigError:
        return ConfigError(f"engines.options.{self._engine}.{key}: {value!r} is not {want}")
