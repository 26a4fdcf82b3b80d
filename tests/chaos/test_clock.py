"""The clock that jumps: a Python started with it runs the same sources as this one, and sees the jump."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.chaos.parts import Clock

import dragoman

ASK = "import dragoman, time; print(dragoman.__file__, time.time(), time.time_ns() / 1e9)"


def test_a_daemon_on_a_clock_that_jumps_runs_these_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = Path(dragoman.__file__).parents[1]
    monkeypatch.setenv("PYTHONPATH", f"{sources}{os.pathsep}{Path.cwd()}")
    clock = Clock(tmp_path)
    clock.set(7200.0)
    said = subprocess.run(
        [sys.executable, "-c", ASK], env=os.environ | clock.environment, cwd=tmp_path, capture_output=True, check=True
    )
    file, seconds, nanoseconds = said.stdout.decode().split()
    assert file == dragoman.__file__
    assert min(float(seconds), float(nanoseconds)) > os.stat(tmp_path / "clock").st_mtime + 7000
