"""Reading an engine's free option table, with errors that name the key."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import overload

from pydantic import SecretStr
from yarl import URL

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

    @overload
    def path(self, key: str, default: Path | str) -> Path: ...
    @overload
    def path(self, key: str, default: None) -> Path | None: ...
    def path(self, key: str, default: Path | str | None) -> Path | None:
        """A path; ``~`` is the home folder."""
        value = self._take(key, None if default is None else str(default))
        if value is None:
            return None
        if not isinstance(value, str) or not value:
            raise self._wrong(key, value, "a path")
        return Path(value).expanduser()

    def strings(self, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        """A list of texts."""
        value = self._take(key, default)
        if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
            raise self._wrong(key, value, "a list of texts")
        return tuple(value)

    def text(self, key: str, default: str) -> str:
        """A text that is not empty; an empty ``default`` stands for "not set"."""
        value = self._take(key, default)
        if not isinstance(value, str) or (not value and default):
            raise self._wrong(key, value, "a text")
        return value

    def url(self, key: str, default: str, like: str = "") -> str:
        """An http or https URL; an empty ``default`` stands for "not set", ``like`` is then what the error shows."""
        value = self.text(key, default)
        try:
            url = URL(value)
            usable = url.scheme in ("http", "https") and bool(url.host)
        except ValueError:
            usable = False
        if value and not usable:
            raise self._wrong(key, value, f"a URL such as {like or default}")
        return value

    def choice(self, key: str, default: str, among: Sequence[str]) -> str:
        """One of ``among``."""
        value = self._take(key, default)
        if value not in among:
            raise self._wrong(key, value, f"one of {', '.join(among)}")
        return str(value)

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self._take(key, default)
        if not isinstance(value, bool):
            raise self._wrong(key, value, "true or false")
        return value

    def table(self, key: str) -> dict[str, str]:
        """A table of texts; empty when not set."""
        value = self._take(key, {})
        if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
            raise self._wrong(key, value, "a table of texts")
        return dict(value)

    def secret(self, key: str, variable: str) -> SecretStr | None:
        """A secret: the option ``key``, or the file named by ``<key>_file``, or the environment's ``variable``.

        The first that is set counts; None: none is. The value itself is in no error.
        """
        value, file = self._take(key, ""), self._take(f"{key}_file", "")
        option = f"engines.options.{self._engine}.{key}"
        if not isinstance(value, str):
            # In the environment an option's value is read as JSON: a key that is a number comes as one.
            raise ConfigError(f"{option}: should be a text, in quotes")
        if not isinstance(file, str):
            raise self._wrong(f"{key}_file", file, "a path")
        where = option
        if not value and file:
            where = f"{option}_file: {file}"
            try:
                value = Path(file).expanduser().read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigError(f"{where} cannot be read: {getattr(error, 'strerror', None) or error}") from None
            if not value:
                raise ConfigError(f"{where} is empty")
        if not value:
            where, value = f"${variable}", os.environ.get(variable, "").strip()
        if not value:
            return None
        # RFC 9110 section 5.5: what a header can carry; anything else is a file read wrong.
        if not re.fullmatch(r"[\x21-\x7e]+", value):
            raise ConfigError(f"{where}: should hold one word of ASCII characters")
        return SecretStr(value)

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
