"""What rooms spend: by day, in the last hour, and what of it is still to be stored."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.admin.model import Prices, Usage
from dragoman.admin.spending import Spending, day_of

NOON = 1_795_608_000.0
PRICES = Prices(asr_minute=0.6, mt_thousand=20.0, tts_thousand=100.0)


def test_prices() -> None:
    assert PRICES.of(Usage(asr_seconds=30.0, mt_chars=100, tts_chars=10)) == pytest.approx(0.3 + 2.0 + 1.0)
    assert Prices().of(Usage(1e6, 10**6, 10**6)) == 0.0


def test_a_room_begins_anew_each_day_and_does_not_pay_for_others() -> None:
    spending = Spending(PRICES)
    spending.add("1000", Usage(asr_seconds=60.0), NOON)
    spending.add("2000", Usage(asr_seconds=600.0), NOON)
    assert spending.cost("1000", NOON) == pytest.approx(0.6)
    assert spending.cost("1000", NOON + 86_400) == 0.0


def test_what_was_stored_before_a_restart_counts() -> None:
    spending = Spending(PRICES)
    spending.add("1000", Usage(mt_chars=5), NOON)
    spending.restore([(day_of(NOON), "1000", Usage(mt_chars=100))])
    assert spending.of("1000", NOON) == Usage(mt_chars=105)
    assert spending.take_changes(NOON) == [(day_of(NOON), "1000", Usage(mt_chars=105))]


def test_what_could_not_be_stored_is_stored_later() -> None:
    spending = Spending(PRICES)
    spending.add("1000", Usage(mt_chars=5), NOON)
    spending.put_back(spending.take_changes(NOON))
    spending.add("1000", Usage(mt_chars=6), NOON)
    assert spending.take_changes(NOON) == [(day_of(NOON), "1000", Usage(mt_chars=11))]
    assert spending.take_changes(NOON) == []


@given(st.lists(st.tuples(st.floats(0, 7200), st.integers(0, 5000)), max_size=60))
def test_the_last_hour_is_right_to_the_minute(said: list[tuple[float, int]]) -> None:
    spending = Spending(Prices(mt_thousand=1000.0))
    for at, chars in sorted(said):
        spending.add("1", Usage(mt_chars=chars), NOON + at)
    now = NOON + 7200
    least = sum(chars for at, chars in said if at > 3660)
    most = sum(chars for at, chars in said if at >= 3540)
    assert least - 1e-6 <= spending.last_hour(now) <= most + 1e-6
