"""Enrolling by phone, with a real Asterisk: the code, the sentences, the new voice, and what is left afterwards."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.e2e.conftest import DaemonFactory, PhoneFactory, interpreting, room_uri, until

from dragoman.demo.phone import Phone
from dragoman.telephony.pbx import Pbx

pytestmark = pytest.mark.beside

SPEECH = (
    "The lighthouse keeper wrote a letter every evening. Nobody on the mainland ever answered, but he did not mind. "
    "In winter the waves reached the lower windows, and in summer the gulls nested there. One morning a boat came "
    "with flour, oil and a young dog. They became friends at once, and walked around the island twice a day. "
)


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    """Somebody who reads aloud for some minutes."""
    raw, mic = tmp_path / "raw.wav", tmp_path / "mic.wav"
    subprocess.run(["espeak-ng", "-v", "en", "-w", str(raw), SPEECH * 9], check=True)
    from dragoman.telephony.prompts import _wav16  # the same conversion to 16 kHz

    mic.write_bytes(_wav16(raw.read_bytes()))
    return mic


async def recording(pbx: Pbx, seen: set[str]) -> str:
    """Wait until the PBX records something new."""
    folder = pbx.run_dir / "spool" / "recording"
    async with asyncio.timeout(60):
        while not (new := {path.name for path in folder.glob("*guest*")} - seen):
            await asyncio.sleep(0.1)
    return new.pop()


async def send(url: str, body: dict[str, Any]) -> Any:
    async with aiohttp.ClientSession() as session, session.post(url, json=body) as answer:
        assert answer.status == 201, await answer.text()
        return await answer.json()


async def enter(phone: Phone, pbx: Pbx, code: str) -> None:
    """Choose English, and key the code in, until the daemon has the call."""
    await until(pbx, "core show channels concise", lambda channels: "!Read!" in channels)
    await phone.dtmf("1")
    await until(pbx, "core show channels concise", lambda channels: "enrol-code" in channels)
    await phone.dtmf(code)
    await until(pbx, "core show channels concise", lambda channels: "!Stasis!" in channels)


@pytest.mark.timeout(300)
async def test_a_caller_with_a_code_keeps_his_voice(
    pbx: Pbx, daemon_factory: DaemonFactory, phone_factory: PhoneFactory, speech: Path, tmp_path: Path
) -> None:
    toml = f'[voices]\nstore = "{tmp_path / "voices.sqlite"}"\n[media]\nvad = "energy"\n'
    daemon = await daemon_factory(toml, tone=False)
    made = await send(f"{daemon.url}/api/enrolment-codes", {"name": "Ann", "language": "en", "callers": ["7"]})
    phone = await phone_factory("Ann", speech)
    await phone.dial(room_uri(pbx, "*77"))
    await phone.wait_established()
    await enter(phone, pbx, made["code"])
    await asyncio.sleep(1.0)  # the consent is being read; a key before it does not count
    await phone.dtmf("1")
    seen: set[str] = set()
    for _ in range(5):
        seen.add(await recording(pbx, seen))
        await asyncio.sleep(5.0)  # he reads
        await phone.dtmf("#")
    found = await daemon.until("/api/voice-profiles", lambda answer: bool(answer["profiles"]), within=60)
    (profile,) = found["profiles"]
    assert profile["name"] == "Ann" and profile["clips"] >= 3 and not profile["callers"]
    async with asyncio.timeout(60):
        while phone.in_call:  # the voice is played first; keys before the question do not count
            await phone.dtmf("1")
            await asyncio.sleep(1.5)
    kept = await daemon.get(f"/api/voice-profiles/{profile['id']}")
    assert "7" in kept["callers"] and "press 1" in kept["consent"]["text"]
    assert not list((pbx.run_dir / "spool" / "recording").glob("*guest*")), "a recording stayed on the PBX"
    assert "could not hear his voice" not in daemon.log.read_text()
    assert "guest" not in await pbx.rx("core show channels concise")


async def test_a_wrong_code_is_asked_for_again(
    pbx: Pbx, daemon_factory: DaemonFactory, phone_factory: PhoneFactory, tmp_path: Path
) -> None:
    await daemon_factory(f'[voices]\nstore = "{tmp_path / "voices.sqlite"}"\n')
    phone = await phone_factory("Ann")
    await phone.dial(room_uri(pbx, "7700"))
    await phone.wait_established()
    await enter(phone, pbx, "12345678")
    await until(pbx, "core show channels concise", lambda channels: "enrol-code" in channels)


async def test_without_a_store_or_a_daemon_callers_are_told(
    pbx: Pbx, daemon_factory: DaemonFactory, phone_factory: PhoneFactory
) -> None:
    daemon = await daemon_factory()
    phone = await phone_factory("Ann")
    await phone.dial(room_uri(pbx, "7700"))
    await phone.wait_established()
    await until(pbx, "core show channels concise", lambda channels: "!Read!" in channels)
    await phone.dtmf("1")
    await until(pbx, "core show channels concise", lambda channels: "enrol-code" in channels)
    await phone.dtmf("12345678")
    await until(pbx, "core show channels concise", lambda channels: "enrol-away" in channels)
    await phone.wait_for("CALL_CLOSED", within=20)
    await daemon.stop()
    await interpreting(pbx, alive=False)
    since = len(phone.events)
    await phone.dial(room_uri(pbx, "7700"))
    await phone.wait_established()
    await until(pbx, "core show channels concise", lambda channels: "!Read!" in channels)
    await phone.dtmf("1")
    await until(pbx, "core show channels concise", lambda channels: "enrol-away" in channels)
    await phone.wait_for("CALL_CLOSED", since=since, within=20)
