"""The hedge budget: never more hedges than its share of the requests and what was saved up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dragoman.engines.mt.hedging import SAVED, HedgeBudget


@given(st.lists(st.booleans(), max_size=400), st.sampled_from([0.05, 0.1, 0.5, 1.0]))
def test_hedges_stay_within_their_share(wants: list[bool], share: float) -> None:
    budget, hedges = HedgeBudget(share), 0
    for requests, wanted in enumerate(wants, start=1):
        budget.request()
        hedges += wanted and budget.spend()
        assert hedges <= SAVED + share * requests + 1e-6


def test_an_outage_costs_its_share_and_quiet_times_fill_it_again() -> None:
    budget = HedgeBudget(0.1, saved=2)

    def outage(requests: int) -> int:
        hedges = 0
        for _ in range(requests):
            budget.request()
            hedges += budget.spend()
        return hedges

    assert outage(100) in (11, 12)
    for _ in range(100):
        budget.request()
    assert [budget.spend() for _ in range(3)] == [True, True, False]


def test_no_share_no_hedge() -> None:
    budget = HedgeBudget(0.0)
    budget.request()
    assert not budget.spend()
