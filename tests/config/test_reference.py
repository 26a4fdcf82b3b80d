"""The reference of the settings is made from the code, says something of every key, and names true variables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field

from dragoman import config
from dragoman.config import Settings
from dragoman.config.reference import Entry, entries_of, reference, tables
from dragoman.config.types import Section
from dragoman.errors import ConfigError

DOCUMENT = Path(__file__).parents[2] / "docs" / "configuration.md"

ENTRIES = [entry for path, model in tables(Settings) for entry in entries_of(model, path)]
FIXED = [entry for entry in ENTRIES if "NAME" not in entry.path]


def test_the_document_is_the_one_that_the_code_makes() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == reference(), "make docs"


def test_every_table_and_every_key_says_what_it_is_for() -> None:
    assert [path for path, model in tables(Settings) if not model.__doc__] == []
    # BaseModel has a docstring of its own, which a table without one would inherit.
    assert [path for path, model in tables(Settings) if model.__doc__ in (BaseModel.__doc__, Section.__doc__)] == []
    assert [".".join(entry.path) for entry in ENTRIES if not entry.meaning] == []


def environ_of(entry: Entry) -> dict[str, str]:
    """The variable with the default that the reference gives, written as an operator would."""
    value: Any = json.loads(entry.default.strip("`"))
    return {entry.variable: value if isinstance(value, str) else json.dumps(value)}


@pytest.mark.parametrize(
    "entry", [entry for entry in FIXED if entry.default != "none"], ids=lambda entry: entry.variable
)
def test_the_variable_takes_the_default(entry: Entry) -> None:
    assert config.validate({}, environ_of(entry)) == Settings()


@pytest.mark.parametrize(
    "entry", [entry for entry in FIXED if "number" in entry.kind], ids=lambda entry: entry.variable
)
def test_a_wrong_value_is_refused_by_the_name_of_the_variable(entry: Entry) -> None:
    with pytest.raises(ConfigError, match=entry.variable):
        config.validate({}, {entry.variable: "much"})


def test_a_table_by_name_is_set_as_the_reference_says() -> None:
    settings = config.validate({}, {"DRAGOMAN_ENGINES__PAIRS": '{"en-vi": {"translators": ["deepl"]}}'})
    assert settings.engines.pairs["en-vi"].translators == ("deepl",)
    assert '`DRAGOMAN_ENGINES__PAIRS=\'{"en-vi": {"translators": ["deepl"]}}\'`' in reference()


class _Inner(Section):
    """A table."""

    half: float = Field(default=0.5, ge=0.0, le=1.0)
    """A | in ``code``."""
    names: dict[str, int] = Field(default_factory=dict)
    """No table with a model."""
    must: str


def test_what_is_said_of_a_key() -> None:
    half, names, must = entries_of(_Inner, ("inner",))
    assert half == Entry(("inner", "half"), "number, 0 to 1", "`0.5`", "A \\| in `code`.")
    assert half.variable == "DRAGOMAN_INNER__HALF"
    assert (names.kind, names.default) == ("table", "`{}`")
    assert (must.default, must.meaning) == ("required", "")
