"""What is done when a model of our own fails: less at once, anew in place, then another device, and never nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dragoman.recovery.gpu import CALM_S, FAILURES, LOADS, RESTARTS, RESTARTS_S, WINDOW_S, Mend, ModelPolicy, Trouble
from dragoman.recovery.kinds import Action


def test_out_of_memory_halves_the_clauses_at_once_then_loads_anew_then_moves() -> None:
    policy = ModelPolicy(8, may_move=True)
    assert [policy.failed(Trouble.MEMORY, 0.0) for _ in range(3)] == [Mend.SHED] * 3
    assert policy.slots == 1
    done = [policy.failed(Trouble.MEMORY, float(now)) for now in range(1, RESTARTS + 2)]
    assert done == [Mend.RESTART] * RESTARTS + [Mend.MOVE]


def test_clauses_at_once_double_again_when_no_failure_came_for_long_and_are_all_where_it_was_loaded_anew() -> None:
    policy = ModelPolicy(6, may_move=False)
    for now in (0.0, 1.0):
        policy.failed(Trouble.MEMORY, now)
    assert [policy.at_once(now) for now in (1.0, CALM_S, CALM_S + 1.0, CALM_S + 2.0)] == [1, 1, 2, 2]
    policy.failed(Trouble.OTHER, 2 * CALM_S)
    assert [policy.at_once(now * CALM_S) for now in (2.9, 3.0, 4.0, 5.0)] == [2, 4, 6, 6]
    policy.failed(Trouble.MEMORY, 6 * CALM_S)
    assert policy.at_once(6 * CALM_S) == 3
    policy.loaded()
    assert policy.at_once(6 * CALM_S) == 6


def test_an_error_of_the_device_moves_at_once_for_its_context_is_lost() -> None:
    policy = ModelPolicy(8, may_move=True)
    assert policy.failed(Trouble.DEVICE, 0.0) is Mend.MOVE
    assert policy.failed(Trouble.DEVICE, 1.0) is Mend.RESTART, "there is nowhere left to move"


def test_where_it_may_not_move_it_is_loaded_anew_for_ever() -> None:
    policy = ModelPolicy(1, may_move=False)
    assert {policy.failed(Trouble.MEMORY, float(now)) for now in range(100)} == {Mend.RESTART}


def test_a_device_that_stays_lost_and_may_not_be_left_is_given_up() -> None:
    policy = ModelPolicy(8, may_move=False)
    done = [policy.failed(Trouble.DEVICE, float(now)) for now in range(RESTARTS + 1)]
    assert done == [Mend.RESTART] * RESTARTS + [Mend.GIVE_UP]
    policy = ModelPolicy(8, may_move=False)
    assert {policy.failed(Trouble.DEVICE, now * RESTARTS_S) for now in range(50)} == {Mend.RESTART}, "now and then"


def test_loads_that_fail_by_the_device_move_it_or_give_it_up_and_others_are_repeated_for_ever() -> None:
    policy = ModelPolicy(8, may_move=False)
    for _ in range(2):
        assert [policy.not_loaded(Trouble.DEVICE) for _ in range(LOADS - 1)] == [Mend.RESTART] * (LOADS - 1)
        policy.loaded()
    assert {policy.not_loaded(trouble) for trouble in (Trouble.MEMORY, Trouble.OTHER) * 50} == {Mend.RESTART}
    assert [policy.not_loaded(Trouble.DEVICE) for _ in range(LOADS)][-1] is Mend.GIVE_UP
    policy = ModelPolicy(8, may_move=True)
    assert [policy.not_loaded(Trouble.DEVICE) for _ in range(2)] == [Mend.MOVE, Mend.RESTART]


def test_other_failures_begin_anew_and_too_many_of_them_load_anew() -> None:
    policy = ModelPolicy(8, may_move=True)
    assert [policy.failed(Trouble.OTHER, 0.0) for _ in range(FAILURES)] == [Mend.CLEAR] * 2 + [Mend.RESTART]
    policy = ModelPolicy(8, may_move=True)
    assert {policy.failed(Trouble.OTHER, now * WINDOW_S) for now in range(50)} == {Mend.CLEAR}, "one a minute"


@given(st.lists(st.tuples(st.sampled_from(Trouble), st.floats(0, 1000))), st.integers(1, 64), st.booleans())
def test_something_is_always_done_and_it_moves_once_at_most(
    history: list[tuple[Trouble, float]], slots: int, may_move: bool
) -> None:
    policy, now = ModelPolicy(slots, may_move=may_move), 0.0
    done = []
    for trouble, later in history:
        now += later
        done.append(policy.failed(trouble, now))
        assert 1 <= policy.slots <= slots
        assert isinstance(done[-1].action, Action)
    assert done.count(Mend.MOVE) <= may_move
