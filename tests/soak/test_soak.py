"""A minute of calls that talk, on a real Asterisk; ``make soak`` goes on for as long as one likes."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.e2e
@pytest.mark.timeout(300)
@pytest.mark.beside
async def test_a_minute_of_talking_calls_leaves_nothing_behind(tmp_path: Path) -> None:
    out = tmp_path / "soak-out"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.soak", "--minutes", "1", "--out", str(out)),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=ROOT,
    )  # fmt: skip
    try:
        said = (await process.communicate())[0].decode("utf-8", "replace")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, said
    result = json.loads((out / "soak.json").read_text())
    assert result["calls"] >= 50 and result["clauses_spoken"] >= result["calls"] / 2, said
    assert (out / "soak.png").stat().st_size > 10_000
