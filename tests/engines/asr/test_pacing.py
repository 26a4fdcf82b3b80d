"""How fast audio goes out: never more than the burst ahead of 1.25 times real time, and never slower than it may."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.engines.asr.pacing import BURST, RATE, Pacer


@given(st.lists(st.tuples(st.floats(0.02, 0.25), st.floats(0, 2.0)), min_size=1, max_size=60))
def test_in_any_stretch_of_time_no_more_than_the_rate_and_the_burst(frames: list[tuple[float, float]]) -> None:
    pacer, now, sent = Pacer(), 0.0, []
    for seconds, idle in frames:
        now += idle
        now += pacer.wait(seconds, now)
        assert pacer.wait(seconds, now) == pytest.approx(0.0, abs=1e-6)
        pacer.sent(seconds, now)
        sent.append((now, seconds))
    for i, (first, _) in enumerate(sent):
        for j in range(i, len(sent)):
            total = sum(seconds for _, seconds in sent[i : j + 1])
            assert total <= BURST + RATE * (sent[j][0] - first) + 1e-6


def test_live_speech_never_waits_and_a_replay_goes_at_the_rate() -> None:
    pacer = Pacer()
    for tick in range(1000):
        assert pacer.wait(0.06, tick * 0.06) == 0.0
        pacer.sent(0.06, tick * 0.06)
    now = 1000.0
    for _ in range(100):
        now += pacer.wait(0.1, now)
        pacer.sent(0.1, now)
    assert now - 1000 == pytest.approx((10 - BURST) / RATE)
