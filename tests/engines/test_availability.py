"""Pinned: when a circuit opens, how long it rests, what brings it back for good, and what a late answer changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.engines.availability import (
    DENIED_REST,
    FAILURES,
    FIRST_REST,
    LONGEST_REST,
    PAROLE,
    Availability,
    Circuit,
)
from dragoman.errors import (
    EngineBusy,
    EngineCrashed,
    EngineDenied,
    EngineError,
    EngineRejected,
    EngineTimeout,
    IllegalTransition,
)

CRASH = EngineCrashed("x", "gone")


def opened(error: EngineError = CRASH, now: float = 0.0) -> Availability:
    circuit = Availability()
    for _ in range(FAILURES):
        circuit.failed(error, now)
    assert circuit.state is Circuit.OPEN
    return circuit


def test_opens_after_failures_in_a_row_and_says_why() -> None:
    circuit = Availability()
    assert [circuit.failed(CRASH, 0.0) for _ in range(FAILURES)] == [False] * (FAILURES - 1) + [True]
    assert not circuit.usable()
    assert "gone" in circuit.reason
    assert circuit.opened == 1


def test_a_success_between_forgets_failures() -> None:
    circuit = Availability()
    for _ in range(10):
        circuit.failed(CRASH, 0.0)
        assert not circuit.succeeded()
    assert circuit.usable()


def test_a_rejected_input_is_no_failure() -> None:
    circuit = Availability()
    for _ in range(10):
        circuit.failed(EngineRejected("x", "not this text"), 0.0)
    assert circuit.usable()


def test_denial_opens_at_once_and_rests_long() -> None:
    circuit = Availability()
    assert circuit.failed(EngineDenied("x", "402: pay"), 10.0)
    assert circuit.probe_at == 10.0 + DENIED_REST


def test_rests_twice_as_long_after_each_failed_probe() -> None:
    circuit = opened()
    now, rests = 0.0, []
    for _ in range(8):
        assert circuit.probe_at is not None
        rests.append(circuit.probe_at - now)
        assert not circuit.probe_due(circuit.probe_at - 0.001)
        now = circuit.probe_at
        assert circuit.probe_due(now)
        circuit.probing()
        assert not circuit.probe_due(now)  # one probe at a time
        circuit.failed(EngineTimeout("x", "late"), now)
    assert rests == [min(FIRST_REST * 2**i, LONGEST_REST) for i in range(8)]
    circuit.probing()
    assert circuit.succeeded()
    assert circuit.usable()
    assert circuit.opened == 1


def test_waits_as_long_as_it_was_asked_to() -> None:
    assert opened(EngineBusy("x", "429", retry_after=30.0)).probe_at == 30.0
    assert opened(EngineBusy("x", "429", retry_after=1e9)).probe_at == DENIED_REST


def back(circuit: Availability) -> None:
    """A probe brings it back."""
    assert circuit.probe_at is not None
    circuit.probing()
    assert circuit.succeeded()


def test_who_says_how_long_to_wait_is_not_asked_even_once_more() -> None:
    circuit = Availability()
    assert circuit.failed(EngineBusy("x", "429", retry_after=7.0), 1.0)
    assert circuit.probe_at == 8.0
    assert not circuit.failed(EngineBusy("x", "429", retry_after=20.0), 2.0)  # asked at the same time
    assert circuit.probe_at == 22.0


def test_on_parole_one_failure_opens_it_again_and_it_rests_longer() -> None:
    circuit = opened()
    for times in range(1, 4):
        back(circuit)
        for _ in range(PAROLE - 1):
            circuit.succeeded()
        assert circuit.failed(CRASH, 100.0)
        assert circuit.probe_at == 100.0 + FIRST_REST * 2**times


def test_parole_ends() -> None:
    circuit = opened()
    back(circuit)
    for _ in range(PAROLE):
        assert not circuit.succeeded()
    assert [circuit.failed(CRASH, 100.0) for _ in range(FAILURES)] == [False] * (FAILURES - 1) + [True]
    assert circuit.probe_at == 100.0 + FIRST_REST


def test_failures_of_requests_made_before_it_opened_do_not_put_the_probe_off() -> None:
    circuit = opened()
    for now in range(1, 100):
        circuit.failed(CRASH, float(now))
    assert circuit.probe_at == FIRST_REST


def test_in_need_it_is_asked_unless_it_told_us_to_stay_away() -> None:
    asked = {
        type(error).__name__: opened(error).usable_in_need()
        for error in (CRASH, EngineTimeout("x", "late"), EngineBusy("x", "503"), EngineDenied("x", "402"))
    }
    assert asked == {"EngineCrashed": True, "EngineTimeout": True, "EngineBusy": True, "EngineDenied": False}
    busy = opened(EngineBusy("x", "429", retry_after=5.0))
    assert not busy.usable_in_need() and not busy.denied


def test_an_answer_in_need_brings_it_back_but_a_late_one_does_not_overrule_the_provider() -> None:
    circuit = opened()
    assert circuit.succeeded() and circuit.usable()
    denied = opened(EngineDenied("x", "402"))
    assert not denied.succeeded() and denied.state is Circuit.OPEN and denied.denied
    back(denied)
    assert not denied.denied and not denied.told


def test_every_change_is_told_once() -> None:
    circuit, told = Availability(), list[tuple[Circuit, Circuit]]()
    circuit.on_change = lambda before, after: told.append((before, after))
    for _ in range(2 * FAILURES):
        circuit.failed(CRASH, 0.0)
    circuit.probing()
    circuit.failed(CRASH, 0.0)
    circuit.probing()
    circuit.succeeded()
    circuit.succeeded()
    closed, opened_, probing = Circuit.CLOSED, Circuit.OPEN, Circuit.PROBING
    assert told == [
        (closed, opened_),
        (opened_, probing),
        (probing, opened_),
        (opened_, probing),
        (probing, closed),
    ]


def test_only_an_open_circuit_is_probed() -> None:
    with pytest.raises(IllegalTransition):
        Availability().probing()


@given(st.lists(st.sampled_from(["fail", "succeed", "probe", "deny", "reject"]), max_size=60))
def test_never_stuck(events: list[str]) -> None:
    """Whatever happens, an engine that is not usable will be probed again, at a time that is known."""
    circuit, now = Availability(), 0.0
    for event in events:
        now += 1.0
        if event == "fail":
            circuit.failed(CRASH, now)
        elif event == "deny":
            circuit.failed(EngineDenied("x", "no"), now)
        elif event == "reject":
            circuit.failed(EngineRejected("x", "no"), now)
        elif event == "succeed":
            circuit.succeeded()
        elif circuit.probe_due(now):
            circuit.probing()
        if circuit.state is Circuit.OPEN:
            assert circuit.probe_at is not None
            assert circuit.probe_at <= now + DENIED_REST
        else:
            assert circuit.probe_at is None
            assert circuit.usable() is (circuit.state is Circuit.CLOSED)


def test_an_answer_to_what_was_asked_behind_the_refusal_overrules_it() -> None:
    circuit = Availability()
    circuit.failed(EngineBusy("ears", "no stream is free", retry_after=1.0), 10.0)
    assert not circuit.succeeded(asked=10.0)
    assert circuit.state is Circuit.OPEN
    assert circuit.succeeded(asked=10.5)
    assert circuit.state is Circuit.CLOSED
