"""Mending: nothing is missing afterwards, only a wrong figure was taken out, and doing it again changes nothing."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.guard.figures import PERCENT, Amount, Date, Time, Value
from dragoman.guard.form import written
from dragoman.guard.mend import MAX_TEXT, Clause, check, mend, warm_up
from dragoman.guard.reader import read
from dragoman.languages import LANGUAGES

WORDS = {
    "en": "the meeting is about houses and people who came late because of rain".split(),
    "es": "la reunión trata de casas y gente que llegó tarde por culpa del mal tiempo".split(),
    "fr": "la réunion parle de maisons et de gens venus tard à cause du temps".split(),
    "de": "die Sitzung handelt von Häusern und Leuten welche spät kamen wegen Regen".split(),
    "pt": "a reunião trata de casas e gente que chegou tarde por causa da chuva".split(),
    "it": "la riunione parla di case e gente che arrivava tardi per colpa del tempo".split(),
    "ca": "la reunió tracta de cases i gent que va arribar tard per culpa del temps".split(),
}

VALUES = st.one_of(
    st.builds(Amount, st.integers(2, 10**7).map(Decimal), st.sampled_from([None, PERCENT, "EUR", "USD"])),
    st.builds(Amount, st.decimals(2, 10**5, places=2), st.sampled_from([None, PERCENT, "EUR"])),
    st.builds(Date, st.integers(1, 12), st.integers(1, 28), st.none() | st.integers(1900, 2100)),
    st.builds(Time, st.integers(13, 23), st.integers(0, 59), st.just(True)),
)
LANGUAGE = st.sampled_from(sorted(WORDS))


@st.composite
def sentences(draw: st.DrawFn, language: str) -> str:
    """Words of a language with some figures between them."""
    pieces: list[str] = []
    for _ in range(draw(st.integers(0, 3))):
        pieces += draw(st.lists(st.sampled_from(WORDS[language]), min_size=1, max_size=4))
        pieces.append(written(draw(VALUES), language))
    pieces += draw(st.lists(st.sampled_from(WORDS[language]), min_size=1, max_size=4))
    return " ".join(pieces) + draw(st.sampled_from([".", "", "?", "…"]))


@st.composite
def translations(draw: st.DrawFn) -> tuple[Clause, str]:
    """A clause and a sentence of another language that is no translation of it."""
    source, target = draw(LANGUAGE), draw(LANGUAGE)
    return Clause(draw(sentences(source)), source, target), draw(sentences(target))


@given(translations())
@settings(max_examples=300)
def test_mended_text_lacks_nothing_and_is_not_mended_again(given_: tuple[Clause, str]) -> None:
    clause, translation = given_
    done = mend(clause, translation)
    assert done.whole and not check(clause, done.text), done.text
    again = mend(clause, done.text)
    assert (again.text, again.put) == (done.text, ())


@given(translations())
@settings(max_examples=300)
def test_no_other_word_is_taken_out(given_: tuple[Clause, str]) -> None:
    clause, translation = given_
    kept = list(translation)
    for figure in reversed(read(translation, clause.target)):
        kept[figure.start : figure.end] = " " * (figure.end - figure.start)
    rest = iter(re.findall(r"\w+", mend(clause, translation).text))
    for word in re.findall(r"\w+", "".join(kept)):
        assert word in rest, word


@given(st.text(max_size=60), st.text(max_size=60), LANGUAGE, LANGUAGE)
def test_no_text_breaks_it(text: str, translation: str, source: str, target: str) -> None:
    clause = Clause(text, source, target)
    done = mend(clause, translation)
    assert done.whole == (not check(clause, done.text))
    if not check(clause, translation):
        assert done.text == translation


@given(VALUES, LANGUAGE, LANGUAGE)
def test_one_wrong_figure_is_replaced_where_it_stands(value: Value, source: str, target: str) -> None:
    wrong = {Amount: Amount(Decimal(1_234_567), getattr(value, "unit", None)), Date: Date(6, 30, 1850)}.get(
        type(value), Time(12, 59, True)
    )
    text, other = written(value, source), written(wrong, target)
    clause = Clause(f"aaa {text} bbb", source, target)
    translation = f"ccc {other} ddd."
    if check(clause, translation):
        assert "(" not in mend(clause, translation).text


TERMS = (("Dragoman", "Dragoman"), ("invoice", "factura"), ("New York", "Nueva York"))


@pytest.mark.parametrize(
    ("text", "translation", "mended"),
    [
        ("The invoice came.", "La factura llegó.", None),
        ("The INVOICE came.", "Las facturas llegaron.", None),
        ("The invoice came.", "La cuenta llegó.", "La cuenta llegó (factura)."),
        ("The invoice came.", "La invoice llegó.", "La factura llegó."),
        ("Dragoman is here.", "El intérprete está aquí.", "El intérprete está aquí (Dragoman)."),
        ("From New York with 5 people", "Con gente", "Con gente (5; Nueva York)"),
        ("From new york.", "Desde New York.", "Desde Nueva York."),
        ("Nothing of it.", "Nada.", None),
    ],
)
def test_terms(text: str, translation: str, mended: str | None) -> None:
    clause = Clause(text, "en", "es", TERMS)
    done = mend(clause, translation)
    assert done.whole
    assert done.text == (translation if mended is None else mended)


def test_a_term_with_another_accent_or_an_ending_stands() -> None:
    clause = Clause("Peter and Jose", "en", "de", (("Peter", "Peter"), ("Jose", "José")))
    assert not check(clause, "Peters Haus, und Jose")


def test_a_decomposed_text_is_read_and_mended() -> None:
    text = unicodedata.normalize("NFD", "Costó demasiado.")
    assert mend(Clause("It cost 50 euros.", "en", "es"), text).text == "Costó demasiado (50\u00a0€)."


def test_what_is_too_long_to_be_read_in_time_is_passed_as_it_is() -> None:
    clause = Clause("five " * (MAX_TEXT // 5), "en", "es")
    assert not check(clause, "x" * (MAX_TEXT + 1))
    assert check(clause, "x" * MAX_TEXT)


def test_a_place_that_cannot_take_another_figure_is_left_alone() -> None:
    clause = Clause("It takes three and a half hours.", "en", "es")
    assert mend(clause, "Tarda dos horas y media.").text == "Tarda dos horas y media (3,5)."


def test_every_language_can_be_warmed_up() -> None:
    warm_up([*LANGUAGES, "xx"])


def test_without_closing_marks_and_within_brackets() -> None:
    clause = Clause("There are 50.", "en", "es")
    assert mend(clause, "").text == "(50)"
    assert mend(clause, "Sí").text == "Sí (50)"
    assert mend(clause, "Sí (claro)").text == "Sí (claro) (50)"
    assert mend(clause, "¿«Sí»?  ").text == "¿«Sí (50)»?  "
