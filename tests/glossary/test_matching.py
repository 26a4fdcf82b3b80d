"""Terms are found as whole words in any case and script, the longest first, and replaced without touching the rest."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.glossary.matching import TermIndex, replace_terms, tokens


def said(text: str, **terms: str) -> str:
    return replace_terms(text, TermIndex([(term.replace("_", " "), value) for term, value in terms.items()]))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("SQL is old.", "sequel is old."),
        ("Old sql!", "Old sequel!"),
        ("MySQL and SQLite and SQL", "MySQL and SQLite and sequel"),
        ("l'SQL, d’SQL", "l'sequel, d’sequel"),
        ("NoSQL-SQL", "NoSQL-sequel"),
        ("sql_server", "sequel_server"),
        ("", ""),
    ],
)
def test_whole_words_in_any_case(text: str, wanted: str) -> None:
    assert said(text, SQL="sequel") == wanted


def test_the_longest_term_wins() -> None:
    terms = {"New York": "niu york", "New York Times": "the paper", "York": "yorrk"}
    assert replace_terms("new york times, New  York, York", TermIndex(terms.items())) == "the paper, niu york, yorrk"


def test_what_was_put_in_is_not_replaced_again() -> None:
    assert replace_terms("a b", TermIndex([("a", "b"), ("b", "a")])) == "b a"


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("La REUNIÓN empieza", "reunión"),
        (unicodedata.normalize("NFD", "La reunión empieza"), "reunión"),
        ("Die STRASSE", "Straße"),
        ("der check in Dienst", "check-in"),
        ("der Check-in Dienst", "check in"),
        ("使用龙曼系统", "龙曼"),
        ("a C++ program", "C++"),
        ("una col·lega nova", "col·lega"),
        ("हिन्दी भाषा", "हिन्दी"),
    ],
)
def test_unicode(text: str, term: str) -> None:
    (match,) = TermIndex([(term, "x")]).find(text)
    assert tokens(text[match.start : match.end]) and match.value == "x"


@pytest.mark.parametrize(("text", "term"), [("reuniones", "reunión"), ("Bordeaux", "eau"), ("हिन्दीभाषा", "हिन्दी")])
def test_no_part_of_a_word(text: str, term: str) -> None:
    assert TermIndex([(term, "x")]).find(text) == []


def test_of_two_terms_with_the_same_words_the_first_counts() -> None:
    (match,) = TermIndex([("Bank", 1), ("BANK", 2)]).find("the bank")
    assert match.value == 1


@given(st.text(), st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=5))
def test_matches_are_in_order_apart_and_within_the_text(text: str, terms: list[tuple[str, str]]) -> None:
    at = 0
    for match in TermIndex(terms).find(text):
        assert at <= match.start < match.end <= len(text)
        at = match.end


@given(st.text())
def test_a_text_without_terms_stays_as_it_is(text: str) -> None:
    assert replace_terms(text, TermIndex([("zzqqzz", "x")])) == text


@given(st.text(alphabet="ab -'", max_size=12))
def test_a_term_is_found_in_itself(term: str) -> None:
    index = TermIndex([(term, 0)])
    assert bool(index.find(f"xx {term} yy")) == bool(tokens(term))


@pytest.mark.parametrize(
    ("text", "term"),
    [("ฉันอยู่ที่กรุงเทพมหานคร", "กรุงเทพ"), ("ພວກເຮົາຢູ່ວຽງຈັນ", "ວຽງຈັນ"), ("我们在北京开会", "北京"), ("東京ガスです", "ガス")],
)
def test_terms_are_found_where_no_space_parts_words(text: str, term: str) -> None:
    (match,) = TermIndex([(term, "x")]).find(text)
    assert text[match.start : match.end] == term


def test_a_letter_keeps_its_marks() -> None:
    assert [token.text for token in tokens("กินที่")] == ["กิ", "น", "ที่"]
    assert TermIndex([("กน", "x")]).find("กินที่") == []
