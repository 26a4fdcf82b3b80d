from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.engines.mt.apertium_text import (
    escape,
    is_question,
    is_raw,
    post_edit,
    pre_edit_english,
    take_please,
    unescape,
    with_end,
)


@given(st.text(max_size=50))
def test_escaping_is_undone(text: str) -> None:
    escaped = escape(text)
    assert "\0" not in escaped
    assert unescape(escaped) == " ".join(unescape(escape(" ".join(unescape(escaped).split()))).split())
    if not set(text) & set("~\ufffe\uffff") and text.isprintable():
        assert unescape(escaped) == " ".join(text.split())


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("can you hear me", True),
        ("is the server down", True),
        ("what is the status", True),
        ("what time is it", True),
        ("how many people are coming", False),  # too far for the rule: better a missing mark than a wrong one
        ("have you seen it", True),
        ("have a nice weekend", False),
        ("what we need is time", False),
        ("will power", False),
        ("the price is high", False),
        ("", False),
    ],
)
def test_questions(text: str, question: bool) -> None:
    assert is_question(text.split()) is question


def test_pre_edit() -> None:
    names = {"madrid": "Madrid"}
    assert pre_edit_english("i think i'm in madrid", lambda w: names.get(w, w)) == "I think I'm in Madrid."
    assert pre_edit_english("can you come", lambda w: w) == "Can you come?"
    assert pre_edit_english("  ", lambda w: w) == ""


@pytest.mark.parametrize(
    ("text", "raw"), [("i am here", True), ("I am here", False), ("hello.", False), ("hola ", True)]
)
def test_raw(text: str, raw: bool) -> None:
    assert is_raw(text) is raw


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("please sit down", ("sit down", True)),
        ("Could you repeat that, please?", ("Could you repeat that?", True)),
        ("he was pleased", ("he was pleased", False)),
        ("please", ("please", False)),
    ],
)
def test_please(text: str, expected: tuple[str, bool]) -> None:
    assert take_please(text) == expected


@pytest.mark.parametrize(
    ("text", "target", "please", "expected"),
    [
        ("puede repetirlo?", "es", True, "¿Puede repetirlo, por favor?"),
        ("hola. puede venir?", "es", False, "Hola. ¿puede venir?"),
        ("¿Qué hora es?", "es", False, "¿Qué hora es?"),
        ("¿Quina hora és?", "ca", False, "Quina hora és?"),
        ("bien  .", "es", False, "Bien."),
        ("", "es", True, ""),
        ("sit down", "en", True, "Sit down"),
    ],
)
def test_post_edit(text: str, target: str, please: bool, expected: str) -> None:
    assert post_edit(text, target, please) == expected


def test_with_end() -> None:
    assert with_end("hola ") == ("hola.", True)
    assert with_end("¿hola?") == ("¿hola?", False)
