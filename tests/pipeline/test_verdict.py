"""The verdict of the attacks on the ledger: a missing word is a failure, unless a gap was marked where it lay."""

from __future__ import annotations

import pytest
from tests.pipeline.verdict import Verdict, judge

from dragoman.engines.base import Word

SAID = [Word(text, at, at + 90) for text, at in (("no", 0), ("no", 100), ("we", 200), ("go", 300))]


@pytest.mark.parametrize(
    ("told", "gaps", "verdict"),
    [
        ("no no we go", [], Verdict(0, 0, 0)),
        ("no no we go", [(0, 400)], Verdict(0, 0, 0)),
        ("no we go", [], Verdict(1, 0, 0)),
        ("no we go", [(95, 195)], Verdict(0, 1, 0)),
        ("no we go", [(-50, 95)], Verdict(0, 1, 0)),  # which "no" it was nobody can tell
        ("no we go", [(295, 400)], Verdict(1, 0, 0)),
        ("no no go", [(0, 95)], Verdict(1, 0, 0)),
        ("no no we go", [(200, 205)], Verdict(0, 0, 0)),
        ("no no go", [(200, 205)], Verdict(1, 0, 0)),  # most of it was outside
        ("no no no we go", [(0, 400)], Verdict(0, 0, 1)),
        ("no no he go", [], Verdict(1, 0, 1)),
        ("no no he go", [(195, 295)], Verdict(0, 1, 1)),
        ("", [(0, 250)], Verdict(1, 3, 0)),
    ],
)
def test_what_became_of_the_words(told: str, gaps: list[tuple[int, int]], verdict: Verdict) -> None:
    assert judge(SAID, told.split(), gaps) == verdict
    assert verdict.good == (not verdict.lost and not verdict.doubled)
