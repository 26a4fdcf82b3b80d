"""The schedule: the same seed gives the same faults, all are over in time, a long meeting has all kinds."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st
from tests.chaos.schedule import KINDS, RARE, Part, plan

VOICES = ("a", "b", "c")


@given(st.integers(0, 10_000), st.floats(0, 30), st.floats(20, 600))
def test_all_is_well_again_in_time_and_nothing_of_a_part_befalls_it_twice_at_once(
    seed: int, begin: float, length: float
) -> None:
    faults = plan(seed, begin, begin + length, VOICES)
    assert faults == plan(seed, begin, begin + length, VOICES)
    assert [fault.at for fault in faults] == sorted(fault.at for fault in faults)
    for fault in faults:
        assert begin - 0.001 <= fault.at and fault.until <= begin + length + 0.001
        assert (fault.voice in VOICES) == (fault.part is Part.LINE)
    for part, voice in {(fault.part, fault.voice) for fault in faults}:
        own = [fault for fault in faults if (fault.part, fault.voice) == (part, voice)]
        assert all(one.until <= other.at + 0.002 for one, other in itertools.pairwise(own))


def test_a_long_meeting_has_every_kind() -> None:
    for seed in range(5):
        happened = {(fault.part, fault.what) for fault in plan(seed, 10, 1200, VOICES)}
        assert happened == {(kind.part, kind.what) for kind in (*KINDS, *RARE)}


def test_seeds_differ_and_faults_come_together() -> None:
    plans = [plan(seed, 10, 190, VOICES) for seed in range(20)]
    assert len(set(plans)) == 20
    for faults in plans:
        assert any(one.part is not other.part and one.until > other.at for one, other in itertools.pairwise(faults))
