"""What the guard lets pass and what it mends, language by language: the tables of cases.py and the phrase file."""

from __future__ import annotations

from itertools import permutations

import pytest
from tests.guard.cases import BAD, GOOD

from dragoman.engines.phrases import default_path, load_table
from dragoman.guard.mend import Clause, check, mend

PASSES = [
    (text, source, target, translation)
    for (one, other), rows in GOOD.items()
    for a, b in rows
    for text, source, target, translation in ((a, one, other, b), (b, other, one, a))
]

MENDS = [
    (text, source, target, wrong, mended) for (source, target), rows in BAD.items() for text, wrong, mended in rows
]


@pytest.mark.parametrize(("text", "source", "target", "translation"), PASSES)
def test_a_right_translation_lacks_nothing(text: str, source: str, target: str, translation: str) -> None:
    lack = check(Clause(text, source, target), translation)
    assert not lack, lack.figures.missing
    assert mend(Clause(text, source, target), translation).text == translation


@pytest.mark.parametrize(("text", "source", "target", "wrong", "mended"), MENDS)
def test_a_wrong_translation_is_mended(text: str, source: str, target: str, wrong: str, mended: str) -> None:
    clause = Clause(text, source, target)
    assert check(clause, wrong)
    done = mend(clause, wrong)
    assert (done.text, done.whole) == (mended, True)
    assert done.put and all(put in mended for put in done.put)


def test_the_phrase_file_raises_no_false_alarm() -> None:
    """Its sentences are translated by people: 384 pairs of every two languages."""
    alarms = [
        (text, phrase.texts[target])
        for phrase in load_table(default_path()).phrases
        for source, target in permutations(phrase.texts, 2)
        if check(Clause(text := phrase.texts[source], source, target), phrase.texts[target])
    ]
    assert alarms == []
