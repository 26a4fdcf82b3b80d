"""Where settings come from: the text of a file, a variable's text, one laid over the other."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dragoman.config.admin import ADMIN_PATHS
from dragoman.config.voices import VOICES_PATHS
from dragoman.errors import ConfigError

_PATHS = (
    ("asterisk", "password_file"),
    ("engines", "cache", "redis_url_file"),
    ("glossary", "folder"),
    ("glossary", "site"),
    ("http", "token_file"),
    ("trace", "otlp_token_file"),
    *(("admin", key) for key in ADMIN_PATHS),
    *(("voices", key) for key in VOICES_PATHS),
)
"""Keys that hold a path; one in a file is meant from where that file is."""


def read_file(file: Path) -> tuple[str, dict[str, Any]]:
    """A settings file's text, and what it says, with paths as seen from here.

    Raises:
        ConfigError: it cannot be read, or is no TOML.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")  # some editors mark UTF-8
        data = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{file}:{line}: is not in UTF-8, which TOML is: save it as that") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: is no TOML: {error}") from None
    for *tables, key in (*_PATHS, *_secret_files(data)):
        table: Any = data
        for name in tables:
            table = table.get(name) if isinstance(table, dict) else None
        if isinstance(table, dict) and isinstance(table.get(key), str) and "://" not in table[key]:
            table[key] = str(file.parent / os.path.expanduser(table[key]))
    return text, data


def _secret_files(data: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """The files with secrets that options of engines name (``Options.secret``); of their other paths only they know."""
    engines = data.get("engines")
    options = engines.get("options") if isinstance(engines, dict) else None
    for engine, table in options.items() if isinstance(options, dict) else ():
        keys = table if isinstance(table, dict) else ()
        yield from (("engines", "options", engine, key) for key in keys if key.endswith("_file"))


def decoded(value: object) -> object:
    """An option has no declared type: in the environment ``170`` is a number, ``true`` a bool, the rest a string."""
    if isinstance(value, dict):
        return {key: decoded(item) for key, item in value.items()}
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def merge(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """One tree of tables over another."""
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged
