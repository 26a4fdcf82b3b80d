"""Callers in our application: what Asterisk is asked to do for them, and that nothing of it is left behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.enrolment.clips import wav
from tests.fakes.ari import PASSWORD, USER, FakeAri

from dragoman.enrolment.phone import Outcome
from dragoman.errors import AriChannelGone
from dragoman.pipeline.ports import FrameSource
from dragoman.telephony.ari.events import parse_event
from dragoman.telephony.ari.talking import TalkingClient
from dragoman.telephony.model import Address
from dragoman.telephony.reception import CALLS, RESULT, GuestCall, Reception, Speech

PROMPTS = "/prompts"


@dataclass
class PlayingMedia:
    """A media plane that plays as fast as it can."""

    heard: list[np.ndarray[Any, Any]] = field(default_factory=list)
    booths: dict[str, Address] = field(default_factory=dict)

    def add_booth(self, booth_id: str, remote: Address, source: FrameSource) -> None:
        self.booths[booth_id] = remote
        asyncio.get_running_loop().call_soon(self._tick, booth_id, source)

    def _tick(self, booth_id: str, source: FrameSource) -> None:
        if booth_id in self.booths:
            frame = source.next_frame(0.0)
            if frame is not None:
                assert len(frame) == 320
                self.heard.append(frame)
            asyncio.get_running_loop().call_later(0.001, self._tick, booth_id, source)

    def remove_booth(self, booth_id: str) -> None:
        self.booths.pop(booth_id, None)


@dataclass
class Desk:
    ari: FakeAri
    reception: Reception
    media: PlayingMedia

    async def ended(self, channel_id: str) -> str:
        """What the dialplan reads once he is back in it."""
        async with asyncio.timeout(60):
            while self.ari.asterisk.channels[channel_id].stasis:
                await asyncio.sleep(0.005)
        return self.ari.asterisk.channels[channel_id].variables.get(RESULT, "")


@asynccontextmanager
async def reception(talk: Callable[[GuestCall, str], Awaitable[Outcome]] | None) -> AsyncIterator[Desk]:
    ari, media = FakeAri(), PlayingMedia()
    async with ari.serve(), TalkingClient(ari.url, USER, PASSWORD) as client, asyncio.TaskGroup() as group:
        socket = await client.events()
        client.connected = True
        served = Reception(client, media, ("127.0.0.1", 4000), talk)

        async def read() -> None:
            async for message in socket:
                event = parse_event(json.loads(message.data))
                if event is not None:
                    served.see(event)

        tasks = [group.create_task(read()), group.create_task(served.run())]
        async with asyncio.timeout(60):
            await ari.connected.wait()
        await asyncio.sleep(0)
        yield Desk(ari, served, media)
        left = [name for name in (*ari.asterisk.channels, *ari.asterisk.bridges) if "guest" in name]
        assert not left and not ari.asterisk.recordings and not media.booths
        for task in tasks:
            task.cancel()
        await socket.close()


def arrive(desk: Desk, code: str = "1234") -> str:
    return desk.ari.asterisk.guest("enrol", code, PROMPTS, "es")


async def test_prompts_are_played_in_order_in_the_callers_language() -> None:
    async def talk(call: GuestCall, code: str) -> Outcome:
        assert (code, call.number, call.language) == ("1234", "600", "es")
        await call.say("a", "b")
        await call.say("c")
        return Outcome.KEPT

    async with reception(talk) as desk:
        caller = arrive(desk)
        assert await desk.ended(caller) == "kept"
        assert desk.ari.asterisk.heard[caller] == ["sound:/prompts/a", "sound:/prompts/b", "sound:/prompts/c"]
        assert any("/play/" in request and "lang=es" in request for request in desk.ari.requests)
        assert (
            desk.ari.requests[-1]
            == f"POST /channels/{caller}/continue?context=dragoman-enrolled&extension=s&priority=1"
        )


async def test_keys_count_from_the_prompt_on_and_others_are_ignored() -> None:
    keys: list[str] = []

    async def talk(call: GuestCall, code: str) -> Outcome:
        await call.say("a")
        keys.append(await call.key("12", 5.0))
        keys.append(await call.key("12", 0.0))
        return Outcome.KEPT

    async with reception(talk) as desk:
        caller = arrive(desk)
        desk.ari.on_play = lambda channel, name, media: (
            desk.ari.asterisk.press(channel, "9*1"), desk.ari.asterisk.played(channel, name, media),
        )[1]  # fmt: skip
        await desk.ended(caller)
        assert keys == ["1", ""]


async def test_a_recording_is_fetched_and_deleted(tmp_path: Path) -> None:
    got: list[bool] = []

    async def talk(call: GuestCall, code: str) -> Outcome:
        for number in range(2):
            got.append(await call.record(tmp_path / str(number), 15.0, 3.0))
        return Outcome.KEPT

    said: list[bytes | None] = [wav(), None]
    async with reception(talk) as desk:
        desk.ari.on_record = lambda channel, name: desk.ari.asterisk.recorded(channel, name, said.pop(0))
        await desk.ended(arrive(desk))
        assert got == [True, False]
        assert (tmp_path / "0").read_bytes() == wav() and not (tmp_path / "1").exists()


async def test_a_caller_hears_his_voice_to_its_end() -> None:
    async def speech() -> AsyncIterator[Any]:
        yield np.full(500, 7, np.int16)
        yield np.full(500, 7, np.int16)

    async def talk(call: GuestCall, code: str) -> Outcome:
        await call.hear(speech())
        return Outcome.KEPT

    async with reception(talk) as desk:
        assert await desk.ended(arrive(desk)) == "kept"
        heard = np.concatenate(desk.media.heard)
        assert (heard != 0).sum() == 1000 and len(heard) == 1280


async def test_a_caller_whom_nothing_can_be_played_decides_all_the_same() -> None:
    async def speech() -> AsyncIterator[Any]:
        yield np.full(500, 7, np.int16)

    async def talk(call: GuestCall, code: str) -> Outcome:
        await call.hear(speech())
        return Outcome.KEPT

    async with reception(talk) as desk:
        desk.ari.fault("POST /channels/externalMedia", status=500)
        assert await desk.ended(arrive(desk)) == "kept"


@pytest.mark.parametrize("at", ["say", "key", "record"])
async def test_who_hangs_up_is_told_of_at_the_next_word(tmp_path: Path, at: str) -> None:
    ended: list[str] = []
    waiting = asyncio.Event()

    async def talk(call: GuestCall, code: str) -> Outcome:
        try:
            waiting.set()
            match at:
                case "say":
                    await call.say("a")
                case "key":
                    await call.key("1", 60.0)
                case _:
                    await call.record(tmp_path / "a", 60.0, 3.0)
        except AriChannelGone:
            ended.append(at)
            raise
        return Outcome.KEPT

    async with reception(talk) as desk:
        desk.ari.on_play = lambda *_: None
        caller = arrive(desk)
        async with asyncio.timeout(60):
            await waiting.wait()
            desk.ari.asterisk.hang_up(caller)
            while not desk.reception.outcomes:
                await asyncio.sleep(0.005)
        assert ended == [at] and desk.reception.outcomes == {"hung_up": 1}


async def test_a_daemon_without_voices_and_a_bug_send_him_back() -> None:
    async def talk(call: GuestCall, code: str) -> Outcome:
        raise RuntimeError("a bug")

    for served in (None, talk):
        async with reception(served) as desk:
            assert await desk.ended(arrive(desk)) == "unavailable"


async def test_more_than_fit_are_sent_back() -> None:
    gate = asyncio.Event()

    async def talk(call: GuestCall, code: str) -> Outcome:
        await gate.wait()
        return Outcome.KEPT

    async with reception(talk) as desk:
        callers = [arrive(desk) for _ in range(CALLS + 1)]
        assert await desk.ended(callers[-1]) == "unavailable"
        gate.set()
        assert [await desk.ended(caller) for caller in callers[:-1]] == ["kept"] * CALLS


async def test_what_a_killed_daemon_left_is_swept() -> None:
    async with reception(None) as desk:
        pbx = desk.ari.asterisk
        pbx.recordings["dragoman-guest-x-voice-1"] = b""
        pbx.recordings["somebodys"] = b""
        pbx.external_media("dragoman-guest-x-media-2", {})
        pbx.create_bridge("dragoman-guest-x-mix-3")
        pbx.external_media("dragoman.1-media-1", {})
        lost = pbx.guest("enrol-of-old")
        desk.reception.synced()
        assert await desk.ended(lost) == "unavailable"
        async with asyncio.timeout(60):
            while any("guest" in name for name in (*pbx.channels, *pbx.bridges, *pbx.recordings)):
                await asyncio.sleep(0.005)
        assert "dragoman.1-media-1" in pbx.channels, "the attacher's own are its own matter"
        assert list(pbx.recordings) == ["somebodys"]
        pbx.recordings.clear()


async def test_losing_asterisk_ends_the_talk() -> None:
    async def talk(call: GuestCall, code: str) -> Outcome:
        await call.key("1", 60.0)
        return Outcome.KEPT

    async with reception(talk) as desk:
        arrive(desk)
        async with asyncio.timeout(60):
            while not desk.reception._calls:
                await asyncio.sleep(0.005)
            desk.reception.lost()
            while not desk.reception.outcomes:
                await asyncio.sleep(0.005)
        assert desk.reception.outcomes == {"hung_up": 1}


def test_speech_comes_frame_by_frame() -> None:
    speech = Speech()
    assert speech.next_frame(0.0) is None
    speech.put(np.ones(330, np.int16))
    assert len(speech.next_frame(0.0)) == 320  # type: ignore[arg-type]
    assert speech.next_frame(0.0) is None and not speech.over.is_set()
    speech.end()
    last = speech.next_frame(0.0)
    assert last is not None and last.sum() == 10
    assert speech.next_frame(0.0) is None and speech.over.is_set()
