"""Pins what the doctor says of the library that speaks faster."""

from __future__ import annotations

import pytest

from dragoman.check.finding import Verdict
from dragoman.check.tempo import check_tempo
from dragoman.media import sonic


def test_without_the_library_it_says_what_is_missing_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sonic, "library", lambda: None)
    (finding,) = check_tempo(1.3)
    assert finding.verdict is Verdict.WARN
    assert "libsonic.so.0 is not installed" in finding.found
    assert "libsonic0" in (finding.remedy or "") and "max_tempo" in (finding.remedy or "")


def test_who_wants_no_faster_speech_needs_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sonic, "library", lambda: None)
    assert check_tempo(1.0) == []


def test_with_the_library_it_says_how_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sonic, "library", object)
    (finding,) = check_tempo(1.15)
    assert finding.verdict is Verdict.OK and "1.15x" in finding.found
