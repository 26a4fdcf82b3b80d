"""The phrase file: whatever is in it, wrong lines are named and the rest counts."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dragoman.engines.phrases import (
    MAX_BYTES,
    PhraseTable,
    default_path,
    load_table,
    parse_table,
    tokens,
    without_accents,
)
from dragoman.errors import ConfigError

words = st.text(alphabet="abcdeáñç'·", min_size=1, max_size=6).filter(tokens)


def table(text: str) -> PhraseTable:
    return parse_table(text.encode(), "x.tsv")


def test_a_good_file() -> None:
    read = table("# about\n\nen\tes\nGood morning.\tBuenos días.\r\nOnly English.\t\n")
    assert read.languages == ("en", "es")
    assert read.problems == ()
    assert [dict(phrase.texts) for phrase in read.phrases] == [
        {"en": "Good morning.", "es": "Buenos días."},
        {"en": "Only English."},
    ]
    assert [phrase.line for phrase in read.phrases] == [4, 5]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"a\tb\tc", "x.tsv line 2: 3 columns, but 2 languages"),
        (b"...\tb", "x.tsv line 2: column 1 has no word in it: '...'"),
        (b"a\xff\tb", "x.tsv line 2: not UTF-8 (invalid start byte at byte 1)"),
        (b"a\x1bb\tb", "x.tsv line 2: column 1 has a control character in it"),
    ],
)
def test_a_wrong_line_is_named_and_the_rest_counts(line: bytes, problem: str) -> None:
    read = parse_table(b"en\tes\n" + line + b"\nYes.\tS\xc3\xad.\n", "x.tsv")
    assert read.problems == (problem,)
    assert [phrase.texts["es"] for phrase in read.phrases] == ["Sí."]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no line names the languages"),
        ("# only a comment\n", "no line names the languages"),
        ("Good morning.\tBuenos días.\n", "x.tsv line 1: unknown language 'Good morning.'"),
        ("en\ten\n", "x.tsv line 1: a language comes twice"),
    ],
)
def test_no_usable_header(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        table(text)


def test_a_byte_order_mark_is_no_word() -> None:
    assert parse_table(b"\xef\xbb\xbfen\tes\nYes.\tSi.\n", "x.tsv").languages == ("en", "es")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.tsv: No such file"):
        load_table(tmp_path / "nothing.tsv")
    (tmp_path / "big.tsv").write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(ConfigError, match="larger than"):
        load_table(tmp_path / "big.tsv")


@given(st.binary(max_size=300))
@example(b"en\tes\n\t\n")
@example(b"en\n\x00\n")
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        read = parse_table(data, "x.tsv")
    except ConfigError:
        return
    assert set(read.languages)
    for phrase in read.phrases:
        assert phrase.texts
        assert all(tokens(text) for text in phrase.texts.values())


@given(st.text(max_size=60))
def test_tokens_are_their_own_tokens(text: str) -> None:
    once = tokens(text)
    assert tokens(" ".join(once)) == once
    assert all(" " not in word and word for word in once)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("¿Cómo está usted?", ("cómo", "está", "usted")),
        ("Let’s go!", ("let's", "go")),
        ("D'acord, excel·lent", ("d'acord", "excel·lent")),
        ("vint-i-cinc", ("vint", "i", "cinc")),
        ("co\N{COMBINING ACUTE ACCENT}mo", ("cómo",)),
        ("'quoted'", ("quoted'",)),
    ],
)
def test_tokens(text: str, expected: tuple[str, ...]) -> None:
    assert tokens(text) == expected


@given(st.lists(st.lists(words, min_size=1, max_size=4), min_size=1, max_size=8), st.data())
def test_phrases_said_one_after_the_other_are_found(sentences: list[list[str]], data: st.DataObject) -> None:
    column = table("en\n" + "".join(" ".join(each) + "\n" for each in sentences)).column("en")
    said = data.draw(st.lists(st.sampled_from(sentences), min_size=1, max_size=4))
    spoken = tokens(" ".join(" ".join(each) for each in said))
    found = column.parse(spoken)
    assert found is not None
    assert len(found) <= len(said)
    assert [w for p in found for w in map(without_accents, tokens(p.texts["en"]))] == [*map(without_accents, spoken)]


def test_parse_prefers_accents_and_the_fewest_phrases() -> None:
    column = table("es\nsi\nsí\nsí señor\nseñor\n").column("es")

    def found(text: str) -> list[str] | None:
        phrases = column.parse(tokens(text))
        return None if phrases is None else [phrase.texts["es"] for phrase in phrases]

    assert found("sí") == ["sí"]
    assert found("si") == ["si"]
    assert found("Sí, señor.") == ["sí señor"]
    assert found("SI SENOR") == ["sí señor"]
    assert found("sí caballero") is None
    assert found("") is None


class TestShippedFile:
    shipped = load_table(default_path())

    def test_it_is_clean(self) -> None:
        assert self.shipped.problems == ()
        assert {"en", "es", "ca"} <= set(self.shipped.languages)
        assert all(len(phrase.texts) == len(self.shipped.languages) for phrase in self.shipped.phrases)
        assert len(self.shipped.phrases) >= 60

    @pytest.mark.parametrize("language", ["en", "es", "ca"])
    def test_its_sentences_differ_in_more_than_one_word(self, language: str) -> None:
        spoken = [set(tokens(text)) for text in self.shipped.column(language).texts]
        assert len(spoken) == len(self.shipped.phrases)
        assert [(one, other) for one, other in combinations(spoken, 2) if len(one ^ other) < 2] == []
