"""The requests we make of Asterisk: typed, with a deadline each, and creates that leave nothing behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Self, TypeVar
from urllib.parse import quote

import aiohttp
from yarl import URL

from dragoman.errors import (
    AriBadRequest,
    AriBadState,
    AriConflict,
    AriError,
    AriMalformed,
    AriNotFound,
    AriServerError,
    AriTimeout,
    AriTransportError,
    AriUnavailable,
    AriUnprocessable,
)
from dragoman.telephony.ari.events import EVENT_TYPES
from dragoman.telephony.ari.model import (
    Bridge,
    Channel,
    RtpStatistics,
    parse_bridge,
    parse_channel,
    parse_rtp_statistics,
    required,
)
from dragoman.telephony.model import Address

DEADLINE_S = 5.0
"""s for one request. A healthy Asterisk answers in 1-4 ms; one that needs seconds is not worth waiting for."""

KEEPALIVE_S = 10.0
"""s. Asterisk closes idle connections after 15 s (``session_keep_alive``) and so does aiohttp by default: whoever is
second sends a POST into a closing socket. Below Asterisk's value the race cannot happen."""

REQUESTS = 16
"""At once, at most. Asterisk gives each connection a thread and takes 100 by default (``sessionlimit``), shared with
all who use its HTTP; one whose request we gave up on stays busy. Waiting for a turn is not part of a deadline."""

PING_S = 10.0
"""s between websocket pings: a peer that vanished without closing is noticed after 1.5 times this."""

_ERRORS: dict[int, type[AriError]] = {
    400: AriBadRequest,
    404: AriNotFound,
    409: AriConflict,
    412: AriBadState,
    422: AriUnprocessable,
}

Query = Mapping[str, str]
T = TypeVar("T")


class AriClient:
    """One HTTP session with one Asterisk, for one Stasis application; ``async with`` opens and closes it.

    Every call raises a subclass of ``AriError`` (Asterisk answered with an error), ``AriUnavailable`` or ``AriTimeout``
    (no answer), or ``AriMalformed``. Idempotent verbs (GET, PUT, DELETE) are sent once more by aiohttp when a kept
    connection turns out closed; creates never are. Creates take an id of the caller's choosing: when one is cancelled
    or not answered, what it may have made is deleted by that id before the call returns.

    Args:
        url: where Asterisk's HTTP server is, for example ``http://127.0.0.1:8088``.
        username: a user in ``ari.conf``.
        password: sent in the Authorization header only, never in a URL, log or error.
        app: name of our Stasis application.
    """

    def __init__(self, url: str, username: str, password: str, *, app: str = "dragoman") -> None:
        self.app = app
        self.connected = False
        """Whether our application's websocket is up; kept by AriConnection. Creates are refused while it is not:
        Asterisk would answer 200 and the channel would vanish without an event (measured)."""
        self._base = url.rstrip("/") + "/ari"
        self._headers = {"Authorization": aiohttp.encode_basic_auth(username, password)}
        self._session: aiohttp.ClientSession | None = None
        self._turns = asyncio.Semaphore(REQUESTS)

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers=self._headers,
            # No limit here: the websocket needs a connection of its own, and _turns limits the rest.
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEPALIVE_S),
            timeout=aiohttp.ClientTimeout(total=None),  # asyncio.timeout in _request is the one deadline
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the session; more than once is allowed."""
        session, self._session = self._session, None
        self.connected = False
        if session is not None:
            await session.close()

    async def events(self) -> aiohttp.ClientWebSocketResponse:
        """Open the websocket that registers our application and brings its events.

        Raises:
            AriError: Asterisk refuses the upgrade (401: wrong user or password, 404: res_ari is not loaded).
            AriTransportError: it cannot be reached or does not answer.
        """
        path = "/events"
        try:
            async with asyncio.timeout(DEADLINE_S):
                return await self._open().ws_connect(
                    self._base + path, params={"app": self.app}, heartbeat=PING_S, autoclose=True
                )
        except TimeoutError:
            raise AriTimeout(f"GET {path}: no answer within {DEADLINE_S} s") from None
        except aiohttp.WSServerHandshakeError as error:
            raise _ERRORS.get(error.status, AriError)(error.status, error.message, "GET", path) from None
        except (aiohttp.ClientError, OSError) as error:
            raise AriUnavailable(f"GET {path}: {error}") from None

    # ---- asterisk

    async def ping(self) -> None:
        """Ask for a sign of life (and whether user and password are right)."""
        await self._request("GET", "/asterisk/ping")

    async def version(self) -> str:
        """Asterisk's version, for example ``22.10.1``."""
        info = _object(await self._request("GET", "/asterisk/info", {"only": "system"}), "AsteriskInfo")
        system = required(info, "system", dict, "AsteriskInfo")
        return str(required(system, "version", str, "AsteriskInfo.system"))

    async def modules(self) -> dict[str, str]:
        """Names of the loaded modules and their status (``Running``)."""
        modules = listed(await self._request("GET", "/asterisk/modules"), "Module")
        return {
            required(module, "name", str, "Module"): required(module, "status", str, "Module") for module in modules
        }

    async def set_global(self, variable: str, value: str) -> None:
        """Set a global variable of the dialplan; an empty value empties it."""
        await self._request("POST", "/asterisk/variable", {"variable": variable, "value": value})

    async def get_global(self, variable: str) -> str:
        """A global variable of the dialplan; empty if it is not set."""
        try:
            answer = await self._request("GET", "/asterisk/variable", {"variable": variable})
        except AriNotFound:
            return ""
        return str(required(_object(answer, "Variable"), "value", str, "Variable"))

    # ---- our application

    async def subscribe(self, source: str) -> None:
        """Have the events of ``source`` sent: ``channel:ID``, ``bridge:ID``, or ``bridge:`` for all bridges."""
        await self._request("POST", f"/applications/{part(self.app)}/subscription", {"eventSource": source})

    async def unsubscribe(self, source: str) -> None:
        """End a subscription; that there is none (left), or no such source, is success."""
        try:
            await self._request("DELETE", f"/applications/{part(self.app)}/subscription", {"eventSource": source})
        except (AriNotFound, AriConflict, AriUnprocessable):
            return

    async def filter_events(self, types: Sequence[str] = EVENT_TYPES) -> None:
        """Have only these event types sent."""
        body = {"allowed": [{"type": kind} for kind in types]}
        await self._request("PUT", f"/applications/{part(self.app)}/eventFilter", body=body)

    # ---- bridges

    async def list_bridges(self) -> list[Bridge]:
        """Every bridge of the PBX."""
        return [parse_bridge(bridge) for bridge in listed(await self._request("GET", "/bridges"), "Bridge")]

    async def create_bridge(self, bridge_id: str) -> Bridge:
        """Make an empty mixing bridge, named as its id."""
        path = f"/bridges/{part(bridge_id)}"
        return await self._create(path, {"type": "mixing", "name": bridge_id}, None, undo=path, parse=parse_bridge)

    async def add_channels(self, bridge_id: str, *channels: str) -> None:
        """Put channels that are in our application into a bridge.

        Raises:
            AriUnprocessable: one of them is not in our application yet: await its StasisStart first.
        """
        await self._request("POST", f"/bridges/{part(bridge_id)}/addChannel", {"channel": ",".join(channels)})

    async def destroy_bridge(self, bridge_id: str) -> bool:
        """Shut a bridge down; its channels stay. That there is none is success, and False."""
        return await self._delete(f"/bridges/{part(bridge_id)}")

    # ---- channels

    async def list_channels(self) -> list[Channel]:
        """Every channel of the PBX."""
        return [parse_channel(channel) for channel in listed(await self._request("GET", "/channels"), "Channel")]

    async def external_media(
        self,
        channel_id: str,
        host: Address,
        *,
        variables: Mapping[str, str] | None = None,
    ) -> Channel:
        """Make a channel that exchanges RTP with ``host``, 16-bit samples at 16 kHz.

        The answer's variables UNICASTRTP_LOCAL_ADDRESS and _PORT are where Asterisk sends from and listens. ``host`` is
        an IP address: Asterisk resolves names while it holds up everybody else.

        Raises:
            AriServerError: unusable host or an id that is in use (Asterisk does not say which).
        """
        query = {
            "channelId": channel_id,
            "app": self.app,
            "external_host": f"{host[0]}:{host[1]}",
            "format": "slin16",
        }
        body = {"variables": dict(variables)} if variables else None
        return await self._create(
            "/channels/externalMedia", query, body, undo=f"/channels/{part(channel_id)}", parse=parse_channel
        )

    async def snoop(
        self,
        channel_id: str,
        snoop_id: str,
        *,
        spy: Literal["none", "both", "out", "in"],
        whisper: Literal["none", "both", "out", "in"],
    ) -> Channel:
        """Make a channel ``snoop_id`` that hears and whispers to any channel (``in`` is what that party says)."""
        path = f"/channels/{part(channel_id)}/snoop"
        query = {"snoopId": snoop_id, "app": self.app, "spy": spy, "whisper": whisper}
        return await self._create(path, query, None, undo=f"/channels/{part(snoop_id)}", parse=parse_channel)

    async def run_dialplan(self, context: str, variables: Mapping[str, str]) -> None:
        """Have extension ``s`` of a context run on a channel of its own, with these variables.

        Returns when Asterisk has taken the request, not when the dialplan is done.
        """
        query = {"endpoint": f"Local/s@{context}/n", "context": context, "extension": "done", "priority": "1"}
        inherited = {f"__{name}": value for name, value in variables.items()}
        await self._request("POST", "/channels", query, {"variables": inherited})

    async def continue_in(self, channel_id: str, context: str) -> None:
        """Let a channel of our application go on in the dialplan, at extension ``s``.

        Raises:
            AriConflict: it is not in our application (a caller in a ConfBridge never is).
        """
        query = {"context": context, "extension": "s", "priority": "1"}
        await self._request("POST", f"/channels/{part(channel_id)}/continue", query)

    async def hang_up(self, channel_id: str) -> bool:
        """End a channel; that there is none is success, and False."""
        return await self._delete(f"/channels/{part(channel_id)}")

    async def get_variable(self, channel_id: str, variable: str) -> str:
        """A channel variable; empty if it is not set, which Asterisk answers with 404 as for a missing channel."""
        path = f"/channels/{part(channel_id)}/variable"
        try:
            answer = await self._request("GET", path, {"variable": variable})
        except AriNotFound as error:
            if "variable" in error.message.lower():
                return ""
            raise
        return str(required(_object(answer, "Variable"), "value", str, "Variable"))

    async def rtp_statistics(self, channel_id: str) -> RtpStatistics | None:
        """How a phone's RTP fares; None of a channel that is gone or keeps no such count, as ExternalMedia does not."""
        try:
            return parse_rtp_statistics(await self._request("GET", f"/channels/{part(channel_id)}/rtp_statistics"))
        except AriNotFound:
            return None

    # ---- the transport

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise AriUnavailable("the ARI client is closed")
        return self._session

    async def _request(self, method: str, path: str, query: Query | None = None, body: object = None) -> object:
        """Send one request and decode the answer (None if it is empty)."""
        raw = await self._raw(method, path, query, body)
        try:
            return json.loads(raw) if raw else None
        except ValueError:
            raise AriMalformed(f"{method} {path}: the answer is no JSON") from None

    async def _raw(self, method: str, path: str, query: Query | None = None, body: object = None) -> bytes:
        """Send one request; the answer's bytes."""
        url = URL(self._base + path, encoded=True).with_query(query or {})
        try:
            async with (
                self._turns,
                asyncio.timeout(DEADLINE_S),
                self._open().request(method, url, json=body) as response,
            ):
                status, raw = response.status, await response.read()
        except TimeoutError:
            raise AriTimeout(f"{method} {path}: no answer within {DEADLINE_S} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise AriUnavailable(f"{method} {path}: {error or type(error).__name__}") from None
        if status >= 400:
            kind = AriServerError if status >= 500 else _ERRORS.get(status, AriError)
            raise kind(status, _message(raw), method, path)
        return raw

    async def _delete(self, path: str) -> bool:
        try:
            await self._request("DELETE", path)
        except AriNotFound:
            return False  # what is gone need not be deleted: also a repeated DELETE's answer
        return True

    async def _create(self, path: str, query: Query, body: object, *, undo: str, parse: Callable[[object], T]) -> T:
        """POST something under an id of our own; cancelled or unanswered, it is deleted again if Asterisk answers."""
        if not self.connected:
            raise AriUnavailable(f"POST {path}: refused, the application {self.app!r} is not connected")
        # In a task of its own, because a cancelled HTTP request may still be carried out, after our DELETE: its end,
        # which its deadline bounds, has to be awaited first.
        request = asyncio.ensure_future(self._request("POST", path, query, body))
        try:
            return parse(await asyncio.shield(request))
        except (asyncio.CancelledError, AriTransportError, AriMalformed):
            await asyncio.wait((request,))
            if request.cancelled() or not isinstance(request.exception(), AriError):
                await self._undo(undo)
            raise

    async def _undo(self, path: str) -> None:
        try:
            await self._delete(path)
        except (AriError, AriTransportError):
            return  # out of reach: reconciliation finds it by its id's prefix when Asterisk is back


def part(name: str) -> str:
    """A name as one part of a path: channel ids may hold ``;`` (Local channels) or ``/``."""
    return quote(name, safe="")


def _message(raw: bytes) -> str:
    """What an error's answer says."""
    try:
        answer = json.loads(raw)
    except ValueError:
        return ""
    return str(answer.get("message") or "") if isinstance(answer, dict) else ""


def _object(answer: object, where: str) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise AriMalformed(f"{where}: an object is required, not {type(answer).__name__}")
    return answer


def listed(answer: object, where: str) -> list[dict[str, Any]]:
    """An answer that must be a list of objects.

    Raises:
        AriMalformed: it is not.
    """
    if not isinstance(answer, list):
        raise AriMalformed(f"a list of {where} is required, not {type(answer).__name__}")
    return [_object(item, where) for item in answer]
