"""What an engine raises beside its protocol becomes EngineCrashed with its name; the rest passes as it is."""

from __future__ import annotations

import asyncio

import pytest

from dragoman.engines.faults import crashes_of
from dragoman.errors import EngineCrashed, EngineRejected, EngineTimeout


def test_what_goes_well_goes_through() -> None:
    with crashes_of("ears"):
        done = True
    assert done


def test_a_bug_of_the_engine_is_told_with_its_name_and_its_cause() -> None:
    bug = KeyError("words")
    with pytest.raises(EngineCrashed, match="KeyError: 'words'") as caught, crashes_of("ears"):
        raise bug
    assert caught.value.engine == "ears"
    assert caught.value.__cause__ is bug


@pytest.mark.parametrize("error", [EngineRejected("ears", "no"), asyncio.CancelledError(), KeyboardInterrupt()])
def test_what_the_protocol_allows_and_what_is_no_fault_pass(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, crashes_of("ears"):
        raise error
    assert caught.value is error


def test_a_timeout_is_the_callers_where_he_has_a_deadline_and_else_the_engines() -> None:
    with pytest.raises(TimeoutError) as caught, crashes_of("ears"):
        raise TimeoutError("late")
    assert type(caught.value) is TimeoutError
    with pytest.raises(EngineTimeout, match="late"), crashes_of("ears", deadline=False):
        raise TimeoutError("late")
    with pytest.raises(EngineTimeout, match="a deadline of its own passed"), crashes_of("ears", deadline=False):
        raise TimeoutError
