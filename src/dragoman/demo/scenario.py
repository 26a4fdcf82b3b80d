"""The demo's meeting as it is written in ``demo.toml``: who takes part, in which language and voice, who says what."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from dragoman.config.errors import suggest
from dragoman.config.types import no_bool
from dragoman.demo.voices import Voice
from dragoman.errors import ConfigError
from dragoman.languages import LANGUAGES

MAX_PEOPLE = 12
"""Phones at once, on one host together with Asterisk and the engines."""

MAX_TURNS = 200
"""Half an hour of talk: more is no demo."""

FIRST_CALLER = 2001
"""Number of the first person's phone; the next ones follow."""

FLITE_LANGUAGE = "en"
"""flite's voices speak English only."""


def _language(code: str) -> str:
    if code not in LANGUAGES:
        raise ValueError(f"{code!r} is not known{suggest(code, LANGUAGES)}")
    return code


def _voice(text: str) -> str:
    try:
        Voice.parse(text)
    except ConfigError as error:
        raise ValueError(str(error)) from None
    return text


Seconds = Annotated[float, Field(ge=0.0, le=60.0)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Person(_Table):
    """Somebody with a phone. Without a voice he only listens."""

    name: str = Field(min_length=1, max_length=40, pattern=r'^[^"<>\\\x00-\x1f]+$')
    """Shown as the caller's name, so it must fit a SIP header."""
    language: Annotated[str, AfterValidator(_language)]
    voice: Annotated[str, AfterValidator(_voice)] | None = None
    dial: str | None = Field(default=None, pattern=r"^[0-9*#]+$")
    """What he dials; room*calling-code of his language when not given."""

    @model_validator(mode="after")
    def _speaks_it(self) -> Person:
        if self.voice is not None and Voice.parse(self.voice).engine == "flite" and self.language != FLITE_LANGUAGE:
            raise ValueError(
                f"voice {self.voice} speaks English only, and {self.name} speaks {self.language}: "
                f"want espeak:{LANGUAGES[self.language].espeak}"
            )
        return self

    def number(self, room: str) -> str:
        """The digits this person's phone dials."""
        return self.dial or f"{room}*{LANGUAGES[self.language].calling_code}"


class Turn(_Table):
    """One thing that one person says."""

    speaker: str
    text: str = Field(min_length=1, max_length=500)
    start: Literal["after", "over"] = "after"
    """``after``: when the turn before was said and heard in every language; ``over``: while that one still sounds."""
    over_s: Seconds = 1.0
    """With ``over``: seconds after the turn before began."""

    @field_validator("text")
    @classmethod
    def _says_something(cls, value: str) -> str:
        if not any(letter.isalnum() for letter in value):
            raise ValueError("says nothing")
        return value.strip()


class Scenario(_Table):
    """The whole meeting."""

    room: str = Field(default="1000", pattern=r"^[0-9]{1,10}$")
    pause_s: Seconds = 0.8
    """Silence between the end of an interpretation and the next turn, seconds."""
    patience_s: Annotated[float, Field(ge=1.0, le=300.0)] = 20.0
    """Silence after which a turn's interpretation is waited for no more, and the meeting goes on, seconds."""
    recognized: Annotated[float, Field(gt=0.0, le=1.0)] = 0.5
    """Share of a turn's words that the captions must have for the turn not to count as lost: recognisers err."""
    people: tuple[Person, ...] = Field(min_length=2, max_length=MAX_PEOPLE)
    turns: tuple[Turn, ...] = Field(min_length=1, max_length=MAX_TURNS)

    @field_validator("pause_s", "patience_s", "recognized", mode="before")
    @classmethod
    def _number(cls, value: object) -> object:
        return no_bool(value)

    @model_validator(mode="after")
    def _makes_sense(self) -> Scenario:
        names = [person.name for person in self.people]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"people: two are called {twice[0]!r}")
        if len(self.languages) < 2:
            raise ValueError("people: all speak one language, so there is nothing to interpret")
        for number, turn in enumerate(self.turns):
            where = f"turns[{number}]"
            if turn.speaker not in names:
                raise ValueError(f"{where}.speaker: nobody is called {turn.speaker!r}{suggest(turn.speaker, names)}")
            if self.person(turn.speaker).voice is None:
                raise ValueError(f"{where}.speaker: {turn.speaker} has no voice; set voice in his [[people]] table")
            if turn.start == "over" and number == 0:
                raise ValueError(f"{where}.start: the first turn cannot be over another")
            if turn.start == "over" and self.turns[number - 1].speaker == turn.speaker:
                raise ValueError(f"{where}.start: {turn.speaker} cannot speak over himself")
        return self

    @property
    def languages(self) -> tuple[str, ...]:
        """The meeting's languages, in the order in which people bring them."""
        return tuple(dict.fromkeys(person.language for person in self.people))

    @property
    def speakers(self) -> tuple[Person, ...]:
        """Those who say something, in the order of the people."""
        speaking = {turn.speaker for turn in self.turns}
        return tuple(person for person in self.people if person.name in speaking)

    def caller(self, name: str) -> str:
        """The number that this person calls from."""
        return str(FIRST_CALLER + [person.name for person in self.people].index(name))

    def person(self, name: str) -> Person:
        """The one of that name.

        Raises:
            KeyError: nobody is called that.
        """
        for person in self.people:
            if person.name == name:
                return person
        raise KeyError(name)


def load(path: Path) -> Scenario:
    """Read and check a script.

    Raises:
        ConfigError: one line for each thing that is wrong: the file, the key, what would be right.
    """
    try:
        data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None
    try:
        return Scenario.model_validate(data)
    except ValidationError as error:
        raise ConfigError("\n".join(f"{path}: {_explain(detail)}" for detail in error.errors())) from None


def _explain(detail: ErrorDetails) -> str:
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in detail["loc"]).lstrip(".")
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        tables: dict[str, type[BaseModel]] = {"people": Person, "turns": Turn}
        model = tables.get(str(detail["loc"][0]), Scenario) if len(detail["loc"]) > 1 else Scenario
        message = f"unknown key{suggest(str(detail['loc'][-1]), model.model_fields)}"
    elif detail["type"] in ("string_pattern_mismatch", "string_too_long"):
        message = f"{detail['input']!r}: {message}"
    return f"{key}: {message}" if key else message
