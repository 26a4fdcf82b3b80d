"""For all tests of engines."""

from __future__ import annotations

import pytest
from tests.engines.processes import know_strangers

from dragoman.engines.conformance import asr, common, mt, running, tts

PATIENCE_S = 30.0
"""Seconds: a busy machine is late, and that is no defect. What never comes is found all the same."""


@pytest.fixture(autouse=True)
def strangers_known() -> None:
    """Other tests' processes are no engine's."""
    know_strangers()


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time for what is no question of time: who judges a deadline sets it himself."""
    for module in (common, asr, mt, tts):
        monkeypatch.setattr(module, "CLOSE_DEADLINE", PATIENCE_S)
    monkeypatch.setattr(common, "CLOSE_ENGINE_S", PATIENCE_S)
    monkeypatch.setattr(running, "GRACE_S", PATIENCE_S)
    monkeypatch.setattr(running, "LET_GO_S", PATIENCE_S)
    monkeypatch.setattr("dragoman.engines.mt.apertium_pipe.ANSWER_DEADLINE_S", PATIENCE_S)
    monkeypatch.setattr("dragoman.engines.tts.espeak.ANSWER_DEADLINE_S", PATIENCE_S)
    monkeypatch.setattr("dragoman.engines.tts.elevenlabs.START_DEADLINE_S", PATIENCE_S)
