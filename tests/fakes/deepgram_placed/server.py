"""The placed fake's server, and what it makes of one connection's audio."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from random import Random
from typing import Any, Self

import numpy as np
from aiohttp import WSMsgType, web
from tests.fakes.deepgram_placed.audio import Spoken, place
from tests.fakes.deepgram_placed.figures import formatted, inside_figure
from tests.fakes.deepgram_placed.habits import Habits

from dragoman.media.format import FRAME_SAMPLES

FRAME_S = 0.02
FRAME_BYTES = 2 * FRAME_SAMPLES


class PlacedDeepgram:
    """``async with PlacedDeepgram(said) as fake``; the engine's option ``base_url`` is ``fake.url``."""

    def __init__(self, said: Sequence[Spoken], habits: Habits | None = None, seed: int = 0) -> None:
        self.said = tuple(said)
        self.habits = habits or Habits()
        self.random = Random(seed)
        self.connections = 0
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        assert self._runner is not None
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/v1/listen", self._listen)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _listen(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        self.connections += 1
        await _Connection(self, request, socket).run()
        return socket


class _Connection:
    """Times are frames of what it was sent, from 0."""

    def __init__(self, fake: PlacedDeepgram, request: web.Request, socket: web.WebSocketResponse) -> None:
        self._said, self._habits = fake.said, fake.habits
        self._random = Random(fake.random.random())
        self._request, self._socket = request, socket
        self._loop = asyncio.get_running_loop()
        self._bytes = b""
        self._heard: list[int | None] = []
        self._places: dict[int, int] = {}
        """The leg's frame to the first of ours that holds it."""
        self._cut: dict[int, str] = {}
        self._range = 0
        self._last: tuple[int, Spoken] | None = None
        self._spoken = -1
        self._ended = -1
        self._due = 0.0
        self._outbox: asyncio.Queue[tuple[float, dict[str, Any]]] = asyncio.Queue()
        self._endpointing = int(request.query["endpointing"]) / 1000
        self._silence = int(request.query["utterance_end_ms"]) / 1000
        self._joins = self._habits.smart_format and request.query["smart_format"] == "true"
        self._life = self._random.uniform(*self._habits.life_s) if self._habits.life_s else float("inf")
        self._plan()

    async def run(self) -> None:
        sending = asyncio.create_task(self._send())
        try:
            async for message in self._socket:
                if message.type is WSMsgType.BINARY:
                    self._bytes += message.data
                    while len(self._bytes) >= FRAME_BYTES:
                        frame, self._bytes = self._bytes[:FRAME_BYTES], self._bytes[FRAME_BYTES:]
                        if self._hear(place(np.frombuffer(frame, "<i2"))):
                            await self._end()
                            return
                elif message.type is WSMsgType.TEXT and json.loads(message.data)["type"] == "Finalize":
                    self._final(len(self._heard), speech_final=True, from_finalize=True)
                elif message.type is WSMsgType.TEXT and json.loads(message.data)["type"] == "CloseStream":
                    return
        finally:
            sending.cancel()
            await asyncio.wait((sending,))

    async def _send(self) -> None:
        while True:
            due, message = await self._outbox.get()
            await asyncio.sleep(due - self._loop.time())
            if self._socket.closed:
                return
            await self._socket.send_json(message)

    def _post(self, message: dict[str, Any]) -> None:
        self._due = max(self._due, self._loop.time() + self._random.uniform(*self._habits.latency_s))
        self._outbox.put_nowait((self._due, message))

    async def _end(self) -> None:
        code = self._random.choice(self._habits.endings)
        if self._random.random() < self._habits.last_final:
            self._final(len(self._heard))
            await asyncio.sleep(self._due - self._loop.time() + FRAME_S)
        if code == 1006:
            assert self._request.transport is not None
            self._request.transport.abort()
        else:
            await self._socket.close(code=code)

    def _plan(self) -> None:
        """A range begins: when it ends, and when its first interim comes."""
        self._full = self._random.uniform(*self._habits.range_s)
        self._interim_at = len(self._heard) * FRAME_S + self._random.uniform(*self._habits.interim_s)

    def _hear(self, frame: int | None) -> bool:
        """Take one more frame; whether the connection ends here."""
        now = len(self._heard)
        self._heard.append(frame)
        if frame is not None:
            self._places.setdefault(frame, now)
            if any(word.start <= frame < word.end for word in self._said):
                self._spoken = now + 1
        now += 1
        if now * FRAME_S >= self._life:
            return True
        quiet = (now - self._spoken) * FRAME_S
        if self._spoken > self._range and quiet >= self._endpointing:
            self._final(now, speech_final=True)
        elif (now - self._range) * FRAME_S >= self._full and (end := self._boundary(now)) is not None:
            self._final(end)
        elif now * FRAME_S >= self._interim_at:
            self._interim(now)
        if self._spoken > max(self._ended, 0) and quiet >= self._silence:
            self._ended = self._spoken
            self._post({"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": self._spoken * FRAME_S})
        return False

    def _boundary(self, now: int) -> int | None:
        if self._habits.anywhere:
            return now - self._random.randint(0, 15)
        frame = self._heard[now - 1]
        if frame is None:
            return now
        before = next((word for word in reversed(self._said) if word.start <= frame), None)
        behind = next((word for word in self._said if word.start > frame), None)
        if before is None or frame + 1 < before.end or (behind is not None and inside_figure(before, behind)):
            return None
        return now

    def _words(self, start: int, end: int) -> list[tuple[int, Spoken]]:
        """Of the words said, those whose middle was heard in [start, end): their numbers and where they were heard."""
        found = []
        for number, word in enumerate(self._said):
            held = [self._places[frame] for frame in range(word.start, word.end) if frame in self._places]
            if not held or not start <= (held[0] + held[-1] + 1) / 2 < end:
                continue
            text = word.text
            share = len(held) / (word.end - word.start)
            if share < 0.75 and word.end - 1 in self._places:  # its beginning was not sent
                text = self._cut.setdefault(number, self._half_heard(word, share))
            elif share < 0.6:
                continue  # still being said
            if text:
                found.append((number, Spoken(text, held[0], held[-1] + 1)))
        return found

    def _half_heard(self, word: Spoken, share: float) -> str:
        if share < 0.4 or self._random.random() < 0.4:
            return ""
        return f"mm{word.text[-2:]}" if self._random.random() < self._habits.cut_words else word.text

    def _interim(self, end: int) -> None:
        self._interim_at = end * FRAME_S + self._random.uniform(*self._habits.interim_s)
        words = [word for _, word in self._words(self._range, end)]
        if words and self._random.random() < self._habits.wrong_interims:
            at = self._random.choice((len(words) - 1, self._random.randrange(len(words))))
            word = words[at]
            middle = (word.start + word.end) // 2
            halves = [Spoken(word.text[:2], word.start, middle), Spoken(f"x{word.text[2:]}", middle, word.end)]
            words[at : at + 1] = self._random.choice(([Spoken(f"uh{word.text}", word.start, word.end)], halves, []))
        self._result(words, self._range, end, is_final=False)

    def _final(self, end: int, *, speech_final: bool = False, from_finalize: bool = False) -> None:
        start = self._range
        words = self._words(start, end)
        if self._last and words and words[0][0] == self._last[0] + 1 and self._random.random() < self._habits.overlap:
            words.insert(0, self._last)
            start = min(start, self._last[1].start)
        self._last = words[-1] if words else self._last
        self._result(
            [word for _, word in words],
            start,
            end,
            is_final=True,
            speech_final=speech_final,
            from_finalize=from_finalize,
        )
        self._range = end
        self._plan()

    def _result(self, words: list[Spoken], start: int, end: int, *, is_final: bool, **flags: bool) -> None:
        shift = self._habits.final_shift_s if is_final else self._habits.interim_shift_s
        told: list[dict[str, Any]] = []
        first = 0.0
        for word in formatted(words) if self._joins else words:
            first = max(word.start * FRAME_S + self._random.uniform(-shift, shift), first)
            last = max(word.end * FRAME_S + self._random.uniform(-shift, shift), first + 0.04)
            times = {"start": round(first, 3), "end": round(min(last, max(end * FRAME_S, first + 0.01)), 3)}
            told.append({"word": word.text, "punctuated_word": word.text, "confidence": 0.9, "novelty": [1], **times})
            first += 0.01
        transcript = " ".join(word["punctuated_word"] for word in told)
        self._post(
            {
                "type": "Results",
                "channel_index": [0, 1],
                "start": round(start * FRAME_S, 3),
                "duration": round((end - start) * FRAME_S, 3),
                "is_final": is_final,
                "speech_final": False,
                "from_finalize": False,
                "channel": {"alternatives": [{"transcript": transcript, "confidence": 0.9, "words": told}]},
                "metadata": {"request_id": "0", "model_info": {}, "model_uuid": "0"},
                **flags,
            }
        )
