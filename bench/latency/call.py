"""The meeting as it is held: Asterisk, the daemon, its engines, a phone a person, and a capture of the loopback."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
from bench.latency import wire
from bench.latency.script import LANGUAGE_OF, LEAD_S, Script
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from dragoman.demo.daemon import Daemon
from dragoman.demo.mic import write_padded
from dragoman.demo.phone import Phone
from dragoman.demo.recording import RecordingClock, Track, read_wav
from dragoman.errors import DemoError
from dragoman.languages import LANGUAGES
from dragoman.pipeline.captions import Caption, CaptionKind
from dragoman.telephony.pbx import Pbx, Site, ensure_asterisk
from dragoman.telephony.pbx.ports import free_port

ROOM = "1000"

HANGOVER_MS = 400
"""The daemon's default, written down so that the figures know it."""

TAIL_S = 6.0
"""Seconds after the last word in which its translation is heard out."""

ROOM_S = 60.0
"""Seconds of silence at the end of a microphone: a file that ends would end the call."""

PROGRESS_S = 0.5

NAMES = {"a": "Alice", "b": "Berta", "c": "Colette"}


@dataclass(frozen=True, slots=True)
class Held:
    """What is left of a meeting."""

    spoke: Mapping[str, Track]
    """By voice: what his phone recorded of him, and of what he heard."""
    heard: Mapping[str, Track]
    capture: Path
    media_port: int
    captions: list[Caption]
    stages: Mapping[tuple[str, str], Mapping[str, float]]
    """By (clause, target): seconds per stage, as the daemon logged them."""
    stats: Mapping[str, Any]
    clock_drift_ms: float
    """By how much the time of day and the monotonic clock drifted apart meanwhile."""


async def hold(script: Script, engines: Mapping[str, Any], folder: Path, media: Mapping[str, Any]) -> Held:
    """Hold the meeting in real time.

    Args:
        script: who says what.
        engines: the daemon's section ``engines``.
        folder: for all files; they stay.
        media: more settings of the daemon's section ``media``.

    Raises:
        DragomanError: something did not come up, or not in time.
    """
    languages = tuple(LANGUAGE_OF.values())
    asterisk = await asyncio.to_thread(ensure_asterisk)
    media_port = free_port(socket.SOCK_DGRAM)
    async with AsyncExitStack() as stack:
        pbx = await stack.enter_async_context(Pbx(Site(languages, notice=False), asterisk=asterisk))
        settings = {
            "asterisk": {"url": pbx.ari_url, "username": pbx.ari_username, "password": pbx.ari_password},
            "rooms": {"languages": list(languages)},
            "media": {"port": media_port, "hangover_ms": HANGOVER_MS, **media},
            "engines": dict(engines),
            "log": {"format": "json"},
        }
        daemon = Daemon(settings, folder, free_port(socket.SOCK_STREAM))
        await stack.enter_async_context(daemon)
        await daemon.wait_ready()
        captions: list[Caption] = []
        async with asyncio.TaskGroup() as group:
            reading = [group.create_task(_read(daemon, language, captions)) for language in languages]
            async with AsyncExitStack() as calls:
                phones = {}
                for voice in LANGUAGE_OF:
                    phones[voice] = await calls.enter_async_context(_phone(script, voice, folder))
                ports = {media_port} | {port for phone in phones.values() for port in _rtp_ports(phone)}
                capture = folder / "wire.rtp"
                await calls.enter_async_context(wire.captured(capture, ports))
                drift = time.time() - time.monotonic()
                await _dial(phones, pbx, daemon)
                await _wait(script, captions)
                stats = await daemon.stats()
                (folder / "metrics.txt").write_text(await _metrics(daemon), "utf-8")
                drift -= time.time() - time.monotonic()
            for task in reading:
                task.cancel()
        log = daemon.log_path
    return Held(
        {voice: _recorded(phone.spoken, phone.spoken_at) for voice, phone in phones.items()},
        {voice: _recorded(phone.heard, phone.heard_at) for voice, phone in phones.items()},
        capture,
        media_port,
        captions,
        logged_stages(log.read_text("utf-8")),
        stats,
        abs(drift) * 1000,
    )


def _phone(script: Script, voice: str, folder: Path) -> Phone:
    mic = folder / f"mic-{voice}.wav"
    write_padded(mic, script.microphone(voice), 0.0)
    said = script.of(voice)
    padding = script.seconds - (said[-1].end_s if said else 0.0) + TAIL_S + ROOM_S
    return Phone(NAMES[voice], folder / f"phone-{voice}", mic=mic, padding=padding)


def _rtp_ports(phone: Phone) -> range:
    found = re.search(r"^rtp_ports (\d+)-(\d+)", (phone.directory / "config").read_text("utf-8"), re.M)
    assert found is not None
    return range(int(found[1]), int(found[2]) + 1)


async def _dial(phones: Mapping[str, Phone], pbx: Pbx, daemon: Daemon) -> None:
    """All call; comes back when everybody is in the room with all booths up, which is before anybody speaks."""
    begun = time.monotonic()
    for voice, phone in phones.items():
        await phone.dial(f"sip:{ROOM}*{LANGUAGES[LANGUAGE_OF[voice]].calling_code}@127.0.0.1:{pbx.sip_port}")
    for phone in phones.values():
        await phone.wait_established()
    while True:
        room = await daemon.room(ROOM)
        if len(room.get("legs", ())) == len(phones) and len(room.get("booths", ())) == len(phones):
            return
        if time.monotonic() - begun > LEAD_S - 1.0:
            raise DemoError(f"not everybody is in the room {LEAD_S:.0f} s after the first call\n{daemon.log_tail()}")
        await daemon.pause()


async def _wait(script: Script, captions: list[Caption]) -> None:
    end = time.monotonic() + script.seconds + TAIL_S
    total = sum(len(sentence.words) for sentence in script.sentences) * (len(LANGUAGE_OF) - 1)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"), TimeRemainingColumn())
    with Progress(*columns) as progress:
        task = progress.add_task("the meeting runs", total=script.seconds + TAIL_S, told="")
        while (left := end - time.monotonic()) > 0:
            spans = [c.ear_voice_span_ms for c in captions if c.ear_voice_span_ms is not None]
            words = sum(len(c.text.split()) for c in captions if c.kind is CaptionKind.SPOKEN)
            told = f"{len(spans)} translations, {words} of {total} words"
            if spans:
                told += f", the daemon says: median {np.median(spans):.0f} ms"
            progress.update(task, completed=script.seconds + TAIL_S - left, told=told)
            await asyncio.sleep(min(PROGRESS_S, left))


async def _metrics(daemon: Daemon) -> str:
    async with aiohttp.ClientSession() as session, session.get(f"{daemon.url}/metrics") as answer:
        return await answer.text()


async def _read(daemon: Daemon, language: str, captions: list[Caption]) -> None:
    async for caption in daemon.captions(ROOM, language):
        if caption.kind is not CaptionKind.PARTIAL:
            captions.append(caption)


def _recorded(path: Path, time_of: Callable[[int], float]) -> Track:
    offset = time.time() - time.monotonic()
    pcm = read_wav(path)
    return Track(pcm, RecordingClock.of(lambda sample: time_of(sample) + offset, len(pcm)))


def logged_stages(log: str) -> dict[tuple[str, str], dict[str, float]]:
    """Seconds per stage by (clause, target), from the daemon's log in JSON."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    for line in log.splitlines():
        with contextlib.suppress(json.JSONDecodeError):
            entry = json.loads(line)
            if isinstance(entry, dict) and (entry.get("event"), entry.get("outcome")) == ("clause", "spoken"):
                stages = {stage: ms / 1000 for stage, ms in entry["stages_ms"].items()}
                found[entry["clause"], entry["target"]] = stages
    return found
