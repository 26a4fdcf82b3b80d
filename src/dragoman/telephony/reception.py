"""Callers whom the dialplan sends into our application (``Stasis(dragoman,enrol,CODE,PROMPTS,LANGUAGE)``).

They come to enrol their voice. Here is what that takes of Asterisk: prompts, keys, recordings, which are fetched and
deleted there at once, and a channel over which a caller hears his new voice. What is said when is enrolment.phone's.
The reception sends everybody back into the dialplan, with what came of it in DRAGOMAN_ENROL.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import structlog

from dragoman.enrolment.phone import Outcome
from dragoman.errors import AriChannelGone, AriNotFound, DragomanError
from dragoman.media.format import FRAME_SAMPLES, Pcm
from dragoman.pipeline.ports import FrameSource
from dragoman.telephony.ari.events import (
    ChannelDestroyed,
    ChannelDtmfReceived,
    Event,
    PlaybackFinished,
    RecordingFailed,
    RecordingFinished,
    StasisEnd,
    StasisStart,
)
from dragoman.telephony.ari.talking import TalkingClient
from dragoman.telephony.model import Address
from dragoman.telephony.recipes import FAILURES, Arrivals, Stage, rtp_address

ENROL = "enrol"
"""First argument of Stasis() in the dialplan."""

RESULT = "DRAGOMAN_ENROL"
"""Channel variable in which the dialplan reads what came of it: an Outcome."""

BACK = "dragoman-enrolled"
"""Context of the dialplan where callers go on."""

CALLS = 4
"""At once; each keeps a place at the desk, and the synthesizer for a while."""

PLAY_S = 30.0
"""Seconds for prompts that are played together: the longest are 10 s."""

SPARE_S = 5.0
"""Seconds beyond its own limit in which a recording must be complete."""

KEYS = 32
"""Keys remembered that nobody asked for yet; the oldest is forgotten."""

PREVIEW_S = 20.0
"""Seconds of a voice that are played, at most."""

log = structlog.get_logger(__name__)


class BoothMedia(Protocol):
    """The media plane, as far as it plays something to one channel (pipeline.ports.Media)."""

    def add_booth(self, booth_id: str, remote: Address, source: FrameSource) -> None:
        """Send what ``source`` says to ``remote``."""

    def remove_booth(self, booth_id: str) -> None:
        """Stop sending."""


class Speech:
    """FrameSource: plays what was put in, frame by frame; ``over`` is set once all of it was taken."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self._frames: deque[Pcm] = deque()
        self._rest = np.zeros(0, np.int16)
        self._ended = False

    def put(self, piece: Pcm) -> None:
        """More to play."""
        samples = np.concatenate([self._rest, piece])
        whole = len(samples) // FRAME_SAMPLES * FRAME_SAMPLES
        self._frames.extend(samples[:whole].reshape(-1, FRAME_SAMPLES))
        self._rest = samples[whole:]

    def end(self) -> None:
        """No more comes."""
        self.put(np.zeros(-len(self._rest) % FRAME_SAMPLES, np.int16))
        self._ended = True

    def next_frame(self, now: float) -> Pcm | None:
        """FrameSource."""
        if self._frames:
            return self._frames.popleft()
        if self._ended:
            self.over.set()
        return None

    def on_sent(self, at: float) -> None:
        """FrameSource."""


class GuestCall:
    """A caller in our application: implements enrolment.phone.Caller."""

    def __init__(
        self,
        client: TalkingClient,
        channel_id: str,
        number: str,
        prompts: str,
        language: str,
        media: BoothMedia,
        media_address: Address,
        arrivals: Arrivals,
    ) -> None:
        """``prompts`` is their folder as Asterisk sees it."""
        self.number = number
        self.language = language
        self.channel_id = channel_id
        self.gone = asyncio.Event()
        self._client = client
        self._prompts = prompts
        self._media = media
        self._media_address = media_address
        self._arrivals = arrivals
        self.token = secrets.token_hex(6)
        self._serial = 0
        self._ended: dict[str, asyncio.Future[bool]] = {}
        self._keys: deque[str] = deque(maxlen=KEYS)
        self._pressed = asyncio.Event()

    # ---- from the reception

    def see(self, event: Event) -> None:
        """Take in an event of this caller, or of what is done for him."""
        match event:
            case ChannelDtmfReceived(channel, digit) if channel.id == self.channel_id:
                self._keys.append(digit)
                self._pressed.set()
            case PlaybackFinished(name) | RecordingFinished(name):
                self._settle(name, True)
            case RecordingFailed(name):
                self._settle(name, False)
            case StasisEnd(channel) | ChannelDestroyed(channel) if channel.id == self.channel_id:
                self.leave()

    def leave(self) -> None:
        """He is gone, or not to be heard of any more."""
        self.gone.set()
        self._pressed.set()
        for name in self._ended:
            self._settle(name, False)

    def _settle(self, name: str, well: bool) -> None:
        future = self._ended.get(name)
        if future is not None and not future.done():
            future.set_result(well)

    # ---- Caller

    async def say(self, *prompts: str) -> None:
        """Caller."""
        self._check()
        self._keys.clear()
        name = self._name("play")
        files = [f"{self._prompts}/{prompt}" for prompt in prompts]
        future = self._expect(name)
        try:
            await self._client.play(self.channel_id, name, *files, language=self.language)
            await asyncio.wait((future,), timeout=PLAY_S)
        except AriNotFound:
            self.gone.set()
        finally:
            del self._ended[name]
        self._check()

    async def key(self, keys: str, seconds: float) -> str:
        """Caller."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    while self._keys:
                        if (pressed := self._keys.popleft()) in keys:
                            return pressed
                    self._check()
                    self._pressed.clear()
                    await self._pressed.wait()
        return ""

    async def record(self, to: Path, seconds: float, silence: float) -> bool:
        """Caller."""
        self._check()
        name = self._name("voice")
        future = self._expect(name)
        try:
            await self._client.record(self.channel_id, name, seconds=seconds, silence=silence)
            await asyncio.wait((future,), timeout=seconds + SPARE_S)
            if not future.done() or not future.result():
                return False
            data = await self._client.recording(name)
            await asyncio.to_thread(to.write_bytes, data)
            return True
        except AriNotFound:
            return False
        finally:
            del self._ended[name]
            with suppress(*FAILURES):  # what is left is swept when Asterisk is back
                await self._client.forget_recording(name)
            self._check()

    async def hear(self, speech: AsyncIterator[Pcm]) -> None:
        """Caller."""
        self._check()
        channel_id, bridge_id, source = self._name("media"), self._name("mix"), Speech()
        try:
            with self._arrivals.expect(channel_id, Stage.IN_STASIS) as up:
                channel = await self._client.external_media(channel_id, self._media_address)
                await self._client.create_bridge(bridge_id)
                await up
            await self._client.add_channels(bridge_id, self.channel_id, channel_id)
            self._media.add_booth(channel_id, rtp_address(channel), source)
            async with aclosing(cast("AsyncGenerator[Pcm]", speech)) as pieces, asyncio.timeout(PREVIEW_S):
                async for piece in pieces:
                    source.put(piece)
                source.end()
                await source.over.wait()
        except TimeoutError:
            pass  # he has heard enough of it
        except FAILURES as error:
            log.warning("a caller could not hear his voice", channel=self.channel_id, error=str(error))
        finally:
            self._media.remove_booth(channel_id)
            with suppress(*FAILURES):
                await self._client.destroy_bridge(bridge_id)
            with suppress(*FAILURES):
                await self._client.hang_up(channel_id)
        self._check()

    def _name(self, what: str) -> str:
        self._serial += 1
        return f"{guest_prefix(self._client.app)}{self.token}-{what}-{self._serial}"

    def _expect(self, name: str) -> asyncio.Future[bool]:
        self._ended[name] = asyncio.get_running_loop().create_future()
        return self._ended[name]

    def _check(self) -> None:
        if self.gone.is_set():
            raise AriChannelGone(f"{self.channel_id} hung up")


def guest_prefix(app: str) -> str:
    """Ids of all that is made for guests begin so. The attacher's own begin with ``app.``: it sweeps those alone."""
    return f"{app}-guest-"


Talk = Callable[[GuestCall, str], Awaitable[Outcome]]
"""Talks with a caller who entered this code, until all is said."""


class Reception:
    """Implements telephony.attacher.Guests. ``run`` until cancelled.

    Args:
        client: an open client.
        media: plays what a caller hears of his voice.
        media_address: of our media socket, as Asterisk reaches it.
        talk: enrols a caller; None: this daemon keeps no voices, and every caller is told so.
    """

    def __init__(self, client: TalkingClient, media: BoothMedia, media_address: Address, talk: Talk | None) -> None:
        self.outcomes: Counter[str] = Counter()
        """How calls ended."""
        self._client = client
        self._media = media
        self._media_address = media_address
        self._talk = talk
        self._calls: dict[str, GuestCall] = {}
        self._arrivals = Arrivals()
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Serve callers."""
        async with asyncio.TaskGroup() as self._group:
            await asyncio.Event().wait()

    @property
    def calls(self) -> int:
        """Callers who are talked with now."""
        return len(self._calls)

    # ---- Guests

    def see(self, event: Event) -> None:
        """Guests."""
        self._arrivals.see(event)
        match event:
            case StasisStart(channel, (word, code, prompts, language)) if word == ENROL and self._group is not None:
                call = GuestCall(
                    self._client,
                    channel.id,
                    channel.caller_number,
                    prompts,
                    language,
                    self._media,
                    self._media_address,
                    self._arrivals,
                )
                full = len(self._calls) >= CALLS
                self._calls[channel.id] = call
                self._group.create_task(self._serve(call, code, None if full else self._talk))
            case _:
                for call in self._calls.values():
                    call.see(event)

    def lost(self) -> None:
        """Guests."""
        self._arrivals.lost()
        for call in self._calls.values():
            call.leave()

    def synced(self) -> None:
        """Guests: whoever was in our application when events were lost is told to call again."""
        if self._group is not None:
            self._group.create_task(self._sweep())

    # ----

    async def _serve(self, call: GuestCall, code: str, talk: Talk | None) -> None:
        try:
            outcome = Outcome.UNAVAILABLE if talk is None else await talk(call, code)
        except AriChannelGone:
            outcome = Outcome.HUNG_UP
        except DragomanError as error:
            log.warning("enrolment by phone failed", channel=call.channel_id, error=str(error))
            outcome = Outcome.UNAVAILABLE
        except Exception:
            log.exception("enrolment by phone failed", channel=call.channel_id)
            outcome = Outcome.UNAVAILABLE
        finally:
            self._calls.pop(call.channel_id, None)
        self.outcomes[outcome] += 1
        if not call.gone.is_set():
            await self._send_back(call.channel_id, outcome)

    async def _send_back(self, channel_id: str, outcome: Outcome) -> None:
        try:
            await self._client.set_variable(channel_id, RESULT, outcome)
            await self._client.continue_in(channel_id, BACK)
        except FAILURES as error:
            log.info("a caller could not be sent back", channel=channel_id, error=str(error))

    async def _sweep(self) -> None:
        """Leave nothing of an earlier connection: recordings, channels, bridges, callers nobody talks with."""
        prefix, own = guest_prefix(self._client.app), f"{self._client.app}."
        try:
            for name in await self._client.recordings():
                if name.startswith(prefix) and not self._mine(name):
                    await self._client.forget_recording(name)
            for bridge in await self._client.list_bridges():
                if bridge.id.startswith(prefix) and not self._mine(bridge.id):
                    await self._client.destroy_bridge(bridge.id)
            for channel_id in await self._client.inside():
                if channel_id.startswith(prefix) and not self._mine(channel_id):
                    await self._client.hang_up(channel_id)
                elif not channel_id.startswith((prefix, own)) and channel_id not in self._calls:
                    await self._send_back(channel_id, Outcome.UNAVAILABLE)
        except FAILURES as error:
            log.warning("guests not swept", error=str(error))

    def _mine(self, name: str) -> bool:
        return any(f"-{call.token}-" in name for call in self._calls.values())
