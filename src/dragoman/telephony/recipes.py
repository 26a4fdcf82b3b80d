"""How a tap and a booth are made in Asterisk, and taken down again: the requests and what they wait for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager
from enum import Enum, auto

from dragoman.errors import AriChannelGone, AriError, AriMalformed, AriTransportError, AriUnavailable
from dragoman.telephony.ari.client import AriClient
from dragoman.telephony.ari.events import ChannelDestroyed, ChannelEnteredBridge, Event, StasisEnd, StasisStart
from dragoman.telephony.ari.model import Channel
from dragoman.telephony.attach import BoothKey
from dragoman.telephony.model import Address
from dragoman.telephony.roster import CONFBRIDGE, Kind

BOOTH_CONTEXT = "dragoman-booth"
"""Context of the dialplan that puts a booth into ConfBridge ``{DRAGOMAN_BOOTH_ROOM}-{DRAGOMAN_BOOTH_LANG}``."""

REJOIN_CONTEXT = "dragoman-rejoin"
"""Context of the dialplan that has the channel named in ``REJOIN`` leave its conference and enter it anew."""

REJOIN = "DRAGOMAN_REJOIN"
"""Variable with a channel's name, for ``REJOIN_CONTEXT``."""

FAILURES = (AriError, AriTransportError, AriMalformed, AriChannelGone, TimeoutError)
"""What a recipe may fail with; anything else is a bug."""


class Stage(Enum):
    """What a recipe waits for a channel to reach."""

    IN_STASIS = auto()
    IN_CONFERENCE = auto()


class Arrivals:
    """Wakes recipes when their channels arrive.

    Interest is registered before the request that makes the channel: the event may come before the answer.
    """

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, Stage], asyncio.Future[None]] = {}

    @contextmanager
    def expect(self, channel_id: str, stage: Stage) -> Iterator[Awaitable[None]]:
        """Yields what to await for the arrival.

        It raises AriChannelGone if the channel ends before, AriUnavailable if the connection to Asterisk does.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[channel_id, stage] = future
        try:
            yield future
        finally:
            del self._waiting[channel_id, stage]
            if future.done() and not future.cancelled():
                future.exception()  # it may be that nobody came to await it, because a request failed before

    def see(self, event: Event) -> None:
        """Take in an event, in the order of arrival."""
        match event:
            case StasisStart(channel):
                self._settle(channel.id, Stage.IN_STASIS)
            case ChannelEnteredBridge(bridge, Channel() as channel) if bridge.creator == CONFBRIDGE:
                self._settle(channel.id, Stage.IN_CONFERENCE)
            case StasisEnd(channel):
                self._settle(channel.id, Stage.IN_STASIS, AriChannelGone(f"{channel.id} left before it was used"))
            case ChannelDestroyed(channel):
                for stage in Stage:
                    self._settle(channel.id, stage, AriChannelGone(f"{channel.id} ended before it was {stage.name}"))

    def lost(self) -> None:
        """No event will come."""
        for channel_id, stage in self._waiting:
            self._settle(channel_id, stage, AriUnavailable(f"lost Asterisk while {channel_id} was on its way"))

    def _settle(self, channel_id: str, stage: Stage, error: Exception | None = None) -> None:
        future = self._waiting.get((channel_id, stage))
        if future is None or future.done():
            return
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)


@asynccontextmanager
async def task_group() -> AsyncIterator[asyncio.TaskGroup]:
    """A TaskGroup that raises the first failure itself, not in an exception group."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as failures:
        raise _first(failures) from None


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


async def make_tap(
    client: AriClient, arrivals: Arrivals, caller: str, parts: dict[Kind, str], media: Address
) -> Address:
    """Let Asterisk send what ``caller`` says to ``media`` as RTP, and whisper to him what comes back.

    Returns:
        Where Asterisk's RTP comes from.

    Raises:
        FAILURES: nothing is up; parts that were made may be left for ``unmake``.
    """
    channel_id, snoop_id, bridge_id = parts[Kind.MEDIA], parts[Kind.SNOOP], parts[Kind.MIX]
    with (
        arrivals.expect(channel_id, Stage.IN_STASIS) as media_up,
        arrivals.expect(snoop_id, Stage.IN_STASIS) as snoop_up,
    ):
        async with task_group() as group:
            channel = group.create_task(client.external_media(channel_id, media))
            group.create_task(client.snoop(caller, snoop_id, spy="in", whisper="out"))
            group.create_task(client.create_bridge(bridge_id))
        await media_up
        await snoop_up
    await client.add_channels(bridge_id, channel_id, snoop_id)
    return rtp_address(channel.result())


async def make_booth(
    client: AriClient, arrivals: Arrivals, key: BoothKey, parts: dict[Kind, str], media: Address
) -> Address:
    """Send a channel that plays what ``media`` sends into the conference ``{room}-{language}``.

    Returns:
        Where Asterisk listens for RTP.

    Raises:
        FAILURES: nothing is up; a part that was made may be left for ``unmake``.
    """
    channel_id = parts[Kind.BOOTH]
    # Not DRAGOMAN_ROOM and DRAGOMAN_LANG: those are a caller's.
    variables = {"DRAGOMAN_BOOTH_ROOM": key.room, "DRAGOMAN_BOOTH_LANG": key.language}
    with (
        arrivals.expect(channel_id, Stage.IN_STASIS) as up,
        arrivals.expect(channel_id, Stage.IN_CONFERENCE) as inside,
    ):
        channel = await client.external_media(channel_id, media, variables=variables)
        await up
        await client.continue_in(channel_id, BOOTH_CONTEXT)
        await inside
    return rtp_address(channel)


async def unmake(client: AriClient, parts: dict[Kind, str]) -> None:
    """Delete what there is of a tap or booth; what is not there is no error.

    Raises:
        FAILURES: some of it may be left.
    """
    async with task_group() as group:
        for kind, name in parts.items():
            group.create_task(delete(client, name, kind))


async def delete(client: AriClient, name: str, kind: Kind | None) -> bool:
    """Delete one object; where the id does not say what it is, as both a bridge and a channel.

    Returns:
        Whether it was there.
    """
    bridge = kind in (Kind.MIX, None) and await client.destroy_bridge(name)
    channel = kind is not Kind.MIX and await client.hang_up(name)
    return bridge or channel


def rtp_address(channel: Channel) -> Address:
    """Where Asterisk sends and takes the RTP of an ExternalMedia channel, from the answer to its creation.

    Raises:
        AriMalformed: the answer does not tell.
    """
    host = channel.variables.get("UNICASTRTP_LOCAL_ADDRESS", "")
    port = channel.variables.get("UNICASTRTP_LOCAL_PORT", "")
    if not host or not port.isdecimal():
        raise AriMalformed(f"externalMedia {channel.id}: no UNICASTRTP_LOCAL_ADDRESS and _PORT in the answer")
    return host, int(port)
