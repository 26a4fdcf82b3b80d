"""The test call: two phones dial the room, one speaks, the other listens; what both recorded is measured."""

from __future__ import annotations

import asyncio
import tempfile
import time
import wave
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np

from dragoman.demo.baresip import Line
from dragoman.demo.mic import HEADER_BYTES, write_padded
from dragoman.demo.phone import Codec, Phone
from dragoman.errors import DemoError
from dragoman.languages import LANGUAGES
from dragoman.media.format import SAMPLE_RATE, Pcm
from dragoman.media.resample import resample
from dragoman.probe.answer import why_unanswered
from dragoman.probe.measure import ALIKE, GRACE_S, Ear, heard_after, last_sound, likeness, sentence_end
from dragoman.probe.report import Found
from dragoman.telephony.booth_prompts import TEXTS, BoothPrompts

ANSWER_S: Final = 15.0
"""Seconds for the PBX to answer."""

QUIET_S: Final = 2.0
"""Seconds of silence at both ears before the sentence is said: notice, menu and tones are over then."""

SETTLE_S: Final = 30.0
"""Seconds until there must have been such a silence; the longest notice takes 8."""

LEAD_S: Final = 1.0
"""Seconds of silence before the sentence in the microphone's file: while a phone changes it, no packet goes out for a
moment, and a jitter buffer must settle again."""

LISTEN_S: Final = 8.0
"""Seconds to listen after the sentence: twice what is already critical."""

MIC_S: Final = 120.0
"""Seconds of silence behind the sentence; a microphone's file that ends would end the call."""

PROMPT: Final = (
    "who spoke heard something too, so it was no interpretation but a prompt, or somebody else: give the room's PIN "
    "with --pin-file, see that it is the right one, and take a room that nobody uses"
)
"""A room that waits for its PIN is quiet for some seconds too, and then asks again."""

TOLD: Final = ("captions-only", "original")
"""What a booth tells its listeners where they get no voice of the interpretation (``booth_prompts.TEXTS``). It is a
voice behind the sentence, too."""

LOOK_S: Final = 0.1
"""Seconds between two looks at the recordings."""

CODECS: Final = {"g722": Codec.G722, "ulaw": Codec.PCMU, "alaw": Codec.PCMA}
"""What a phone can offer, by the names that Asterisk's ``allow`` has for them."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to dial and say."""

    speaker: str
    """SIP URI that the speaker dials, language included."""
    listener: str
    sentence: Pcm
    """16 kHz; one clause."""
    keys: str = ""
    """What both press when they are answered: the room's PIN. Followed by ``#``."""
    line: Line | None = None
    """The SIP account to call with; None: as anybody, from this machine."""
    codec: str = "g722"
    """Key of ``CODECS``: the only one that the phones offer."""
    excuses: Mapping[str, Pcm] = field(default_factory=dict)
    """What says, in the listener's language, that nothing is interpreted: text and sound, 16 kHz."""

    @property
    def rate(self) -> int:
        """Hz of what the phones record."""
        return CODECS[self.codec].rate


def room_uris(uri: str, source: str, target: str) -> tuple[str, str, str]:
    """(room, URI in the source language, URI in the target language) of a room's SIP URI.

    The dialplan takes a language's calling code behind a star: ``1000*44``.

    Raises:
        ValueError: it is no ``sip:ROOM@HOST``, a language is unknown, or both are the same.
    """
    scheme, _, rest = uri.partition(":")
    room, at, host = rest.partition("@")
    if scheme not in ("sip", "sips") or not at or not room or not host or "*" in room:
        raise ValueError(f"{uri!r} should be a room's address, such as sip:1000@pbx.example.org")
    for language in (source, target):
        if language not in LANGUAGES:
            raise ValueError(f"{language!r} unknown; known are {', '.join(LANGUAGES)}")
    if source == target:
        raise ValueError(f"nothing is interpreted from {source} to {target}: give two languages")
    codes = [LANGUAGES[language].calling_code for language in (source, target)]
    return room, f"{scheme}:{room}*{codes[0]}@{host}", f"{scheme}:{room}*{codes[1]}@{host}"


async def place(plan: Plan, found: Found, say: Callable[[str], None] = lambda text: None) -> Found:
    """Make the call; ``found`` names room and languages, ``say`` is told how far it is.

    Nothing raises: what goes wrong is in the answer.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="dragoman-probe-") as folder:
            return await _placed(plan, found, Path(folder), say)
    except DemoError as error:
        return replace(found, why=str(error), ours=True)


async def _placed(plan: Plan, found: Found, folder: Path, say: Callable[[str], None]) -> Found:
    async with AsyncExitStack() as calls:
        made = [
            Phone(f"Probe {name}", folder / name, codec=CODECS[plan.codec], padding=MIC_S, line=plan.line)
            for name in ("speaker", "listener")
        ]
        speaker, listener = [await calls.enter_async_context(phone) for phone in made]
        write_padded(folder / "said.wav", plan.sentence, MIC_S, lead=LEAD_S)
        began = time.monotonic()
        for phone, uri in ((listener, plan.listener), (speaker, plan.speaker)):
            await phone.dial(uri)
        for phone in (listener, speaker):
            try:
                await phone.wait_established(ANSWER_S)
            except DemoError:
                return replace(found, why=_unanswered(phone, plan))
        found = replace(found, answer_s=time.monotonic() - began)
        say(f"both answered after {found.answer_s:.1f} s")
        if plan.keys:
            for phone in (listener, speaker):
                await phone.dtmf(f"{plan.keys}#")
        if why := await _settled(plan.rate, listener, speaker):
            return replace(found, why=why)
        say("both are in the room and it is quiet: speaking")
        since = _recorded(speaker, plan.rate)
        await speaker.command("ausrc", "aufile,../said.wav")
        seconds = LEAD_S + len(plan.sentence) / SAMPLE_RATE + LISTEN_S
        await _until(lambda: _recorded(speaker, plan.rate) - since >= seconds, seconds + SETTLE_S)
        if not (speaker.in_call and listener.in_call):
            return replace(found, why="the PBX ended the call")
    return await asyncio.to_thread(_measured, found, speaker, listener, plan, since)


def _unanswered(phone: Phone, plan: Plan) -> str:
    where = plan.listener.partition("@")[2].partition(";")[0]
    seen = [(event.type, str(event.fields.get("param", ""))) for event in phone.events]
    return why_unanswered(seen, where, None if plan.line is None else plan.line.user, plan.codec, ANSWER_S)


async def _settled(rate: int, *phones: Phone) -> str:
    """Wait until nobody hears anything any more; why not, in words, where that does not come."""
    # Of each: where its last sound ended, and since when that stands.
    last = {phone: (0.0, time.monotonic()) for phone in phones}

    def quiet() -> bool:
        for phone in phones:
            end = last_sound(_heard(phone), rate)
            if end != last[phone][0]:
                last[phone] = (end, time.monotonic())
        return all(len(_heard(phone)) and time.monotonic() - since >= QUIET_S for phone, (_, since) in last.items())

    if await _until(quiet, SETTLE_S):
        return ""
    if not all(phone.in_call for phone in phones):
        return (
            "the PBX ended the call: is a PIN needed (--pin-file), or is it wrong? Or it let nobody in, as the daemon "
            "drains or is full"
        )
    if any(not len(_heard(phone)) for phone in phones):
        return "answered, but no sound comes from the PBX"
    return f"the room is not quiet for {QUIET_S:g} s within {SETTLE_S:g} s: is somebody in it, or music?"


async def _until(holds: Callable[[], bool], within: float) -> bool:
    try:
        async with asyncio.timeout(within):
            while not holds():  # noqa: ASYNC110  # a file grows without telling
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        return False
    return True


def excuses(language: str) -> dict[str, Pcm]:
    """TOLD in this language, text and sound (16 kHz); empty without espeak-ng, which speaks them for booths as well."""
    prompts = BoothPrompts()
    with tempfile.TemporaryDirectory(prefix="dragoman-probe-") as folder:  # cron's user may have no cache of ours
        prompts.prepare([language], Path(folder))
    texts = TEXTS.get(language, TEXTS["en"])
    return {texts[name]: sound for name in TOLD if (sound := prompts.get(language, name)) is not None}


def _measured(found: Found, speaker: Phone, listener: Phone, plan: Plan, since: float) -> Found:
    """From the recordings, which are whole once the calls are over."""
    rate = plan.rate
    end = sentence_end(_read(speaker.spoken), rate, since)
    if end is None:
        return replace(found, why="the sentence was not sent: nothing in what the phone recorded of itself", ours=True)
    ended_at = speaker.spoken_at(round(end * rate))
    received, ear = _behind(listener, rate, ended_at)
    if not received:
        return replace(found, why="no sound came from the PBX after the sentence")
    # Who speaks hears no interpretation of himself, and nobody else should be there.
    if _behind(speaker, rate, ended_at)[1] is not None:
        return replace(found, why=PROMPT)
    if ear is None:
        return found
    behind = _read(listener.heard)[round(ear.onset_s * rate) :]
    for text, sound in plan.excuses.items():
        wanted = sound if rate == SAMPLE_RATE else resample(sound, SAMPLE_RATE, rate)
        if likeness(behind, wanted, rate) >= ALIKE:
            return replace(found, why=f"not interpreted: the listener was told {text!r}")
    return replace(found, span_s=listener.heard_at(round(ear.onset_s * rate)) - ended_at, ear=ear)


def _behind(phone: Phone, rate: int, ended_at: float) -> tuple[bool, Ear | None]:
    """Whether a phone recorded anything once the sentence had ended, and what sounded in it."""
    heard = _read(phone.heard)
    grid = np.arange(0, len(heard), rate // 50)
    times = np.array([phone.heard_at(int(sample)) for sample in grid])
    first = int(np.searchsorted(times, ended_at + GRACE_S))
    if first >= len(grid):
        return False, None
    return True, heard_after(heard, rate, float(grid[first]) / rate)


def _recorded(phone: Phone, rate: int) -> float:
    """Seconds of its own voice that a phone has recorded so far; 0 before any."""
    try:
        return max(phone.spoken.stat().st_size - HEADER_BYTES, 0) / 2 / rate
    except (DemoError, OSError):
        return 0.0


def _heard(phone: Phone) -> Pcm:
    """What it heard so far."""
    try:
        data = phone.heard.read_bytes()[HEADER_BYTES:]
    except (DemoError, OSError):
        data = b""
    return np.frombuffer(data[: len(data) & ~1], "<i2").astype(np.int16)


def _read(path: Path) -> Pcm:
    with wave.open(str(path), "rb") as source:
        return np.frombuffer(source.readframes(source.getnframes()), "<i2").astype(np.int16)
