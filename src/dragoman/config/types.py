"""Types of single settings, with what each accepts and what it says to the rest."""

from __future__ import annotations

import json
import re
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo
from pydantic_settings import NoDecode

from dragoman.config.errors import suggest
from dragoman.languages import LANGUAGES


class Section(BaseModel):
    """A table of the file: no unknown keys, never changed after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def split_list(value: object) -> object:
    """A list in the environment: ``en,es`` as well as ``["en", "es"]``."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text.startswith("["):
        try:
            return json.loads(text)
        except ValueError:
            raise ValueError('write it as en,es or as JSON, ["en", "es"]') from None
    return [item.strip() for item in text.split(",") if item.strip()]


def no_bool(value: object) -> object:
    """Refuse ``true`` for a number, which Python would take for 1."""
    if isinstance(value, bool):
        raise ValueError("should be a number")
    return value


def unique(values: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse a list that names something twice."""
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"named twice: {', '.join(twice)}")
    return values


def _ipv4(value: str) -> str:
    try:
        return str(IPv4Address(value))
    except ValueError:
        raise ValueError("should be an IPv4 address of this host such as 127.0.0.1 or 192.0.2.7") from None


def _engine_name(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*|[A-Za-z_][\w.]*:[A-Za-z_]\w*", value, re.ASCII):
        raise ValueError(
            "should be a registered name such as espeak (dragoman engines lists them) or package.module:Class"
        )
    return value


def language(value: str) -> str:
    """Refuse a language that callers cannot choose."""
    if value not in LANGUAGES:
        raise ValueError(f"{value!r} is no language{suggest(value, LANGUAGES)}")
    return value


def language_pair(value: str) -> str:
    """Refuse what is not two different languages that callers can choose, such as ``en-vi``."""
    source, dash, target = value.partition("-")
    if not dash:
        raise ValueError(f"{value!r} should be a pair: the language spoken and the one heard, such as en-vi")
    if language(source) == language(target):
        raise ValueError(f"{value!r} should be a pair of two languages")
    return value


Port = Annotated[int, BeforeValidator(no_bool), Field(ge=0, le=65535)]
Ipv4 = Annotated[str, AfterValidator(_ipv4)]
EngineNames = Annotated[
    tuple[Annotated[str, AfterValidator(_engine_name)], ...],
    NoDecode,
    BeforeValidator(split_list),
    Field(min_length=1),
    AfterValidator(unique),
]


def secret(value: object, info: ValidationInfo, *, key: str) -> object:
    """The secret itself, or what its ``*_file`` holds."""
    path = info.data.get(f"{key}_file")
    if path is None:
        return value
    if value is not None:
        raise ValueError(f"{key} and {key}_file are both set; keep one")
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{key}_file {path} cannot be read: {error}") from None
    if not text:
        raise ValueError(f"{key}_file {path} is empty")
    return text
