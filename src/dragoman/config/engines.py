"""The settings of the engines: which, in which order, for which language, with which options."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from dragoman.config.cache import CacheSettings
from dragoman.config.errors import suggest
from dragoman.config.types import EngineNames, Section, language, language_pair

ENGINE_GROUP = "dragoman.engines"


class LanguageEngines(Section):
    """Engines for one language instead of those for all; an empty list: the same as for all."""

    recognizers: EngineNames = ()
    """Who hears this language."""
    synthesizers: EngineNames = ()
    """Who speaks it."""


class PairEngines(Section):
    """Engines for one pair of languages instead of those for all."""

    translators: EngineNames
    """Who translates this pair."""


class EnginesSettings(Section):
    """Which engines, in order: the first that knows a language is used, the next ones are its fallback."""

    recognizers: EngineNames = ("pocketsphinx",)
    """Who hears callers."""
    translators: EngineNames = ("phrasebook", "apertium")
    """Who translates."""
    synthesizers: EngineNames = ("espeak",)
    """Who speaks the translations."""
    languages: dict[Annotated[str, AfterValidator(language)], LanguageEngines] = Field(default_factory=dict)
    """By ISO 639-1 code."""
    pairs: dict[Annotated[str, AfterValidator(language_pair)], PairEngines] = Field(default_factory=dict)
    """By pair, written ``en-vi``."""
    options: dict[str, dict[str, Any]] = Field(default_factory=dict, repr=False)  # may hold keys, as plain texts
    """Per engine, a table that the engine itself checks."""
    cache: CacheSettings = CacheSettings()
    """The translations kept."""

    @field_validator("options")
    @classmethod
    def _for_an_engine(cls, value: dict[str, dict[str, Any]], info: ValidationInfo) -> dict[str, dict[str, Any]]:
        known = _listed(info.data) | {entry.name for entry in entry_points(group=ENGINE_GROUP)}
        for name in value:
            if name not in known:
                raise ValueError(f"no engine is called {name!r}{suggest(name, known)}")
        return value

    @property
    def unlisted_options(self) -> dict[str, dict[str, Any]]:
        """Option tables of engines that no list names: nothing reads them."""
        listed = _listed(dict(self))
        return {name: table for name, table in self.options.items() if name not in listed}


def _listed(settings: Mapping[str, Any]) -> set[str]:
    """Names in any list, of the sections as far as they could be read."""
    listed = {name for key in ("recognizers", "translators", "synthesizers") for name in settings.get(key, ())}
    listed |= {name for own in settings.get("languages", {}).values() for name in own.recognizers + own.synthesizers}
    return listed | {name for own in settings.get("pairs", {}).values() for name in own.translators}
