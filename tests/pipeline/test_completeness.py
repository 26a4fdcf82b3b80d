"""Pins when a clause looks complete enough to be translated before its final."""

from __future__ import annotations

import pytest
from tests.pipeline.test_clause import sentence

from dragoman.media.format import ms_to_samples
from dragoman.pipeline.clause import Clause
from dragoman.pipeline.completeness import Completeness, Ears, looks_unfinished

END = ms_to_samples(2000)
"""Where the last word ends."""


def clause(text: str) -> Clause:
    return Clause("leg", 0, "en", text, 0, END)


def ears(*, upto: int = 0, heard: int = 0, end: int = 250, pause: int = -5000) -> Ears:
    """Milliseconds behind the last word."""
    return Ears(*(END + ms_to_samples(by) for by in (upto, heard, end, pause)))


def complete(text: str, at: Ears, *, times: int = 1) -> bool:
    judge = Completeness("en")
    for _ in range(times):
        judged = judge.judge([clause(text)], at)
    return judged[0].complete


@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [
        ("we are done", ears(), True),
        ("We are done.", ears(), True),
        ("we are done", ears(end=40), False),  # that may be a stop consonant
        ("we are done", ears(upto=300, heard=700, end=900), False),  # he said more than the partial holds
        ("we are done", ears(upto=690, heard=700, end=900), False),  # the word that he said last may be told late
        ("we are done", ears(upto=860, heard=700, end=900), True),  # a cough, and the partial holds all of it
        ("we are done", ears(heard=900, end=900, pause=40), True),  # he goes on behind a breath
        ("we are done", ears(heard=900, end=900, pause=400), False),  # a breath, but behind something else
        ("what we are done with,", ears(heard=900, end=900, pause=40), False),  # not where clauses are whole sentences
        ("we are done because", ears(), False),
        ("we are done with the", ears(), False),
        ("well,", ears(), False),
        ("That is what it is for. So.", ears(), True),
        ("…", ears(), False),
    ],
)
def test_silence_behind_all_that_was_said_makes_it_complete(text: str, at: Ears, expected: bool) -> None:
    assert complete(text, at) is expected


@pytest.mark.parametrize(("upto", "times", "expected"), [(750, 2, True), (750, 1, False), (300, 2, False)])
def test_on_a_noisy_line_it_is_complete_when_it_stays_the_same(upto: int, times: int, expected: bool) -> None:
    assert complete("we are done", ears(upto=upto, heard=1200, end=1200), times=times) is expected


@pytest.mark.parametrize(
    ("text", "expected"), [("what we have done today,", True), ("we are done,", False), ("what we say is that,", False)]
)
def test_a_breath_at_a_comma_ends_a_clause_that_is_long_enough(text: str, expected: bool) -> None:
    judge = Completeness("en", by_clause=True)
    assert judge.judge([clause(text)], ears(heard=900, end=900, pause=40))[0].complete is expected


def test_without_a_vad_silence_proves_nothing() -> None:
    at = Ears(END, 0, END + ms_to_samples(250))
    assert not complete("we are done", at)


def test_what_is_followed_by_more_is_complete_and_the_rest_is_judged() -> None:
    judged = Completeness("en").judge([clause("It rains."), clause("take the")], ears())
    assert [each.complete for each in judged] == [True, False]
    assert Completeness("en").judge([], ears()) == ()


def test_a_change_begins_the_count_again() -> None:
    judge, noisy = Completeness("en"), ears(upto=750, heard=1200, end=1200)
    seen = [judge.judge([clause(text)], noisy)[0].complete for text in ("one two", "one three", "one two", "One two.")]
    assert seen == [False, False, False, True]


def test_who_pauses_behind_an_article_has_more_to_say() -> None:
    assert looks_unfinished(sentence("we need the"), "en")
    assert not looks_unfinished(sentence("we need it"), "en")
    assert not looks_unfinished(sentence("we need the"), "xx")
    assert not looks_unfinished((), "en")


def test_who_pauses_at_a_comma_may_have_said_a_clause() -> None:
    assert looks_unfinished(sentence("well, we see,"), "en")
    assert not looks_unfinished(sentence("we have brought them up,"), "en")
    assert looks_unfinished(sentence("we have brought them up and,"), "en")
