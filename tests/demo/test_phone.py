from __future__ import annotations

import shutil
import wave
from pathlib import Path

import numpy as np
import pytest

from dragoman.demo.mic import read_mic, write_padded
from dragoman.demo.phone import Phone, _dialog_tags
from dragoman.errors import DemoError

TRACE = """
UDP 127.0.0.1:5 -> 127.0.0.1:6
SIP/2.0 200 OK
Call-ID: first
From: "a" <sip:a@127.0.0.1>;tag=f1
To: <sip:1000@127.0.0.1>;tag=t1
CSeq: 1 INVITE

UDP 127.0.0.1:5 -> 127.0.0.1:6
SIP/2.0 200 OK
Call-ID: second
From: "a" <sip:a@127.0.0.1>;tag=f2
To: <sip:1000*34@127.0.0.1>;tag=t2
CSeq: 2 INVITE

UDP 127.0.0.1:6 -> 127.0.0.1:5
ACK sip:1000@127.0.0.1 SIP/2.0
Call-ID: second
"""


def sound(path: Path, rate: int, frames: bytes) -> Path:
    with wave.open(str(path), "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(rate)
        target.writeframes(frames)
    return path


def test_a_microphone_is_padded_with_silence_that_takes_no_disk(tmp_path: Path) -> None:
    said = sound(tmp_path / "said.wav", 16_000, b"\1\2" * 800)
    write_padded(tmp_path / "mic.wav", read_mic(said), 100, lead=0.5)
    with wave.open(str(tmp_path / "mic.wav"), "rb") as mic:
        assert mic.getparams()[:4] == (1, 2, 16_000, 8000 + 800 + 1_600_000)
        assert mic.readframes(8801) == bytes(16_000) + b"\1\2" * 800 + b"\0\0"
    assert (tmp_path / "mic.wav").stat().st_blocks * 512 < 100_000


def test_silence_alone_is_a_microphone_too(tmp_path: Path) -> None:
    write_padded(tmp_path / "mic.wav", np.zeros(0, np.int16), 1)
    with wave.open(str(tmp_path / "mic.wav"), "rb") as mic:
        assert mic.readframes(mic.getnframes()) == bytes(32_000)


def test_a_microphone_of_another_format_is_refused(tmp_path: Path) -> None:
    narrow = sound(tmp_path / "narrow.wav", 8_000, b"")
    with pytest.raises(DemoError, match=r"narrow\.wav: .*16000 Hz"):
        read_mic(narrow)
    with pytest.raises(DemoError, match=r"missing\.wav"):
        read_mic(tmp_path / "missing.wav")


def test_the_tags_are_those_of_the_call_asked_for() -> None:
    assert _dialog_tags(TRACE, "first") == ("t1", "f1")
    assert _dialog_tags(TRACE, "second") == ("t2", "f2")
    with pytest.raises(DemoError, match="third"):
        _dialog_tags(TRACE, "third")


def test_a_name_that_would_break_the_sip_header_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match="no quotes"):
        Phone('a"b', tmp_path)


async def test_without_baresip_one_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DemoError, match="apt-get install baresip"):
        await Phone("a", tmp_path / "a").start()


async def test_a_phone_that_ends_at_once_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "baresip"
    broken.write_text("#!/bin/sh\necho no such module\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(DemoError, match=r"exit status 3\nno such module"):
        await Phone("a", tmp_path / "a").start()


async def test_a_phone_that_was_never_started_stops(tmp_path: Path) -> None:
    await Phone("a", tmp_path / "a").stop()


@pytest.mark.skipif(shutil.which("baresip") is None, reason="baresip is not installed")
async def test_keys_that_cannot_be_pressed_are_not_told(tmp_path: Path) -> None:
    # They may be a room's PIN, and `dragoman probe` prints what a phone says: here the call has ended already.
    async with Phone("a", tmp_path / "a") as phone:
        with pytest.raises(DemoError, match="keys") as error:
            await phone.dtmf("902117748855#")
    assert "902117748855" not in str(error.value)
