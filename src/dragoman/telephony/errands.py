"""What ARI cannot do itself, the dialplan does for it: a channel of ours runs one of its errands (dragoman-errand).

ARI neither writes Asterisk's database nor moves a caller who sits in a ConfBridge. The dialplan can do both, so nothing
more of Asterisk (AMI, a console) has to be opened to the daemon. It filters all that it is given.
"""

from __future__ import annotations

import asyncio
import secrets

from dragoman.errors import ErrandFailed
from dragoman.telephony.ari.talking import TalkingClient

CONTEXT = "dragoman-errand"

DONE = "DRAGOMAN_DONE"
"""Global variable of the dialplan: the token of the errand that was run last, ``-``, and how a move ended."""

ERRAND_S = 3.0
"""Seconds for one errand; it takes 5 ms when all is well."""

LOOK_S = 0.01
"""Seconds between looks at whether it is done."""


class Errands:
    """Runs one errand at a time, because there is one variable in which the dialplan tells that one is done."""

    def __init__(self, client: TalkingClient, within: float = ERRAND_S) -> None:
        """``within``: seconds for one errand."""
        self._client = client
        self._within = within
        self._turn = asyncio.Lock()

    async def keep(self, room: str, *, pin: str, languages: str, most: str) -> None:
        """Have the dialplan keep what a room was given; see ``_run`` for what it raises."""
        await self._run("keep", ROOM=room, PIN=pin, LANGUAGES=languages, MOST=most)

    async def forget(self, room: str) -> None:
        """Have the dialplan forget it."""
        await self._run("forget", ROOM=room)

    async def kept(self) -> tuple[str, ...]:
        """The rooms of which the dialplan keeps something."""
        async with self._turn:
            await self._send("list", {})
            listed = await self._client.get_global("DRAGOMAN_ROOMS")
        return tuple(room for room in listed.split(",") if room)

    async def move(self, channel_id: str, room: str, language: str, *, muted: bool) -> bool:
        """Send a caller to a room's conference, muted or not; False: there is no such channel any more."""
        how = await self._run("move", CHANNEL=channel_id, ROOM=room, LANGUAGE=language, MUTED="1" if muted else "0")
        return how == "SUCCESS"

    async def _run(self, what: str, **variables: str) -> str:
        """Run one errand; how a move ended.

        Raises:
            ErrandFailed: the dialplan did not tell within its time that it is done.
            AriError, AriTransportError: Asterisk refused, or did not answer.
        """
        async with self._turn:
            return await self._send(what, variables)

    async def _send(self, what: str, variables: dict[str, str]) -> str:
        token = secrets.token_hex(8)
        given = {f"DRAGOMAN_TO_{name}": value for name, value in variables.items()} | {"DRAGOMAN_TO_TOKEN": token}
        try:
            async with asyncio.timeout(self._within):
                channel_id = f"{self._client.app}-errand-{token}"
                await self._client.send_out(channel_id, f"Local/{what}@{CONTEXT}/n", given)
                while True:
                    done, _, how = (await self._client.get_global(DONE)).partition("-")
                    if done == token:
                        return how
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            raise ErrandFailed(
                f"Asterisk did not do {what!r} within {self._within:g} s: is {CONTEXT} of extensions_dragoman.conf, "
                'and what modules.conf names below "the dialplan", loaded?'
            ) from None
