from __future__ import annotations

import pytest
from tests.tonewords.code import Source
from tests.tonewords.decode import HeardWord
from tests.tonewords.verdict import judge, timeline

ANA = Source("a", True)
BOB = Source("b", True)


def heard(*texts: str | None, source: Source = ANA) -> list[HeardWord]:
    return [HeardWord(source, text, 0.4 * i, 0.4 * i + 0.3, -20.0, 1.0) for i, text in enumerate(texts)]


def texts(words: list[HeardWord]) -> list[str | None]:
    return [word.text for word in words]


def test_all_in_order_is_no_problem() -> None:
    verdict = judge(heard("x1", "x2") + heard("y1", source=BOB), {ANA: ["x1", "x2"], BOB: ["y1"]})
    verdict.check()
    assert texts(verdict.by_source[ANA].heard) == ["x1", "x2"]


def test_lost_and_damaged() -> None:
    ana = judge(heard("x1", None, "x4"), {ANA: ["x1", "x2", "x3", "x4"]}).by_source[ANA]
    assert (ana.lost, texts(ana.damaged), texts(ana.heard)) == (["x2", "x3"], [None], ["x1", "x4"])


def test_so_many_words_may_be_spoilt_but_none_doubled() -> None:
    judge(heard("x1", None, "x3"), {ANA: ["x1", "x2", "x3"]}).check(spoilt=1)
    for said in (("x1", None, None), ("x1", "x2", "x2"), ("x1", "x3", "x2"), ("x1",)):
        with pytest.raises(AssertionError, match="a's booth"):
            judge(heard(*said), {ANA: ["x1", "x2", "x3"]}).check(spoilt=1)


def test_doubled() -> None:
    ana = judge(heard("x1", "x2", "x1", "x2", "x3"), {ANA: ["x1", "x2", "x3"]}).by_source[ANA]
    assert not ana.lost
    assert sorted(texts(ana.doubled)) == ["x1", "x2"]


def test_a_word_that_is_to_come_twice_is_not_doubled() -> None:
    judge(heard("x1", "x1"), {ANA: ["x1", "x1"]}).check()


def test_out_of_order() -> None:
    ana = judge(heard("x1", "x3", "x4", "x2"), {ANA: ["x1", "x2", "x3", "x4"]}).by_source[ANA]
    assert (ana.lost, texts(ana.out_of_order)) == ([], ["x2"])


def test_foreign_words_and_sources_are_told() -> None:
    verdict = judge(heard("x1", "z9") + heard("y1", source=BOB), {ANA: ["x1"]})
    assert texts(verdict.by_source[ANA].foreign) == ["z9"]
    assert texts(verdict.by_source[BOB].foreign) == ["y1"]
    with pytest.raises(AssertionError, match=r"(?s)a's booth: foreign z9@0\.40s.*b's booth: foreign y1.*start"):
        verdict.check()


def test_ignored_sources_do_not_count() -> None:
    judge(heard("x1") + heard("y1", source=BOB), {ANA: ["x1"]}, ignore=[BOB]).check()


def test_a_silent_source_has_lost_everything() -> None:
    assert judge([], {ANA: ["x1", "x2"]}).problems == ["a's booth: lost x1 x2"]


def test_the_timeline_has_a_line_per_word_and_the_tests_marks() -> None:
    lines = timeline(heard("x1", None), {0.2: "PBX killed"}).splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["0.000", "0.200", "0.400"]
    assert "PBX killed" in lines[2] and "?damaged" in lines[3]
