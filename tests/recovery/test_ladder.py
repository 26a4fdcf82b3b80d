"""The degradation ladder: down by what clauses fail to reach, up by what they do, with hysteresis, one change each."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import IllegalTransition
from dragoman.recovery.ladder import FALLS, LONGEST_PAUSE_S, PAUSE_S, RELAPSE_S, RISES, Change, Ladder, Rung, Step

CLAUSE_S = 3.0
"""Seconds between two clauses."""


class Talk:
    """One speaker who says a clause every CLAUSE_S; ``works`` is the highest rung that works just now."""

    def __init__(self, top: Rung = Rung.CLONED) -> None:
        self.now = 1000.0
        self.ladder = Ladder(top, self.now)
        self.works = top
        self.changes: list[Change] = []
        self.tried: list[Rung] = []

    def clause(self) -> Change | None:
        """What is tried comes as far as it works; translating is always tried."""
        self.now += CLAUSE_S
        attempt = self.ladder.attempt(self.now)
        self.tried.append(attempt)
        least = Rung.CAPTIONS if attempt is Rung.ORIGINAL else attempt
        change = self.ladder.reached(min(self.works, least, key=lambda rung: rung.height), self.now, "broken")
        if change is not None:
            self.changes.append(change)
        return change

    def say(self, clauses: int) -> None:
        for _ in range(clauses):
            self.clause()

    def until(self, rung: Rung, within: int = 200) -> int:
        """Clauses until it stands there."""
        for clauses in range(within):
            if self.ladder.rung is rung:
                return clauses
            self.clause()
        pytest.fail(f"still {self.ladder.rung} after {within} clauses")


rungs = st.sampled_from(Rung)


@pytest.mark.parametrize("works", [Rung.STOCK, Rung.CAPTIONS, Rung.ORIGINAL])
def test_what_breaks_brings_it_down_to_what_still_works_in_one_change_and_up_again(works: Rung) -> None:
    talk = Talk()
    talk.say(5)
    talk.works = works
    assert talk.until(works) == FALLS
    talk.say(20)
    talk.works = Rung.CLONED
    talk.until(Rung.CLONED)
    assert (talk.changes[0].before, talk.changes[0].after) == (Rung.CLONED, works)
    assert talk.changes[-1].after is Rung.CLONED
    assert sum(change.down for change in talk.changes) == 1


def test_one_bad_clause_changes_nothing() -> None:
    talk = Talk()
    for _ in range(20):
        talk.works = Rung.ORIGINAL
        talk.clause()
        talk.works = Rung.CLONED
        talk.clause()
    assert talk.changes == []


def test_below_the_top_it_does_not_ask_for_more_until_a_pause_has_passed() -> None:
    talk = Talk()
    talk.works = Rung.STOCK
    talk.until(Rung.STOCK)
    fell, talk.tried = talk.now, []
    while talk.now < fell + PAUSE_S - CLAUSE_S:
        talk.clause()
        assert talk.tried[-1] is Rung.STOCK
    while Rung.CLONED not in talk.tried:
        talk.clause()
    assert talk.now >= fell + PAUSE_S
    talk.clause()
    assert talk.tried[-1] is Rung.STOCK, "a trial that fails is not repeated at once"


def test_trials_that_fail_grow_rare_but_never_end() -> None:
    talk = Talk()
    talk.works = Rung.STOCK
    talk.say(400)
    trials = [at for at, rung in enumerate(talk.tried) if at >= FALLS and rung is Rung.CLONED]
    gaps = [b - a for a, b in itertools.pairwise(trials)]
    assert gaps == sorted(gaps)
    assert max(gaps) * CLAUSE_S <= LONGEST_PAUSE_S + CLAUSE_S
    assert len(talk.changes) == 1


def test_what_flaps_settles_below() -> None:
    talk = Talk()
    for _ in range(60):
        talk.works = Rung.STOCK
        talk.say(FALLS)
        talk.works = Rung.CLONED
        talk.say(RISES + 1)
    down = [change for change in talk.changes if change.down]
    assert len(down) < 20, "a change every few clauses tells the listeners nothing"


def test_clauses_that_begin_well_and_break_off_bring_it_down_and_a_whole_one_ends_their_row() -> None:
    def broken(ladder: Ladder, now: float) -> Change | None:
        assert ladder.reached(Rung.STOCK, now) is None
        ladder.retract()
        return ladder.reached(Rung.CAPTIONS, now, "broke off")

    ladder = Ladder(Rung.STOCK, 0.0)
    assert broken(ladder, 1.0) is None
    assert ladder.reached(Rung.STOCK, 2.0) is None
    assert broken(ladder, 3.0) is None
    assert broken(ladder, 4.0) == Change(Rung.STOCK, Rung.CAPTIONS, "broke off")
    ladder.retract()
    assert ladder.reached(Rung.CAPTIONS, 5.0) is None
    assert ladder.rung is Rung.CAPTIONS


def test_what_was_lost_outright_is_back_with_its_first_clause() -> None:
    talk = Talk()
    change = talk.ladder.lost(talk.now, "no recogniser")
    assert change == Change(Rung.CLONED, Rung.ORIGINAL, "no recogniser")
    assert talk.ladder.lost(talk.now, "no recogniser") is None
    assert talk.clause() == Change(Rung.ORIGINAL, Rung.CLONED, "it works again")


def test_what_is_lost_with_every_other_clause_settles_below_and_comes_back_when_it_holds() -> None:
    talk = Talk()
    for _ in range(20):
        talk.now += CLAUSE_S
        if change := talk.ladder.lost(talk.now, "no stream is free"):
            talk.changes.append(change)
        talk.clause()
    assert [change.after for change in talk.changes] == [Rung.ORIGINAL, Rung.CLONED, Rung.ORIGINAL]
    assert talk.until(Rung.CLONED) == RISES - 1
    talk.now += RELAPSE_S
    assert talk.ladder.lost(talk.now, "no stream is free") is not None
    assert talk.clause() is not None, "after a while one clause is enough again"


def test_a_profile_that_comes_or_goes_moves_it_and_nobody_need_be_told() -> None:
    ladder = Ladder(Rung.STOCK, 0.0)
    assert ladder.allow(Rung.CLONED, 1.0) and ladder.rung is Rung.CLONED
    assert not ladder.allow(Rung.CLONED, 2.0)
    assert ladder.allow(Rung.STOCK, 3.0) and ladder.rung is Rung.STOCK
    ladder.lost(4.0, "")
    assert not ladder.allow(Rung.CLONED, 5.0) and ladder.rung is Rung.ORIGINAL
    assert ladder.attempt(5.0) is Rung.CLONED


@given(
    rungs,
    st.lists(st.tuples(st.sampled_from(["clause", "lost", "allow"]), rungs, st.floats(0, 90)), max_size=80),
)
def test_it_never_leaves_its_table_nor_its_top_and_a_change_is_one(
    top: Rung, history: list[tuple[str, Rung, float]]
) -> None:
    now = 0.0
    ladder = Ladder(top, now)
    for what, rung, seconds in history:
        now += seconds
        before = ladder.rung
        change = None
        if what == "clause":
            change = ladder.reached(rung, now)
        elif what == "lost":
            change = ladder.lost(now, "")
        elif ladder.allow(rung, now):
            before = ladder.rung
        assert ladder.rung.height <= ladder.top.height
        assert (change is not None) == (ladder.rung is not before)
        if change is not None:
            assert (change.before, change.after) == (before, ladder.rung)
            assert change.down == (change.after.height < change.before.height)
            assert ladder.since == now
        assert ladder.attempt(now) in (ladder.rung, ladder.top)


@given(rungs, rungs)
def test_whatever_works_for_long_is_what_there_is(top: Rung, works: Rung) -> None:
    talk = Talk(top)
    talk.works = min(works, top, key=lambda rung: rung.height)
    talk.say(10)
    assert talk.ladder.rung is talk.works or talk.works is Rung.ORIGINAL


def test_an_illegal_step_raises() -> None:
    with pytest.raises(IllegalTransition, match="ladder: no transition from cloned on up"):
        Ladder(Rung.CLONED, 0.0)._go(Step.UP)
