"""``dragoman probe`` against a real Asterisk: a room that is interpreted, one that is not, and no room at all."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest
from tests.e2e.conftest import DaemonFactory, interpreting, room_uri
from tests.e2e.daemon import ROOT, TONE, Daemon
from tests.e2e.talking import mic
from tests.tonewords.code import LANGUAGES

from dragoman.telephony.pbx import Pbx, Site


async def probe(pbx: Pbx, folder: Path, *arguments: str, room: str = "1900", secret: str = "") -> tuple[int, str, str]:
    """Exit status, line, and what it wrote for Prometheus; nothing shows ``secret``, where there is one."""
    folder.mkdir(exist_ok=True)
    said = mic(folder / "sentence.wav", (0.0, [f"en{number:03d}a" for number in (3, 14, 15)]))
    textfile = folder / "dragoman.prom"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dragoman", "probe", room_uri(pbx, room), "--wav", str(said)),
        *("--textfile", str(textfile), "-v", "--warning", "8", "--critical", "9", *arguments),
        stdin=asyncio.subprocess.DEVNULL, stdout=PIPE, stderr=PIPE, cwd=ROOT,
        env={**os.environ, "PYTHONASYNCIODEBUG": ""},
    )  # fmt: skip
    lines: set[bytes] = set()
    watching = asyncio.create_task(watch_command_lines(lines))
    try:
        out, err = await asyncio.wait_for(process.communicate(), 110)
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
    assert any(b"\0probe\0" in line for line in lines), "nothing was watched"
    if secret:
        assert not [shown for shown in (out, err, *lines) if secret.encode() in shown]
    text = out.decode().strip()
    assert "\n" not in text, text + err.decode()
    assert process.returncode is not None
    return process.returncode, text, textfile.read_text() if textfile.exists() else ""


async def watch_command_lines(lines: set[bytes]) -> None:
    """Of all processes, until cancelled."""
    while True:
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                lines.add(path.read_bytes())
        await asyncio.sleep(0.1)


async def test_a_room_that_is_interpreted(pbx: Pbx, daemon_factory: DaemonFactory, tmp_path: Path) -> None:
    await interpreting(pbx)
    daemon = await daemon_factory()
    status, line, written = await probe(pbx, tmp_path / "probe")
    assert status == 0, line + daemon.log.read_text()
    assert line.startswith("DRAGOMAN OK - en>es in room 1900: heard after ")
    assert 'dragoman_probe_success{room="1900",source="en",target="es"} 1.0' in written
    (trace,) = (await daemon.get("/api/rooms/1900/trace"))["traces"]
    assert (trace["outcome"], trace["source"], trace["target"]) == ("spoken", "en", "es")
    assert [span["name"] for span in trace["spans"]][-2:] == ["playback", "booth"]
    # At the ear it is later than on the wire, by Asterisk and two jitter buffers, and by not much more.
    span = float(line.split("ear_voice_span=")[1].split("s;")[0]) * 1000
    assert trace["ear_voice_span_ms"] - 100 < span < trace["ear_voice_span_ms"] + 1500


@pytest.mark.beside
async def test_a_room_whose_translator_fails_is_critical(
    pbx: Pbx, daemon_factory: DaemonFactory, tmp_path: Path
) -> None:
    await interpreting(pbx)
    broken = f'[engines.options."{TONE}Translator"]\nfail_on = [1, 2, 3, 4, 5, 6]\n'
    daemon: Daemon = await daemon_factory(broken)
    status, line, written = await probe(pbx, tmp_path / "probe")
    assert status == 2, line
    assert "said, but not heard in es" in line
    assert 'dragoman_probe_success{room="1900",source="en",target="es"} 0.0' in written
    (trace,) = (await daemon.get("/api/rooms/1900/trace"))["traces"]
    assert trace["outcome"] == "dropped"


@pytest.mark.beside
async def test_a_number_that_there_is_not(pbx: Pbx, tmp_path: Path) -> None:
    status, line, _ = await probe(pbx, tmp_path / "probe", room="nobody")
    assert status == 2
    assert "DRAGOMAN CRITICAL - en>es in room nobody: the call was refused: 404" in line and "no such number" in line


@pytest.mark.beside
async def test_a_room_with_a_pin_is_tried_with_it_and_its_prompts_are_no_interpretation(tmp_path: Path) -> None:
    async with Pbx(Site(pin="902117748844", notice=False)) as pbx:
        daemon = Daemon(pbx, tmp_path)
        await daemon.start()
        try:
            await interpreting(pbx)
            for name, pin, status, said in (
                ("none", None, 2, "--pin-file"),
                ("wrong", "902117748845", 2, "--pin-file"),
                ("right", "902117748844", 0, "heard after"),
            ):
                file = tmp_path / f"{name}.pin"
                file.write_text(f"{pin}\n")
                options = ["--pin-file", str(file)] if pin else []
                found, line, _ = await probe(pbx, tmp_path / name, *options, secret=pin or "")
                assert (found, said in line) == (status, True), line + daemon.log.read_text()
        finally:
            await daemon.stop()


ACCOUNT = """
[probe]
type = endpoint
transport = loopback
context = phones
disallow = all
allow = ulaw
auth = probe
direct_media = no
rtp_symmetric = yes
[probe]
type = auth
auth_type = userpass
username = probe
password = an-accounts-passw0rd
"""
"""What a foreign PBX has: nobody calls without an account."""


@pytest.mark.beside
async def test_a_pbx_that_wants_an_account_is_called_with_it(tmp_path: Path) -> None:
    async with Pbx(Site(notice=False)) as pbx:
        etc = pbx.run_dir / "etc" / "pjsip.conf"
        (pbx.run_dir / "site").mkdir(exist_ok=True)
        (pbx.run_dir / "site" / "pjsip.conf").write_text(ACCOUNT)
        # Who calls from this machine would be the demo's `phone`: here nobody is known by his address.
        known = etc.read_text()
        etc.write_text(re.sub(r"\[phone\]\ntype = identify\n(.+\n)+", "", known))
        assert etc.read_text() != known
        await pbx.restart()
        daemon = Daemon(pbx, tmp_path)
        await daemon.start()
        try:
            await interpreting(pbx)
            for name, password, status, said in (
                ("wrong", "another-passw0rd", 2, "401"),
                ("right", "an-accounts-passw0rd", 0, "heard after"),
            ):
                file = tmp_path / f"{name}.password"
                file.write_text(f"{password}\n")
                account = ["--user", "probe", "--password-file", str(file), "--codec", "ulaw"]
                found, line, _ = await probe(pbx, tmp_path / name, *account, secret=password)
                assert (found, said in line) == (status, True), line + daemon.log.read_text()
                assert "passw0rd" not in line
        finally:
            await daemon.stop()


@pytest.mark.beside
def test_the_sentence_is_in_a_language_of_the_tone_words() -> None:
    assert {"en", "es"} <= set(LANGUAGES)
