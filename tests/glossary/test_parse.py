"""A glossary file as people and spreadsheets write it: what loads, what is named by its line; no bytes break it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import ConfigError
from dragoman.glossary.model import Glossary
from dragoman.glossary.parse import MAX_BYTES, MAX_CELL, MAX_TERMS, Parsed, parse_glossary

GOOD = """\
# our words
source\ten\tes\tsaid\tsaid:es\tnote

Dragoman\t\t\t\tDrágoman\tthe product
\tinvoice\tfactura
SQL\t\t\tsequel\tese cu ele
"""


def parse(text: str) -> Parsed:
    return parse_glossary(text.encode(), "g.tsv")


def problems(*rows: str, header: str = "source\ten\tes\tsaid") -> tuple[str, ...]:
    return parse("\n".join((header, *rows))).problems


def check_good(parsed: Parsed) -> None:
    glossary = Glossary(parsed.entries)
    assert parsed.problems == ()
    assert glossary.keyterms("en") == ("Dragoman", "invoice", "SQL")
    assert glossary.pairs("en", "es") == (("Dragoman", "Dragoman"), ("SQL", "SQL"), ("invoice", "factura"))
    assert glossary.say("Dragoman, sql.", "es") == "Drágoman, ese cu ele."
    assert glossary.say("Dragoman, sql.", "en") == "Dragoman, sequel."


@pytest.mark.parametrize(
    "data",
    [
        GOOD.encode(),
        b"\xef\xbb\xbf" + GOOD.encode(),
        GOOD.replace("\n", "\r\n").encode(),
        GOOD.replace("\n", "\r").encode(),
        GOOD.rstrip("\n").encode(),
        GOOD.encode("utf-16"),
        GOOD.replace("\t", ";").encode(),
        GOOD.replace("\t", ",").encode(),
        GOOD.replace("Dragoman\t", '"Dragoman"\t').replace("invoice", '"invoice"').encode(),
        GOOD.replace("en\tes", "English\tespañol").replace("source", "Term").encode(),
        GOOD.replace("factura\n", "factura\t\t\t\t\t\t\n").encode(),
        GOOD.replace("\tinvoice", " \t  invoice ").encode(),
        GOOD.replace("\tinvoice", "\tin\u00advoice\u200b").encode(),
        GOOD.replace("source", "Source term").replace("\tsaid\t", "\tHow it is said\t").encode(),
    ],
    ids=(
        "plain bom crlf cr no-last-newline utf-16 semicolon comma quoted names spare-tabs spaces unseen long-names"
    ).split(),
)
def test_what_editors_and_spreadsheets_save(data: bytes) -> None:
    check_good(parse_glossary(data, "g.tsv"))


def test_a_quoted_cell_may_hold_tab_and_quote() -> None:
    parsed = parse('source\ten\n"a ""big""\tdeal"\tx')
    assert parsed.entries[0].text("es") == 'a "big" deal'


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("\t\t\tjust said", "no term, only how it is said"),
        ("-\t\t\t", "no term"),
        ("a\tb\tc\td\te", r"column 5 has a cell, but the first line names 4 columns"),
        ("a\t!!!", r"column 2 has no word in it: '!!!'"),
        ("a\tx\x07", "column 2 has a control character"),
        ("a" * (MAX_CELL + 1), f"column 1 has {MAX_CELL + 1} characters"),
        ('"open\tb', "is not closed in this line"),
        ('"a"b\tc', "goes on behind it"),
    ],
)
def test_a_wrong_line_is_named_and_the_rest_loads(row: str, says: str) -> None:
    parsed = parse(f"source\ten\tes\tsaid\nfine\n{row}\n\nalso fine")
    assert [entry.text("en") for entry in parsed.entries] == ["fine", "also fine"]
    assert [entry.line for entry in parsed.entries] == [2, 5]
    (problem,) = parsed.problems
    assert problem.startswith("g.tsv line 3: ") and says in problem


def test_bytes_that_are_no_text_cost_their_line() -> None:
    parsed = parse_glossary(b"en\tes\nb\xe4r\toso\nbear\toso", "g.tsv")
    assert len(parsed.entries) == 1
    assert parsed.problems == ("g.tsv line 2: not UTF-8 (invalid continuation byte at byte 1)",)


def test_duplicates_are_named_and_the_first_counts() -> None:
    parsed = parse("source\ten\tes\n\tbank\tbanco\n\tBank\torilla\n\tbench\tbanco")
    assert parsed.problems == (
        "g.tsv line 3: 'Bank' is a term in en in line 2 already; that one counts",
        "g.tsv line 4: 'banco' is a term in es in line 2 already; that one counts",
    )
    glossary = Glossary(parsed.entries)
    assert glossary.pairs("en", "es") == (("bank", "banco"), ("bench", "banco"))
    assert glossary.pairs("es", "en") == (("banco", "bank"), ("orilla", "Bank"))


def test_a_column_nobody_knows_is_named_and_the_rest_loads() -> None:
    parsed = parse("source\tfrnch\tes\tes\tsaid:xx\nhello\tbonjour\thola")
    assert [p.partition(", is not used")[0] for p in parsed.problems] == [
        "g.tsv line 1: column 2, 'frnch'",
        "g.tsv line 1: column 4, 'es'",
        "g.tsv line 1: column 5, 'said:xx'",
    ]
    assert Glossary(parsed.entries).pairs("en", "es") == (("hello", "hola"),)


@pytest.mark.parametrize("text", ["", "# nothing\n\n", "said\tnote\nx\ty", "what is\tthis"])
def test_without_a_usable_header_nothing_counts(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^g\.tsv"):
        parse(text)


def test_bounds() -> None:
    with pytest.raises(ConfigError, match="larger than"):
        parse_glossary(b"en\n" + b"x" * MAX_BYTES, "g.tsv")
    parsed = parse("en\n" + "\n".join(f"term {i}" for i in range(MAX_TERMS + 5)))
    assert len(parsed.entries) == MAX_TERMS
    assert parsed.problems == (f"g.tsv line {MAX_TERMS + 2}: only the first {MAX_TERMS} terms count",)


def test_a_dash_says_that_there_is_no_term_in_this_language() -> None:
    glossary = Glossary(parse("source\tes\tfr\tsaid\tsaid:es\nspam\t-\t\tspamm\t-").entries)
    assert glossary.pairs("en", "es") == ()
    assert glossary.pairs("en", "fr") == (("spam", "spam"),)
    assert glossary.keyterms("es") == ()


@given(st.binary(max_size=400))
def test_no_bytes_break_it(data: bytes) -> None:
    try:
        parsed = parse_glossary(data, "g.tsv")
    except ConfigError as error:
        assert str(error).startswith("g.tsv")
    else:
        Glossary(parsed.entries).pairs("en", "es")


CELL = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=10)


@given(st.lists(st.lists(CELL, min_size=1, max_size=6), max_size=10))
def test_every_line_loads_or_is_named(rows: list[list[str]]) -> None:
    parsed = parse("source\ten\tes\n" + "\n".join("\t".join(row) for row in rows))
    lines = {entry.line for entry in parsed.entries}
    named = {int(problem.removeprefix("g.tsv line ").partition(":")[0]) for problem in parsed.problems}
    for number, row in enumerate(rows, start=2):
        text = "\t".join(row)
        blank = not text.strip(" \t;,") or not text.strip() or text.lstrip(' \t"').startswith("#")
        assert blank or number in lines | named
