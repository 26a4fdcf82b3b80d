"""The table of policies is whole, and the document is made of it."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from dragoman.recovery.document import document
from dragoman.recovery.kinds import Action, Kind
from dragoman.recovery.table import TABLE, Row

DOCUMENT = Path(__file__).parents[2] / "docs" / "recovery.md"


def test_every_kind_of_failure_has_one_row() -> None:
    assert [row.kind for row in TABLE] == list(dict.fromkeys(row.kind for row in TABLE))
    assert {row.kind for row in TABLE} == set(Kind)


def test_every_action_is_of_some_kind() -> None:
    assert {action for row in TABLE for action in row.actions} == set(Action)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: str(row.kind))
def test_a_row_says_everything_and_names_what_decides(row: Row) -> None:
    assert row.trigger and row.action and row.limits and row.noticed
    assert row.actions or row.metric
    for name in row.policy.split(", "):
        if "(" in name:
            continue
        module, _, thing = name.rpartition(".")
        assert hasattr(importlib.import_module(f"dragoman.{module}"), thing), name


def test_the_document_is_the_tables() -> None:
    made = document(TABLE)
    assert DOCUMENT.read_text(encoding="utf-8") == made, "run: python -m dragoman.recovery > docs/recovery.md"
