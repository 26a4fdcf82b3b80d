"""Who gets a stream: never more than there are, and the longest waiting first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dragoman.engines.asr.admission import FORGOTTEN, Admission


@given(st.integers(1, 4), st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), max_size=80))
def test_never_more_than_the_limit_and_first_come_first_served(limit: int, asks: list[tuple[str, bool]]) -> None:
    admission, holding, waiting, now = Admission(limit), 0, [], 0.0
    for leg, leaves in asks:
        now += 0.1
        if leaves and holding:
            admission.leave()
            holding -= 1
        got = admission.enter(leg, now)
        ahead = [other for other in waiting if other != leg]
        ahead = waiting[: waiting.index(leg)] if leg in waiting else ahead
        assert got == (holding + len(ahead) < limit)
        if got:
            holding += 1
            waiting = [other for other in waiting if other != leg]
        elif leg not in waiting:
            waiting.append(leg)
        assert admission.used == holding <= limit
        assert list(admission.waiting) == waiting


def test_who_gave_up_waiting_holds_nobody_up() -> None:
    admission = Admission(1)
    assert admission.enter("a", 0.0)
    assert not admission.enter("gone", 0.0)
    admission.leave()
    assert not admission.enter("b", FORGOTTEN)
    assert admission.enter("b", FORGOTTEN + 0.1)
    assert admission.refused == 2
