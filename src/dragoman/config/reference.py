"""The reference of the settings, made from the settings themselves: every key, its type, default and meaning.

``make docs`` writes it to docs/configuration.md; a test holds that it was done. Meanings are the docstrings below the
fields of the models, so there is one place to write them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le, MaxLen
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from dragoman.config import ENV_DELIMITER, ENV_PREFIX, Settings

_WORDS = {
    str: "text",
    bool: "`true` or `false`",
    int: "whole number",
    float: "number",
    Path: "path",
    SecretStr: "secret",
}

_HEAD = """\
# Every setting

Made from the code by `make docs`; [config/dragoman.toml](../config/dragoman.toml) is the same as a file to start from.

Settings are read from one TOML file: the one named with `--config`, else `$DRAGOMAN_CONFIG`, else `./dragoman.toml`,
else `/etc/dragoman/dragoman.toml`, else none is needed. The environment stands over the file; the last column has the
name of each key there. A list is written `en,es` or as JSON in it, a table as JSON:
`DRAGOMAN_ENGINES__PAIRS='{"en-vi": {"translators": ["deepl"]}}'`. A wrong key or value is refused at the start, with
its name, where it stands and what would be right.

A path in the file is meant from the folder that the file is in. A secret is written in the file itself or, better, in a
file of its own that the daemon's user alone can read: each has a `..._file` beside it for that, and only one of the two
may be set. Secrets are never logged.
"""

_TAIL = """\
## Other variables of the environment

| variable | meaning |
|---|---|
| `DRAGOMAN_CONFIG` | the settings file |
| `DRAGOMAN_CACHE` | folder for what is made once and kept, prompts for instance; `~/.cache/dragoman` if not set |
| `DEEPGRAM_API_KEY`, `DEEPL_AUTH_KEY`, `ELEVENLABS_API_KEY` | the providers' keys, where the settings name none |
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One key: where it stands, and what can be said of it."""

    path: tuple[str, ...]
    kind: str
    default: str
    meaning: str

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return ENV_PREFIX + ENV_DELIMITER.join(self.path).upper()


def reference() -> str:
    """The whole document, as Markdown."""
    parts = [_HEAD]
    for path, model in tables(Settings):
        parts.append(f"## `[{'.'.join(path)}]`\n\n{_prose(model.__doc__)}\n")
        entries = list(entries_of(model, path))
        if entries:
            rows = [
                f"| `{entry.path[-1]}` | {entry.kind} | {entry.default} | {entry.meaning} | `{entry.variable}` |"
                for entry in entries
            ]
            parts.append(
                "\n".join(("| key | type | default | meaning | environment |", "|---|---|---|---|---|", *rows)) + "\n"
            )
    parts.append(_TAIL)
    return "\n".join(parts)


def tables(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], type[BaseModel]]]:
    """The tables within ``model``, with where each stands; a free name in a path is in capitals."""
    for key, field in model.model_fields.items():
        if (inner := _model(field.annotation)) is not None:
            yield (*path, key), inner
            yield from tables(inner, (*path, key))
        elif get_origin(field.annotation) is dict and (inner := _model(get_args(field.annotation)[1])) is not None:
            yield (*path, key, "NAME"), inner


def entries_of(model: type[BaseModel], path: tuple[str, ...]) -> Iterator[Entry]:
    """The keys of one table that are no tables with a section of their own."""
    for key, field in model.model_fields.items():
        if _model(field.annotation) is None:
            yield Entry((*path, key), _kind(field), _default(field), _prose(field.description))


def _model(annotation: object) -> type[BaseModel] | None:
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _kind(field: FieldInfo) -> str:
    kind = _type_in_words(field.annotation)
    least = next((bound.ge for bound in field.metadata if isinstance(bound, Ge)), None)
    most = next((bound.le for bound in field.metadata if isinstance(bound, Le)), None)
    longest = next((bound.max_length for bound in field.metadata if isinstance(bound, MaxLen)), None)
    if least is not None and most is not None:
        return f"{kind}, {least:g} to {most:g}" if isinstance(least, float) else f"{kind}, {least} to {most}"
    if least is not None:
        return f"{kind}, at least {least}"
    return kind if longest is None else f"{kind}, at most {longest}"


def _type_in_words(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _type_in_words(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return " or ".join(_type_in_words(each) for each in get_args(annotation) if each is not NoneType)
    if origin is Literal:
        *others, last = (f"`{each}`" for each in get_args(annotation))
        return f"{', '.join(others)} or {last}"
    if origin is tuple:
        return "list"
    if origin is dict:
        return "table"
    return _WORDS[annotation]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "none"
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def _prose(docstring: str | None) -> str:
    """A docstring in one line of Markdown."""
    return " ".join((docstring or "").split()).replace("``", "`").replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(reference())
