"""Pins LocalAgreement-n and the count of words that were committed early and then revised."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.pipeline.test_clause import sentence

from dragoman.pipeline.prefix import EarlyWords, StablePrefix


def test_a_word_is_stable_when_it_and_all_before_it_were_the_same_n_times() -> None:
    prefix = StablePrefix(2)
    prefix.hear(sentence("we meat"))
    assert prefix.stable == 0
    prefix.hear(sentence("We meet at"))
    assert prefix.stable == 1  # capitals are no change
    prefix.hear(sentence("we meet, at nine"))
    assert prefix.stable == 3
    prefix.hear(sentence("he meet at nine"))
    assert prefix.stable == 0  # what follows a change is not sure either


def test_what_was_committed_is_no_part_of_the_next_partial() -> None:
    prefix = StablePrefix(2)
    for _ in range(2):
        prefix.hear(sentence("we meet at nine"))
    prefix.take(2)
    assert prefix.stable == 2
    prefix.hear(sentence("at nine tomorrow"))
    assert prefix.stable == 2
    prefix.clear()
    prefix.hear(sentence("at nine tomorrow"))
    assert prefix.stable == 0


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=6), min_size=1, max_size=8), st.integers(1, 4))
def test_the_stable_prefix_is_what_the_last_n_partials_share(partials: list[list[str]], n: int) -> None:
    prefix = StablePrefix(n)
    for partial in partials:
        prefix.hear(sentence(" ".join(partial)))
    last = partials[-n:] if len(partials) >= n else []
    shared = 0
    while last and all(len(each) > shared and each[shared] == last[0][shared] for each in last):
        shared += 1
    assert prefix.stable == shared


def test_words_that_their_final_does_not_have_are_counted_as_revised() -> None:
    early = EarlyWords()
    said = sentence("we meat at nine today")
    early.commit(said[:4])
    early.judge(sentence("We meet at nine today."), said[4].end)
    assert (early.committed, early.revised) == (4, 1)
    early.judge(sentence("something else"), said[4].end)  # each word is judged once
    assert early.revised == 1


def test_words_that_the_final_does_not_cover_are_judged_by_the_next() -> None:
    early = EarlyWords()
    said = sentence("one two three four")
    early.commit(said)
    early.judge(said[:2], said[1].end)
    assert early.revised == 0
    early.judge([], said[3].end)
    assert early.revised == 2
