"""``dragoman demo`` as it is typed: real PBX, real daemon, real phones."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest
from tests.e2e.conftest import PhoneFactory

from dragoman.demo.mic import write_padded
from dragoman.demo.voices import Voice, render

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


def _hear_signals() -> None:
    """Tests started in the background of a script ignore SIGINT, those under nohup SIGHUP; their demo shall not."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


async def start(folder: Path, script: str, *options: str) -> asyncio.subprocess.Process:
    (folder / "demo.toml").write_text(script, "utf-8")
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dragoman", "demo", "--script", "demo.toml", "--out", "out", *options),
        cwd=folder,
        stdout=PIPE,
        stderr=STDOUT,
        env={**os.environ, "TMPDIR": str(folder)},
        preexec_fn=_hear_signals,
    )


async def read_until(process: asyncio.subprocess.Process, pattern: str) -> re.Match[str]:
    """The first match of ``pattern`` in a line that it prints from now on."""
    assert process.stdout is not None
    seen = ""
    while not (found := re.search(pattern, seen.rpartition("\n")[2])):
        line = await process.stdout.readline()
        assert line, seen
        seen += "\n" + line.decode().rstrip()
    return found


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


async def test_the_production_engines_interpret_a_meeting_with_servers_that_play_the_clouds(tmp_path: Path) -> None:
    unheard_of = "Ayer vimos elefantes morados."  # the embedded recogniser would not know it
    script = SCRIPT.replace("El cliente está muy contento con el resultado.", unheard_of)
    process = await start(tmp_path, script, "--engines", "fake-cloud")
    output, _ = await process.communicate()
    text = output.decode()
    assert process.returncode == 0, text
    assert "This was a simulation" in text
    content = json.loads((tmp_path / "out" / "captions.json").read_text("utf-8"))
    assert content["good"] is True and content["simulation"]
    assert [names[0] for names in content["engines"].values()][:3] == ["deepgram", "deepl", "elevenlabs"]
    lines = [line for clause in content["clauses"] for line in clause["translations"]]
    assert {line["engine"] for line in lines} == {"deepl"}


@pytest.mark.beside
async def test_a_sentence_that_nobody_hears_translated_fails_the_demo_and_is_named(tmp_path: Path) -> None:
    lost = "Ayer vimos elefantes morados."
    process = await start(tmp_path, SCRIPT.replace("El cliente está muy contento con el resultado.", lost))
    output, _ = await process.communicate()
    text = output.decode()
    assert process.returncode == 1, text
    assert re.search(rf"{lost}' is not in .*phrases\.tsv", text)
    assert f"not recognized: Inés (es) said '{lost}'" in text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
@pytest.mark.beside
async def test_a_signal_stops_all_that_was_started(tmp_path: Path, number: signal.Signals) -> None:
    process = await start(tmp_path, SCRIPT)
    await read_until(process, r"Ann \(en\) dials")
    children = descendants(process.pid)
    assert len(children) >= 4  # Asterisk, the daemon, phones
    process.send_signal(number)
    process.send_signal(signal.SIGINT)  # the impatient press twice
    assert process.stdout is not None
    rest = (await process.stdout.read()).decode()
    assert await process.wait() == 130, rest
    assert "Traceback" not in rest
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
    assert not list(tmp_path.glob("dragoman-demo-*"))


async def test_who_dials_in_while_it_stays_up_is_interpreted(tmp_path: Path, phone_factory: PhoneFactory) -> None:
    process = await start(tmp_path, SCRIPT, "--keep")
    uri = (await read_until(process, r"(sip:\S+) +to speak and hear English"))[1]
    mic = tmp_path / "guest.wav"
    write_padded(
        mic, await render(Voice.parse("flite:slt"), "Good morning everybody.", tmp_path / "voices"), 1.0, lead=4.0
    )
    guest = await phone_factory("Guest", mic)
    await guest.dial(uri)
    await guest.wait_established()  # he may be there before the others are
    await read_until(process, "everybody is in the room")
    await read_until(process, r"^Guest \(en\): ")
    await read_until(process, r"-> es +\d+ ms .*\[Guest\]")
    await read_until(process, r"^Ann \(en\): ")  # the meeting is held again
    os.kill(child(process.pid, "dragoman", "serve"), signal.SIGKILL)
    await read_until(process, "the daemon ended with exit status -9: it is started again")
    await read_until(process, r"-> es +\d+ ms .*\[Ann\]")  # on the same call
    assert guest.in_call
    os.kill(child(process.pid, "asterisk", "-f"), signal.SIGKILL)
    await read_until(process, "the PBX ended")
    await read_until(process, "everybody is in the room")
    children = descendants(process.pid)
    process.send_signal(signal.SIGHUP)
    assert process.stdout is not None
    assert b"ending" in await process.stdout.read()
    assert await process.wait() == 0
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]


def child(pid: int, *words: str) -> int:
    """The one process below ``pid`` in whose command line these words are."""
    (found,) = [below for below in descendants(pid) if set(words) <= set(re.split(r"[\0/]", command(below)))]
    return found


def command(pid: int) -> str:
    """Its command line; empty when it has just ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def descendants(pid: int) -> list[int]:
    """Processes below ``pid``, by /proc (proc(5)); of one that ends while we look there are none."""
    children: list[int] = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            children += map(int, (task / "children").read_text().split())
    return children + [below for child in children for below in descendants(child)]
