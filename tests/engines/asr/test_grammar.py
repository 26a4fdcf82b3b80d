from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from dragoman.engines.asr.grammar import build, vocabulary
from dragoman.engines.phrases import tokens

texts = st.lists(st.text(alphabet="abc-é.¿ ", min_size=1, max_size=20), max_size=6)


def test_a_sentence_of_its_own_tokens() -> None:
    lexicon = {"yes": [("Y", "EH", "S")], "twenty": [("T",), ("D",)], "five": [("F",)]}
    grammar = build(["Yes!", "Twenty-five – yes.", "No."], lexicon)
    assert grammar is not None
    assert grammar.written == {"p0w0": "Yes!", "p1w0": "Twenty-five –", "p1w1": "yes."}
    assert grammar.dictionary == "p0w0 Y EH S\np1w0 T F\np1w0(2) D F\np1w1 Y EH S\n"
    assert "<one> = p0w0 | p1w0 p1w1;" in grammar.jsgf
    assert grammar.left_out == ("No.",)


def test_nothing_to_know() -> None:
    assert build([], {}) is None
    assert build(["Yes."], {}) is None


@given(texts)
def test_what_is_written_gives_the_sentences_back(sentences: list[str]) -> None:
    lexicon = {word: [("AA",)] for word in vocabulary(sentences)}
    grammar = build(sentences, lexicon)
    spoken = [text for text in sentences if tokens(text)]
    if grammar is None:
        assert not spoken
        return
    rules = re.search(r"<one> = (.*);", grammar.jsgf)
    assert rules is not None
    back = [" ".join(grammar.written[name] for name in rule.split()) for rule in rules[1].split(" | ")]
    assert back == [" ".join(text.split()) for text in spoken]
    assert {line.split()[0] for line in grammar.dictionary.splitlines()} == set(grammar.written)
