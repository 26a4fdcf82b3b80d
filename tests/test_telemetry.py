"""No library that we use tells its maker that we use it: onnxruntime does where it is not told not to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
from dragoman.media.vad import SileroVad
import os
SileroVad(1)
assert os.environ["ORT_DISABLE_TELEMETRY"]
"""


def test_the_voice_detector_leaves_no_identifier_of_the_machine_behind(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("ORT_DISABLE_TELEMETRY", "CI")}
    environment |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, env=environment)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
