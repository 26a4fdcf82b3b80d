"""The guard takes the owner's voice from a stranger, gives it to the owner, and does not flicker in between."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dragoman.voices.guard import MARGIN, IdentityGuard, Verdict

OWNER = np.array([1.0, 0.0], np.float32)
THRESHOLD = 0.5


def alike(cosine: float) -> np.ndarray:
    return np.array([cosine, math.sqrt(1 - cosine**2)])


def test_the_owner_is_trusted_and_stays() -> None:
    guard = IdentityGuard(OWNER, THRESHOLD)
    assert guard.verdict is Verdict.UNKNOWN and not guard.verdict.neutral
    assert guard.heard(alike(0.8), 3.0).verdict is Verdict.OWNER
    assert not guard.heard(alike(0.3), 3.0).changed, "one bad piece is a cough"


def test_a_stranger_loses_the_voice_once() -> None:
    guard = IdentityGuard(OWNER, THRESHOLD)
    assert not guard.heard(alike(0.1), 3.0).changed, "3 s do not suffice to take it away"
    judgement = guard.heard(alike(0.1), 3.0)
    assert judgement.changed and judgement.verdict.neutral
    assert not guard.heard(alike(0.1), 3.0).changed


def test_the_owner_gets_his_phone_back() -> None:
    guard = IdentityGuard(OWNER, THRESHOLD)
    for _ in range(3):
        guard.heard(alike(0.0), 3.0)
    verdicts = [guard.heard(alike(0.9), 3.0).verdict for _ in range(4)]
    assert verdicts[0] is Verdict.STRANGER and verdicts[-1] is Verdict.OWNER


def test_without_trust_the_voice_must_be_earned() -> None:
    guard = IdentityGuard(OWNER, THRESHOLD, trust=False)
    assert guard.verdict.neutral
    assert guard.heard(alike(0.9), 3.0).verdict is Verdict.OWNER


def test_short_pieces_say_nothing() -> None:
    guard = IdentityGuard(OWNER, THRESHOLD)
    for _ in range(100):
        assert guard.heard(alike(-1.0), 1.0).verdict is Verdict.UNKNOWN


@given(st.lists(st.floats(THRESHOLD - MARGIN + 1e-6, THRESHOLD + MARGIN - 1e-6), max_size=30), st.booleans())
def test_between_the_thresholds_nothing_changes(cosines: list[float], trust: bool) -> None:
    guard = IdentityGuard(OWNER, THRESHOLD, trust=trust)
    before = guard.verdict
    assert not any(guard.heard(alike(value), 5.0).changed for value in cosines)
    assert guard.verdict is before


@given(st.lists(st.floats(-1, 1), max_size=60))
def test_changes_are_told_once_each(cosines: list[float]) -> None:
    guard = IdentityGuard(OWNER, THRESHOLD)
    told = [j for value in cosines if (j := guard.heard(alike(value), 3.0)).changed]
    assert all(one.verdict is not other.verdict for one, other in pairwise(told))
