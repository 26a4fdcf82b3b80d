"""``dragoman demo`` as it is typed: real PBX, real daemon, real phones."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(400)

SCRIPT = """
patience_s = 30
[[people]]
name = "Ann"
language = "en"
voice = "flite:rms"
[[people]]
name = "Inés"
language = "es"
voice = "espeak:es+f1"
[[people]]
name = "Jordi"
language = "ca"
[[turns]]
speaker = "Inés"
text = "El cliente está muy contento con el resultado."
[[turns]]
speaker = "Ann"
text = "The meeting will start at nine tomorrow morning."
start = "over"
"""


async def start(folder: Path, script: str) -> asyncio.subprocess.Process:
    (folder / "demo.toml").write_text(script, "utf-8")
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dragoman", "demo", "--script", "demo.toml", "--out", "out"),
        cwd=folder,
        stdout=PIPE,
        stderr=STDOUT,
    )


async def test_a_meeting_in_which_everybody_hears_everything(tmp_path: Path) -> None:
    process = await start(tmp_path, SCRIPT)
    output, _ = await process.communicate()
    text = output.decode()
    assert process.returncode == 0, text
    assert "GOOD: 4 of 4 translations heard" in text
    content = json.loads((tmp_path / "out" / "captions.json").read_text("utf-8"))
    assert content["good"] is True
    assert {clause["speaker"] for clause in content["clauses"]} == {"Ann", "Inés"}
    for name in ("heard-ann.wav", "heard-ines.wav", "heard-jordi.wav", "timeline.png"):
        assert (tmp_path / "out" / name).stat().st_size > 10_000


async def test_a_sentence_that_nobody_hears_translated_fails_the_demo_and_is_named(tmp_path: Path) -> None:
    lost = "Ayer vimos elefantes morados."
    process = await start(tmp_path, SCRIPT.replace("El cliente está muy contento con el resultado.", lost))
    output, _ = await process.communicate()
    text = output.decode()
    assert process.returncode == 1, text
    assert re.search(rf"{lost}' is not in .*phrases\.tsv", text)
    assert f"not recognized: Inés (es) said '{lost}'" in text


async def test_ctrl_c_stops_all_that_was_started(tmp_path: Path) -> None:
    process = await start(tmp_path, SCRIPT)
    assert process.stdout is not None
    seen = ""
    while "Ann (en) dials" not in seen:
        line = await process.stdout.readline()
        assert line, seen
        seen += line.decode()
    children = descendants(process.pid)
    assert len(children) >= 4  # Asterisk, the daemon, phones
    process.send_signal(signal.SIGINT)
    assert await process.wait() == 130
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]


def descendants(pid: int) -> list[int]:
    """Processes below ``pid``, by /proc (proc(5))."""
    children = [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]
    return children + [below for child in children for below in descendants(child)]
