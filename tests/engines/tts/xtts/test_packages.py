"""What make test installs for XTTS and ECAPA is what the extras say, and without it nothing of torch is imported."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]


@pytest.mark.parametrize("extra", ["xtts", "ecapa"])
def test_the_requirements_are_those_of_the_extra(extra: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (ROOT / "requirements" / f"{extra}.txt").read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == project["optional-dependencies"][extra]
    assert "torch==2.13.0" in lines


def test_listing_the_engine_imports_no_torch() -> None:
    code = (
        "import sys; from dragoman.engines.tts.xtts.engine import XttsSynthesizer; XttsSynthesizer({}).info;"
        "assert not {'torch', 'TTS', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
