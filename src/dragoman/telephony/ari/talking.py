"""The requests by which we talk with a caller who is in our application: prompts, keys, recordings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dragoman.errors import AriConflict, AriMalformed, AriNotFound
from dragoman.telephony.ari.client import AriClient, listed, part
from dragoman.telephony.ari.model import parse_channel, required

RECORDING_BYTES = 4 * 1024 * 1024
"""One recording, at most: two minutes of 16 kHz."""


class TalkingClient(AriClient):
    """AriClient, and what an application with callers of its own needs."""

    async def play(self, channel_id: str, playback_id: str, *prompts: str, language: str) -> None:
        """Play files one after the other; PlaybackFinished tells when each is over.

        Args:
            channel_id: who hears them.
            playback_id: of the request; the events have it too.
            prompts: names of files as Asterisk sees them, without their ending.
            language: the folder that is tried first.
        """
        media = ",".join(f"sound:{prompt}" for prompt in prompts)
        path = f"/channels/{part(channel_id)}/play/{part(playback_id)}"
        await self._request("POST", path, {"media": media, "lang": language})

    async def record(self, channel_id: str, name: str, *, seconds: float, silence: float) -> None:
        """Record what a channel says, 16 kHz, until the hash key, ``silence`` or ``seconds``."""
        query = {
            "name": name,
            "format": "wav16",
            "maxDurationSeconds": str(round(seconds)),
            "maxSilenceSeconds": str(round(silence)),
            "ifExists": "overwrite",
            "terminateOn": "#",
        }
        await self._request("POST", f"/channels/{part(channel_id)}/record", query)

    async def recordings(self) -> list[str]:
        """Names of the recordings that are stored."""
        stored = listed(await self._request("GET", "/recordings/stored"), "StoredRecording")
        return [str(required(each, "name", str, "StoredRecording")) for each in stored]

    async def recording(self, name: str) -> bytes:
        """A stored recording: a WAV file.

        Raises:
            AriNotFound: there is none, because nothing was said.
            AriMalformed: it is larger than RECORDING_BYTES.
        """
        data = await self._raw("GET", f"/recordings/stored/{part(name)}/file")
        if len(data) > RECORDING_BYTES:
            raise AriMalformed(f"recording {name}: {len(data)} bytes")
        return data

    async def forget_recording(self, name: str) -> None:
        """Delete a recording, also one that is being made; that there is none is success."""
        try:
            await self._delete(f"/recordings/live/{part(name)}")
        except AriConflict:
            pass  # it has just ended
        await self._delete(f"/recordings/stored/{part(name)}")

    async def set_variable(self, channel_id: str, variable: str, value: str) -> None:
        """Set a channel's variable."""
        path = f"/channels/{part(channel_id)}/variable"
        await self._request("POST", path, {"variable": variable, "value": value})

    async def get_global(self, variable: str) -> str:
        """A global variable of the dialplan; empty if it is not set."""
        answer: Any = await self._request("GET", "/asterisk/variable", {"variable": variable})
        return str(required(answer if isinstance(answer, dict) else {}, "value", str, "Variable"))

    async def send_out(self, channel_id: str, endpoint: str, variables: Mapping[str, str]) -> None:
        """Make a channel that calls ``endpoint``, and would come to our application if that answered.

        Args:
            channel_id: of the channel.
            endpoint: ``Local/EXTENSION@CONTEXT`` runs a piece of the dialplan.
            variables: of both ends of a Local channel.
        """
        query = {"endpoint": endpoint, "channelId": channel_id, "app": self.app}
        body = {"variables": dict(variables)}
        await self._create("/channels", query, body, undo=f"/channels/{part(channel_id)}", parse=parse_channel)

    async def inside(self) -> list[str]:
        """Ids of the channels that are in our application."""
        try:
            answer: Any = await self._request("GET", f"/applications/{part(self.app)}")
        except AriNotFound:
            return []
        channels = required(answer if isinstance(answer, dict) else {}, "channel_ids", list, "Application")
        return [channel for channel in channels if isinstance(channel, str)]
