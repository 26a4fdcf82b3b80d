"""What is wrong with a settings file, in words: the key, where it stands, what it holds, what would be right."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

_TABLE = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*([A-Za-z0-9_.:"'-]+(?:\s*\.\s*[A-Za-z0-9_.:"'-]+)*)\s*=""")
_PLAIN = {
    "model_type": "should be a table of keys",
    "dict_type": "should be a table",
    "tuple_type": 'should be a list, such as ["a", "b"]',
    "string_type": "should be a string, in quotes",
}
"""What pydantic says in words of Python, in those of the file."""

_TYPES = {bool: "a boolean", int: "an integer", float: "a number", str: "a string", list: "an array", dict: "a table"}


def suggest(word: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown ``word``: the nearest known one, else all of them."""
    known = sorted(known)
    close = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; known are {', '.join(known)}"


def key_lines(text: str) -> dict[tuple[str, ...], int]:
    """Line number (from 1) of each table and key of a TOML text.

    ``tomllib`` keeps no positions. This reads table headers and ``key =`` line by line: a line inside a multi-line
    string that looks like one may be taken for it, which costs a message its line number and nothing else.
    """
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _TABLE.match(line):
            table = _path(header[1])
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault((*table, *_path(key[1])), number)
    return lines


def _path(dotted: str) -> tuple[str, ...]:
    """Parts of a TOML key, bare or quoted."""
    return tuple(
        bare or double or single
        for double, single, bare in re.findall(r"""\s*(?:"([^"]*)"|'([^']*)'|([^\s."']+))\s*\.?""", dotted)
    )


def explain(detail: ErrorDetails, model: type[BaseModel], origin: str) -> str:
    """One line for one error of ``model``; names the type of a wrong value, never the value, which may be a secret."""
    loc = detail["loc"]
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).lstrip(".") or "settings"
    where = f"{key} ({origin})" if origin else key
    if detail["type"] == "extra_forbidden":
        kind = "key" if len(loc) > 1 else "section"
        return f"{where}: unknown {kind}{suggest(str(loc[-1]), _fields(model, loc[:-1]))}"
    message = detail["msg"].removeprefix("Value error, ")
    message = _PLAIN.get(detail["type"], message)
    given = detail["input"]
    # A rule over a whole table is about what it lacks: that the table is a table helps nobody.
    kind = "" if given is None or detail["type"] == "value_error" else _TYPES.get(type(given), "another type")
    return f"{where}: {message[:1].lower()}{message[1:]}{f'; it is {kind}' if kind else ''}"


def _fields(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """Names of the fields of the model at ``path`` within ``model``."""
    keys = iter(path)
    for part in keys:
        annotation = model.model_fields[str(part)].annotation
        if get_origin(annotation) is dict:  # tables by names of their own: one more step to the model
            annotation = get_args(annotation)[1]
            next(keys)
        assert isinstance(annotation, type) and issubclass(annotation, BaseModel)  # only models forbid unknown keys
        model = annotation
    return list(model.model_fields)
