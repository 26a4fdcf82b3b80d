"""A Deepgram whose word times move: written from the provider's documents alone, as a judge of the ledger would.

Each word's number is in the level of its samples, so that whatever is sent, and sent again, is heard for what it is.
Each connection has its own idea of when words were said and of how figures are written; it mishears a word that its
beginning cuts, revises partials, ends ranges where it likes, repeats finals, sends them late, and dies.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from random import Random
from types import TracebackType
from typing import Any, Self

import numpy as np
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

RATE = 16_000
LOUDEST, STEP = 1_000, 40
"""A word's samples alternate between plus and minus LOUDEST + STEP * its number."""

TENS = {"twenty": 20, "thirty": 30, "forty": 40}
ONES = {"one": 1, "five": 5, "nine": 9}
VOCABULARY = ("no", "yes", "we", "go", "the", "harbour", "morning", "again", "people", "perhaps", "tomorrow", "is")


@dataclass(frozen=True, slots=True)
class Said:
    """A word of the script; samples."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Moves:
    """What a connection may do; times in seconds, chances from 0 to 1."""

    offset: float = 0.0
    noise: float = 0.0
    drift: float = 0.0
    flutter: float = 0.0
    """Of a word from one message to the next."""
    figures: bool = False
    """Whether connections differ in how they write figures: "twenty one", "twenty-one", "21"."""
    raw_partials: bool = False
    """Whether partials tell figures in words where finals join them."""
    wrong: float = 0.0
    """Partials that end in a wrong word."""
    split: float = 0.0
    """Partials that tell one of their words as two."""
    cut: float = 0.5
    """Words heard in part that are told, as themselves or as another."""
    anywhere: float = 0.1
    """Looks at which a range ends for no reason, in a word maybe."""
    repeated: float = 0.0
    """Finals that come twice."""
    late: float = 0.0
    """Finals that come up to ``late_s`` later."""
    late_s: float = 1.2
    refused: float = 0.0
    """Handshakes answered 429 or 503."""
    life: tuple[float, float] | None = (1.5, 8.0)
    """Seconds that a connection lives; None: for ever."""


def script(random: Random, count: int, *, figures: bool = False, repeats: float = 0.2) -> list[Said]:
    """Words in breaths and utterances, some said twice, the times in samples."""
    words: list[Said] = []
    at = 8_000
    while len(words) < count:
        for _ in range(random.choice((1, 2, 3, 6, 10, 20))):
            texts = [random.choice(VOCABULARY)]
            if words and random.random() < repeats:
                texts = [words[-1].text] if words[-1].text in VOCABULARY else texts
            elif figures and random.random() < 0.3:
                texts = [random.choice((*TENS,)), random.choice((*ONES,))][: random.choice((1, 2, 2))]
                if words and words[-1].text in TENS:
                    texts = [random.choice(VOCABULARY), *texts]
            for text in texts:
                length = random.randrange(140, 520) * 16
                words.append(Said(text, at, at + length))
                at += length + random.choice((0, 160, 480, 1_280))
            if texts[-1] in ONES or texts[-1] in TENS:  # what follows is no part of the figure
                length = random.randrange(140, 420) * 16
                words.append(Said(random.choice(VOCABULARY), at, at + length))
                at += length
        at += random.choice((2_400, 4_800, 9_600, 24_000))
    return words


def audio(words: Sequence[Said]) -> np.ndarray:
    """The script as PCM."""
    pcm = np.zeros(words[-1].end + 8_000, np.int16)
    for number, word in enumerate(words):
        span = pcm[word.start : word.end]
        span[:] = LOUDEST + STEP * number
        span[1::2] *= -1
    return pcm


def spelt(texts: Iterable[str]) -> list[str]:
    """Each figure as its words, however it was told."""
    tens = {str(value)[0]: word for word, value in TENS.items()}
    ones = {str(value): word for word, value in ONES.items()}
    found: list[str] = []
    for text in texts:
        if len(text) == 2 and text.isdigit() and text[0] in tens:
            found += [tens[text[0]], *([ones[text[1]]] if text[1] in ones else [])]
        else:
            found += text.split("-")
    return found


@dataclass(slots=True)
class _Ear:
    """What one connection has heard."""

    said: Sequence[Said]
    moves: Moves
    random: Random
    received: int = 0
    first: dict[int, int] = field(default_factory=dict)
    """Where, in what was received, a word began."""
    heard: Counter[int] = field(default_factory=Counter)
    """How much of it there was."""
    loud: int = 0
    """Where the last sound ended."""
    _off: float = 0.0
    _drift: float = 0.0
    _style: str = ""
    _moved: dict[int, float] = field(default_factory=dict)
    _frozen: set[int] = field(default_factory=set)
    _misheard: dict[int, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._off = self.random.uniform(-self.moves.offset, self.moves.offset)
        self._drift = self.random.uniform(-self.moves.drift, self.moves.drift)
        self._style = self.random.choice((" ", "-", "figure")) if self.moves.figures else " "

    def take(self, data: bytes) -> None:
        """Audio came."""
        pcm = np.frombuffer(data, "<i2").astype(np.int32)
        numbers = np.where(pcm == 0, -1, (np.abs(pcm) - LOUDEST) // STEP)
        for number in np.unique(numbers[numbers >= 0]).tolist():
            places = np.flatnonzero(numbers == number)
            self.first.setdefault(number, self.received + int(places[0]))
            self.heard[number] += len(places)
            self.loud = self.received + int(places[-1]) + 1
        self.received += len(pcm)

    def words(self, upto: int, *, final: bool) -> list[dict[str, Any]]:
        """Those of which no final told and whose middle lies before ``upto``, as this connection tells them."""
        told: list[tuple[str, float, float]] = []
        for number, first in sorted(self.first.items(), key=lambda item: item[1]):
            length = self.heard[number]
            if number in self._frozen or first + length // 2 >= upto or (text := self._text(number)) is None:
                continue
            if final:
                self._frozen.add(number)
            moved = self._moved.setdefault(number, self.random.uniform(-self.moves.noise, self.moves.noise))
            moved += self._off + self._drift * first / RATE
            moved += self.random.uniform(-self.moves.flutter, self.moves.flutter)
            told.append((text, max(first / RATE + moved, 0), max((first + length) / RATE + moved, 0.02)))
        if told and not final and self.random.random() < self.moves.wrong:
            told[-1] = (self.random.choice((*VOCABULARY, "mumble")), *told[-1][1:])
        if told and not final and self.moves.split and self.random.random() < self.moves.split:
            i = self.random.randrange(len(told))
            text, start, end = told[i]
            middle, half = (start + end) / 2, (len(text) + 1) // 2
            told[i : i + 1] = [(text[:half], start, middle), (text[half:] or "uh", middle, end)]
        style = " " if self.moves.raw_partials and not final else self._style
        return [
            {"word": text, "start": round(start, 2), "end": round(end, 2), "confidence": 0.9, "punctuated_word": text}
            for text, start, end in joined(told, style)
        ]

    def _text(self, number: int) -> str | None:
        word = self.said[number]
        part = self.heard[number] / (word.end - word.start)
        if part > 0.85:
            return word.text
        if self.received - self.loud < 1_600 and self.first[number] + self.heard[number] >= self.loud:
            return word.text if part > 0.6 else None  # it is still being said
        if part < 0.2:
            return None
        if number not in self._misheard:
            told = self.random.random() < self.moves.cut
            self._misheard[number] = self.random.choice((word.text, word.text, "mumble", "uh")) if told else None
        return self._misheard[number]


def joined(told: list[tuple[str, float, float]], style: str) -> list[tuple[str, float, float]]:
    """Figures in this style."""
    found: list[tuple[str, float, float]] = []
    for text, start, end in told:
        if style != " " and text in ONES and found and found[-1][0] in {*TENS, *map(str, TENS.values())}:
            tens, first, _ = found.pop()
            text = str(int(tens) + ONES[text]) if tens.isdigit() else f"{tens}-{text}"
            found.append((text, first, max(first, end)))
        elif style == "figure" and text in TENS:
            found.append((str(TENS[text]), start, end))
        else:
            found.append((text, start, end))
    return found


class MovedDeepgram:
    """The server; ``connections`` counts the streams that it gave."""

    def __init__(self, said: Sequence[Said], moves: Moves, seed: int) -> None:
        self.said = said
        self.moves = moves
        self.connections = 0
        self._random = Random(f"moved/{seed}")
        self._server: Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await serve(self._stream, "127.0.0.1", 0, process_request=self._handshake, ping_interval=None)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        """For ``base_url``."""
        assert self._server is not None
        return f"http://127.0.0.1:{next(iter(self._server.sockets)).getsockname()[1]}"

    def _handshake(self, connection: ServerConnection, request: Request) -> Response | None:
        if not request.headers.get("Authorization", "").startswith("Token "):
            return connection.respond(HTTPStatus.UNAUTHORIZED, '{"err_code":"INVALID_AUTH"}')
        if self._random.random() < self.moves.refused:
            status = self._random.choice((HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE))
            return connection.respond(status, '{"err_code":"TOO_MANY_REQUESTS"}')
        return None

    async def _stream(self, connection: ServerConnection) -> None:
        self.connections += 1
        await _Stream(connection, _Ear(self.said, self.moves, self._random)).run()


class _Stream:
    def __init__(self, connection: ServerConnection, ear: _Ear) -> None:
        self._connection = connection
        self._ear = ear
        self._moves = ear.moves
        self._random = ear.random
        self._since = 0  # where the range that is open began
        self._looked = 0
        self._mute = False
        self._posts: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        dying = None
        if self._moves.life is not None:
            dying = asyncio.create_task(self._die(self._random.uniform(*self._moves.life)))
        try:
            async for data in self._connection:
                self._hear(data)
        except ConnectionClosed:
            pass
        finally:
            for task in (*self._posts, *([dying] if dying else [])):
                task.cancel()

    async def _die(self, after: float) -> None:
        await asyncio.sleep(after)
        how = self._random.choice(("cut", "1011", "mute", "cut after a final"))
        if how == "cut after a final":
            self._end_range(self._ear.received, delay=0.0)
            await asyncio.sleep(0.05)
        if how == "mute":  # half-open: it takes everything and says nothing
            self._mute = True
        elif how == "1011":
            await self._connection.close(1011, "Deepgram did not provide a response message within the timeout window")
        else:
            self._connection.transport.abort()

    def _hear(self, data: str | bytes) -> None:
        if isinstance(data, bytes):
            assert data, "an empty message closes the stream"
            self._ear.take(data)
            if self._ear.received - self._looked >= self._random.choice((4_000, 8_000, 12_000)):
                self._look()
            return
        kind = json.loads(data)["type"]
        if kind == "Finalize":
            self._end_range(self._ear.received, finalize=True)
        elif kind == "CloseStream":
            self._mute = True
            task = asyncio.create_task(self._connection.close())
            self._posts.add(task)

    def _look(self) -> None:
        ear, random = self._ear, self._random
        self._looked = ear.received
        quiet = ear.received - ear.loud
        if quiet >= 4_800 and ear.loud > self._since:
            self._end_range(ear.received, speech_final=True)
        elif ear.received - self._since > 80_000 or random.random() < self._moves.anywhere:
            self._end_range(ear.received - random.choice((0, 2_400, 6_400)))
        else:
            upto = ear.received - random.choice((0, 1_600, 3_200))
            self._post(self._result(upto, final=False), random.uniform(0.2, 0.3))

    def _end_range(
        self, upto: int, *, finalize: bool = False, speech_final: bool = False, delay: float | None = None
    ) -> None:
        if upto <= self._since:
            return
        message = self._result(upto, final=True, finalize=finalize, speech_final=speech_final)
        self._since = upto
        random, moves = self._random, self._moves
        wait = random.uniform(0.2, 0.3) if delay is None else delay
        if random.random() < moves.late:
            wait += random.uniform(0.3, moves.late_s)
        self._post(message, wait)
        if random.random() < moves.repeated:
            self._post(message, wait + random.uniform(0.0, 1.0))

    def _result(self, upto: int, *, final: bool, finalize: bool = False, speech_final: bool = False) -> str:
        words = self._ear.words(upto, final=final)
        text = " ".join(word["word"] for word in words)
        return json.dumps(
            {
                "type": "Results",
                "channel_index": [0, 1],
                "start": round(self._since / RATE, 4),
                "duration": round(max(upto - self._since, 0) / RATE, 4),
                "is_final": final,
                "speech_final": speech_final,
                "from_finalize": finalize,
                "channel": {"alternatives": [{"transcript": text, "confidence": 0.9, "words": words}]},
                "metadata": {"request_id": "moved", "model_info": {"name": "general-nova-3"}, "model_uuid": "moved"},
            }
        )

    def _post(self, message: str, delay: float) -> None:
        async def post() -> None:
            await asyncio.sleep(delay)
            if not self._mute:
                with suppress(ConnectionClosed, ConnectionError):
                    await self._connection.send(message)

        task = asyncio.create_task(post())
        self._posts.add(task)
        task.add_done_callback(self._posts.discard)
