"""Pinned: when a circuit opens, how long it rests, what brings it back, and that a rejected input is no failure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.engines.availability import DENIED_REST, FAILURES, FIRST_REST, LONGEST_REST, Availability, Circuit
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
    assert not circuit.usable(0.0)
    assert "gone" in circuit.reason
    assert circuit.opened == 1


def test_a_success_between_forgets_failures() -> None:
    circuit = Availability()
    for _ in range(10):
        circuit.failed(CRASH, 0.0)
        assert not circuit.succeeded()
    assert circuit.usable(0.0)


def test_a_rejected_input_is_no_failure() -> None:
    circuit = Availability()
    for _ in range(10):
        circuit.failed(EngineRejected("x", "not this text"), 0.0)
    assert circuit.usable(0.0)


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
    assert circuit.usable(now)
    assert circuit.opened == 1


def test_waits_as_long_as_it_was_asked_to() -> None:
    assert opened(EngineBusy("x", "429", retry_after=30.0)).probe_at == 30.0
    assert opened(EngineBusy("x", "429", retry_after=1e9)).probe_at == DENIED_REST


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
            assert circuit.usable(now) is (circuit.state is Circuit.CLOSED)
