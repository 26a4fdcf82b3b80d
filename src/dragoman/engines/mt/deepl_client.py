"""The hot path to DeepL: one clause, one deadline, at most two requests, nothing left running.

The second request is a hedge: it is sent where the first is late. Either is sent anew, by a connection of its own,
where the one before proves to have been closed or reset while it lay idle. What fails is asked again by the chain, by
the one policy that there is for all translators (``recovery.mt``).

The official client sleeps whole seconds between its retries and waits ten for an answer: right for documents, not for
live speech (measured: two 429s cost it 2.8 s). What is not hot is left to it, see ``deepl_account``.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace

import aiohttp
import structlog
from pydantic import SecretStr

from dragoman import __version__
from dragoman.engines.http_answers import keyless, one_line, unspoken
from dragoman.engines.mt.deepl_languages import Listed
from dragoman.engines.mt.deepl_messages import (
    NAME,
    QUOTA,
    Answer,
    error_of,
    parse_answer,
    parse_languages,
    parse_refusal,
    said_in,
)
from dragoman.engines.mt.hedging import HedgeBudget
from dragoman.errors import EngineBusy, EngineCrashed, EngineDenied, EngineError, EngineTimeout

log = structlog.get_logger(__name__)

LEAST = 0.1
"""Seconds that must be left for a request: an answer in less is rare (p50 150 ms), but it would be billed."""

LONGEST_WAIT = 60.0
"""Seconds of a server's Retry-After that are honoured: the circuit breaker above probes no later either."""

KEEPALIVE_S = 55.0
"""Seconds an idle connection is kept: a pause in a talk is shorter, and load balancers commonly close at 60."""

CONNECTIONS = 64
"""At once, at most; more wait for a turn within their deadline. 64 clauses of 0.2 s are 300 a second."""

MAX_ANSWER = 1 << 20
"""Bytes of an answer that are read: a request may hold 128 KiB, its translation is not eight times as long."""


@dataclass(frozen=True, slots=True)
class Timing:
    """All in seconds."""

    deadline: float = 1.1
    """For a clause, with the wait that the server asked for: below the 1.2 s that the chain gives one try."""
    attempt: float = 0.8
    """For its requests, the hedge included: who has not answered by then rarely does by the deadline."""
    hedge: float = 0.26
    """Without an answer for so long, a second request is sent; 0: never. It is the 86th percentile of answers of
    which the median is 150 ms and the 95th one 350."""


@dataclass(slots=True)
class Counters:
    """What was done; all only grow."""

    requests: int = 0
    """Sent to ``/v2/translate``, hedges included."""
    hedges: int = 0
    billed_characters: int = 0
    """As DeepL counted them in the answers that were used."""


@dataclass(slots=True)
class _Way:
    """What a request goes by."""

    lay_idle: bool = False
    """Whether its connection was there before."""


def _watch() -> aiohttp.TraceConfig:
    """Notes in each request's _Way what it goes by."""

    async def reused(
        session: aiohttp.ClientSession, context: SimpleNamespace, _: aiohttp.TraceConnectionReuseconnParams
    ) -> None:
        context.trace_request_ctx.lay_idle = True

    watch = aiohttp.TraceConfig()
    watch.on_connection_reuseconn.append(reused)
    return watch


class DeepLClient:
    """One session with ``/v2/translate``. ``open`` before use, ``close`` when done."""

    def __init__(self, url: str, key: SecretStr, timing: Timing, *, hedge_share: float | None = None) -> None:
        """``url``: the server without a path; ``hedge_share``: hedges per request, None for the usual one."""
        self.counters = Counters()
        self._url = url.rstrip("/")
        self._key = key
        self._timing = timing
        self._budget = HedgeBudget() if hedge_share is None else HedgeBudget(hedge_share)
        self._session: aiohttp.ClientSession | None = None
        self._fresh: aiohttp.ClientSession | None = None
        """Makes a connection for each request."""
        self._not_before = 0.0
        """Loop time before which the server asked not to be bothered."""

    def open(self) -> None:
        """Make the sessions; nothing is sent yet."""
        self._session = self._make(
            aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=KEEPALIVE_S, ttl_dns_cache=300)
        )
        self._fresh = self._make(aiohttp.TCPConnector(limit=CONNECTIONS, force_close=True, ttl_dns_cache=300))

    def _make(self, connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            headers={
                "Authorization": f"DeepL-Auth-Key {self._key.get_secret_value()}",
                "Content-Type": "application/json",
                "User-Agent": f"dragoman/{__version__}",
            },
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),  # the deadlines here are the only ones
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[_watch()],
        )

    async def warm(self, connections: int, within: float) -> None:
        """Open so many connections at once, by asking for the account's usage, which costs nothing.

        Raises:
            EngineDenied: the key is refused.
            EngineError: the server cannot be reached, or not within ``within`` seconds.
        """
        try:
            async with asyncio.timeout(within), asyncio.TaskGroup() as group:
                asked = [group.create_task(self._usage()) for _ in range(connections)]
        except TimeoutError:
            raise EngineTimeout(NAME, f"no answer within {within:g} s") from None
        for task in asked:
            if (error := task.result()) is not None:
                raise error

    async def languages(self) -> Listed:
        """What the server translates (the official client knows only an older list); raises EngineError."""
        return parse_languages(await self._send("GET", "/v3/languages?resource=translate_text", None))

    async def close(self) -> None:
        """Drop all connections. Idempotent."""
        sessions = self._session, self._fresh
        self._session = self._fresh = None
        for session in sessions:
            if session is not None:
                await session.close()

    async def translate(self, body: Mapping[str, object], until: float) -> Answer:
        """Translate by ``until`` (loop time), with two requests at most: the second while the first is late (a hedge).

        Raises:
            EngineRejected, EngineDenied: the server refuses this text, or us.
            EngineBusy: it is overloaded (429, 5xx), or asked us to wait for longer than there is time.
            EngineCrashed: the connection failed, or the answer is junk.
            EngineTimeout: no answer in time.
        """
        data = json.dumps(body, ensure_ascii=False).encode()
        try:
            async with asyncio.timeout_at(until):
                await self._wait_turn(until)
                self._budget.request()
                outcome = await self._attempt(data)
        except TimeoutError:
            raise EngineTimeout(NAME, "no translation within the deadline") from None
        if isinstance(outcome, EngineError):
            raise outcome
        return outcome

    async def _wait_turn(self, until: float) -> None:
        """Wait as long as the server asked for; raises EngineBusy at once if that is too long."""
        now = asyncio.get_running_loop().time()
        if now >= self._not_before:
            return
        if self._not_before + LEAST > until:
            raise EngineBusy(NAME, "the server asked us to wait", self._not_before - now)
        await asyncio.sleep(self._not_before - now)

    async def _attempt(self, data: bytes) -> Answer | EngineError:
        """The answer or the failure.

        Raises:
            EngineTimeout: no answer in time.
        """
        try:
            async with asyncio.timeout(self._timing.attempt):
                return await (self._hedged(data) if self._timing.hedge > 0 else self._ask(data))
        except TimeoutError:
            raise EngineTimeout(NAME, f"no answer within {self._timing.attempt:g} s") from None

    async def _hedged(self, data: bytes) -> Answer | EngineError:
        """Ask once, and a second time if the answer is late; the first good answer counts, the other is cancelled."""
        # A group would wrap what a task raises: so its tasks return their failures.
        async with asyncio.TaskGroup() as group:
            waiting = {group.create_task(self._ask(data))}
            done, _ = await asyncio.wait(waiting, timeout=self._timing.hedge)
            if not done and self._budget.spend():
                self.counters.hedges += 1
                waiting.add(group.create_task(self._ask(data)))
            failure: EngineError | None = None
            while waiting:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for outcome in [task.result() for task in done]:
                    if isinstance(outcome, Answer) or not outcome.retryable:
                        for task in waiting:
                            task.cancel()
                        return outcome
                    failure = failure or outcome
            assert failure is not None  # the loop ends before only with an answer
            return failure

    async def _ask(self, data: bytes) -> Answer | EngineError:
        """One request; its answer or its failure."""
        self.counters.requests += 1
        try:
            answer = await self._send("POST", "/v2/translate", data)
            translated = parse_answer(answer)
        except EngineError as error:
            return error
        self.counters.billed_characters += translated.billed
        return translated

    async def _usage(self) -> EngineError | None:
        try:
            await self._send("GET", "/v2/usage", None)
        except EngineError as error:
            return error
        return None

    async def _exchange(
        self, session: aiohttp.ClientSession, way: _Way, method: str, path: str, data: bytes | None
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        # No redirects: our key is for this server alone.
        url = self._url + path
        async with session.request(method, url, data=data, allow_redirects=False, trace_request_ctx=way) as response:
            return response, await _read(response)

    async def _send(self, method: str, path: str, data: bytes | None) -> bytes:
        """The body of a 200; any other answer, and none, is an EngineError."""
        session, fresh = self._session, self._fresh
        if session is None or fresh is None:
            raise EngineCrashed(NAME, "closed")
        way = _Way()
        try:
            try:
                response, body = await self._exchange(session, way, method, path, data)
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                # That a connection was closed or reset while it lay idle (by a load balancer, by NAT) shows with the
                # next request: the server did not fail. Others that lie there may have gone with it.
                if session.closed or not way.lay_idle:
                    raise
                self.counters.requests += method == "POST"
                response, body = await self._exchange(fresh, way, method, path, data)
        except (aiohttp.ClientError, OSError) as error:
            what = one_line(keyless(unspoken(f"{type(error).__name__}: {error}", said_in(data)), self._key))
            log.debug("deepl gave no answer", path=path, error=what)
            raise EngineCrashed(NAME, f"no answer: {what}") from None
        if response.status == 200:
            return body
        words = keyless(unspoken(body.decode("utf-8", "replace"), said_in(data)), self._key)
        body = words.encode("utf-8", "replace")
        refusal = parse_refusal(response.status, body, response.headers, time.time())
        failure = error_of(refusal)
        told = {"path": path, "status": refusal.status, "message": refusal.message, "trace_id": refusal.trace}
        if refusal.status == QUOTA:
            log.error("DeepL's quota is used up: other translators are used", **told)
        elif isinstance(failure, EngineDenied):
            log.error("DeepL refuses the key: other translators are used", **told)
        else:
            log.info("deepl refused a request", **told)
        if isinstance(failure, EngineBusy) and failure.retry_after is not None:
            wait = min(failure.retry_after, LONGEST_WAIT)
            self._not_before = max(self._not_before, asyncio.get_running_loop().time() + wait)
        raise failure


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > MAX_ANSWER:
            response.close()
            raise EngineCrashed(NAME, f"an answer of more than {MAX_ANSWER} bytes")
    return bytes(body)
