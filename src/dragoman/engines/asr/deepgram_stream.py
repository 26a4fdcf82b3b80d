"""One leg's stream to Deepgram: sends audio at the pace it is taken, keeps the connection, and gives what is heard."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, cast

import numpy as np
import structlog
from pydantic import SecretStr
from websockets.exceptions import ConnectionClosed

from dragoman.engines.asr.deepgram_errors import closed
from dragoman.engines.asr.deepgram_messages import Failure, Junk, parse
from dragoman.engines.asr.deepgram_settings import NAME
from dragoman.engines.asr.deepgram_transcript import Transcript, Unanswered
from dragoman.engines.asr.pacing import Pacer
from dragoman.engines.base import Hypothesis
from dragoman.engines.http_answers import keyless
from dragoman.errors import EngineCrashed
from dragoman.media.format import FRAME_SAMPLES, SAMPLE_RATE, Pcm, ms_to_samples

if TYPE_CHECKING:
    from deepgram.listen.v1.socket_client import AsyncV1SocketClient

log = structlog.get_logger(__name__)

FRAME = ms_to_samples(100)
"""Samples per message at most: the provider asks for 20 to 250 ms and likes 100."""

KEEP_ALIVE = 4.0
"""Seconds without a message of ours after which we say that we are still there: the provider waits 10 s and asks for
one every 3 to 5."""

FIRST_AUDIO = ms_to_samples(100)
"""Silence that keeps a stream which has had no audio yet: KeepAlive alone does not save it."""

NUDGE = 5
"""Frames of silence behind a Finalize that is not answered: 500 ms, longer than a pause that ends an utterance."""

LOOK = 0.25
"""Seconds between looks at what is due."""

PROBE_AFTER = 1.5
"""Seconds for which audio may go unanswered before the connection itself is asked (a WebSocket ping)."""

DEAD_AFTER = 4.0
"""Seconds for which audio, and that ping, may go unanswered: then the connection is half-open. An interim comes once a
second at least, and a retransmission over a bad line takes two at most."""

CLOSE_DEADLINE = 1.0
"""Seconds that the peer may take to answer our close; then the connection is cut. Within faults.CLOSE_DEADLINE."""

MAX_OUTBOX = 1000
"""Hypotheses that wait to be read: hours of finals. A partial in it gives way to the next one."""


class DeepgramStream:
    """A RecognizerStream. Its one task receives and looks at the clock; ``aclose`` ends it."""

    def __init__(
        self,
        connection: AsyncV1SocketClient,
        stack: AsyncExitStack,
        transcript: Transcript,
        counts: Counter[str],
        on_end: Callable[[DeepgramStream, bool, int | None], None],
        key: SecretStr | None = None,
    ) -> None:
        """``stack`` closes the connection; no error tells ``key``, whatever the provider closes it with.

        ``on_end`` is called once, with whether the stream died and the audio time of the finalize never answered.
        """
        self._connection = connection
        # The SDK's own iteration drops, uncounted, what it cannot read, and its models cost 0.19 ms a message, eight
        # times json.loads: with 50 speakers that is a tenth of a core. It has no ping and hides the close code, too.
        self._socket = connection._websocket
        self._stack = stack
        self._transcript = transcript
        self._counts = counts
        self._on_end = on_end
        self._key = key
        self._clock = asyncio.get_running_loop().time
        self._pacer = Pacer()
        self._held: Pcm = np.zeros(0, np.int16)  # too short for a message
        self._held_at = 0
        self._outbox: deque[Hypothesis] = deque()
        self._news = asyncio.Event()
        self._dead: EngineCrashed | None = None
        self._unheard: int | None = None
        self._closed = False
        self._last_sent = self._clock()
        self._unanswered: float | None = None  # since when audio has been sent and nothing received
        self._ping: asyncio.Future[float] | None = None
        self._probed = False  # whether a ping was tried since then
        self._task = asyncio.create_task(self._run())

    async def push(self, pcm: Pcm, at: int) -> None:
        """See RecognizerStream; waits while audio would go out faster than the provider takes it."""
        self._check()
        if len(self._held):
            if at == self._held_at + len(self._held):
                pcm, at = np.concatenate((self._held, pcm)), self._held_at
            else:
                await self._flush()
            self._held = np.zeros(0, np.int16)
        for start in range(0, len(pcm), FRAME):
            frame = pcm[start : start + FRAME]
            if len(frame) < FRAME_SAMPLES:
                self._held, self._held_at = frame, at + start
                return
            await self._send(frame, at + start, len(frame))

    async def finalize(self, at: int) -> None:
        """See RecognizerStream."""
        self._check()
        await self._flush()
        found = self._transcript.finalize(at, self._clock())
        if found:
            self._give(found)
        elif self._transcript.waiting:
            await self._say(self._connection.send_finalize())
            self._unanswered = self._unanswered or self._clock()

    async def __aiter__(self) -> AsyncIterator[Hypothesis]:
        """See RecognizerStream."""
        while True:
            while self._outbox:
                yield self._outbox.popleft()
            if self._closed:
                return
            if self._dead is not None:
                raise self._dead
            self._news.clear()
            await self._news.wait()

    async def aclose(self) -> None:
        """See RecognizerStream."""
        if self._closed:
            return
        self._closed = True
        self._outbox.clear()
        self._news.set()
        self._on_end(self, self._dead is not None, self._unheard)
        self._task.cancel()
        await asyncio.wait((self._task,))
        cut = asyncio.get_running_loop().call_later(CLOSE_DEADLINE, self._cut)  # its close swallows a cancellation
        try:
            if self._dead is None:
                await self._connection.send_close_stream()
            await self._stack.aclose()
        except (ConnectionClosed, OSError) as error:
            log.debug("closed by the peer first", engine=NAME, error=type(error).__name__)
        finally:
            cut.cancel()

    # private

    def _cut(self) -> None:
        if self._socket.transport is not None:
            self._socket.transport.abort()

    def _check(self) -> None:
        if self._closed:
            raise EngineCrashed(NAME, "the stream is closed")
        if self._dead is not None:
            raise self._dead

    async def _flush(self) -> None:
        """Send what is held, with silence behind it up to the shortest message."""
        if len(self._held):
            held, self._held = self._held, np.zeros(0, np.int16)
            padded = np.concatenate((held, np.zeros(FRAME_SAMPLES - len(held), np.int16)))
            await self._send(padded, self._held_at, len(held))

    async def _send(self, frame: Pcm, at: int | None, length: int) -> None:
        """Send a frame, of which ``length`` samples are the leg's, when its time has come."""
        seconds = len(frame) / SAMPLE_RATE
        wait = self._pacer.wait(seconds, self._clock())
        if wait:
            await asyncio.sleep(wait)
            self._check()
        self._pacer.sent(seconds, self._clock())
        if at is not None:
            self._transcript.audio(at, length, int(np.abs(frame.astype(np.int32)).max()))
        if len(frame) > length:
            self._transcript.silence(len(frame) - length)
        self._counts["samples"] += len(frame)
        await self._say(self._connection.send_media(frame.astype("<i2").tobytes()))
        if at is not None and self._unanswered is None:
            self._unanswered = self._clock()

    async def _say(self, sending: Awaitable[None]) -> None:
        self._last_sent = self._clock()
        try:
            await sending
        except ConnectionClosed as error:
            raise self._die(closed(*_code_of(error))) from None
        except OSError as error:
            raise self._die(EngineCrashed(NAME, f"the connection broke: {error}")) from None

    def _give(self, found: tuple[Hypothesis, ...]) -> None:
        for hypothesis in found:
            if self._outbox and not hypothesis.is_final and not self._outbox[-1].is_final:
                self._outbox.pop()
            self._outbox.append(hypothesis)
        if len(self._outbox) > MAX_OUTBOX:
            self._die(EngineCrashed(NAME, f"{MAX_OUTBOX} hypotheses were not read"))
        self._news.set()

    def _die(self, error: EngineCrashed) -> EngineCrashed:
        if self._dead is None:
            error.args = (keyless(str(error), self._key),)
            self._dead = error
            self._news.set()
        return self._dead

    async def _run(self) -> None:
        """Receive, and look at the clock, until the stream dies; says why by ``_dead``, and never raises."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._receive())
                group.create_task(self._look())
        except* EngineCrashed as errors:
            self._die(next(error for error in errors.exceptions if isinstance(error, EngineCrashed)))
        except* (ConnectionClosed, OSError) as errors:
            self._die(_broken(errors.exceptions[0]))
        except* Exception as errors:
            log.exception("deepgram stream", exc_info=errors)
            self._die(EngineCrashed(NAME, f"{type(errors.exceptions[0]).__name__}: {errors.exceptions[0]}"))

    async def _receive(self) -> None:
        duplicates = 0
        while True:
            raw = await self._socket.recv()
            self._unanswered = None
            message = parse(raw)
            if isinstance(message, Junk):
                self._counts["junk_messages"] += 1
                log.debug("junk from the provider", engine=NAME, why=message.why)
            elif isinstance(message, Failure):
                raise EngineCrashed(NAME, f"the provider gives up: {message.text}")
            else:
                self._give(self._transcript.take(message, self._clock()))
                self._counts["duplicate_finals"] += self._transcript.duplicates - duplicates
                duplicates = self._transcript.duplicates

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            now = self._clock()
            try:
                self._give(self._transcript.due(now))
            except Unanswered as unanswered:
                self._unheard = unanswered.at
                raise EngineCrashed(NAME, str(unanswered)) from None
            if self._transcript.unheeded(now):
                for _ in range(NUDGE):
                    await self._send(np.zeros(FRAME, np.int16), None, 0)
            if now - self._last_sent >= KEEP_ALIVE:
                if self._transcript.timeline.sent:
                    await self._say(self._connection.send_keep_alive())
                else:
                    await self._send(np.zeros(FIRST_AUDIO, np.int16), None, 0)
            await self._look_at_connection(now)

    async def _look_at_connection(self, now: float) -> None:
        if self._ping is not None and self._ping.done():
            # Somebody is there. Whether he still listens is for those to judge who know what was said.
            self._ping, self._unanswered = None, None
        silent = 0.0 if self._unanswered is None else now - self._unanswered
        if silent >= DEAD_AFTER and self._probed:
            raise EngineCrashed(NAME, f"half-open: no answer to anything for {silent:.1f} s")
        if silent < PROBE_AFTER:
            self._probed = False
        elif not self._probed:
            self._probed = True
            with contextlib.suppress(TimeoutError):  # a half-open connection with a full buffer takes no ping either
                async with asyncio.timeout(LOOK):
                    self._ping = cast("asyncio.Future[float]", await self._socket.ping())
                    self._ping.add_done_callback(lambda pong: pong.cancelled() or pong.exception())


def _code_of(error: ConnectionClosed) -> tuple[int, str]:
    close = error.rcvd or error.sent
    return (1006, "") if error.rcvd is None or close is None else (close.code, close.reason)


def _broken(error: BaseException) -> EngineCrashed:
    if isinstance(error, ConnectionClosed):
        return closed(*_code_of(error))
    return EngineCrashed(NAME, f"the connection broke: {error}")
