"""Senders who dribble hold nobody up, in virtual time: they are told so and counted, and nothing of theirs stays."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.enrolment.clips import wav
from tests.enrolment.fakes import FakeVoices
from tests.enrolment.test_desk import desk_of, reader
from tests.virtual_time import virtual_time
from tests.web.serving import Serving, serving
from tests.web.test_voices import ROOT, form

from dragoman.enrolment.desk import RECEIVING, WAITING, EnrolmentDesk
from dragoman.enrolment.model import State
from dragoman.web import upload
from dragoman.web.patience import IDLE_S, LEAST_RATE

pytestmark = virtual_time

LEAVES_S = IDLE_S + 3.0
"""By then one who sends a byte a second was sent away."""

HEAD = b'--x\r\nContent-Disposition: form-data; name="clip"; filename="a"\r\n\r\nRIFF\0\0\0\0WAVE'


@asynccontextmanager
async def site(tmp_path: Path) -> AsyncIterator[tuple[Serving, EnrolmentDesk]]:
    async with desk_of(FakeVoices(), tmp_path / "in", reader=reader) as desk, serving(desk=desk) as s:
        yield s, desk


async def begin(s: Serving, length: int = 1_000_000) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A form that has begun to come."""
    answers, writer = await asyncio.open_connection(*s.server.address)
    kind = "Content-Type: multipart/form-data; boundary=x"
    writer.write(f"POST {ROOT} HTTP/1.1\r\nHost: localhost\r\n{kind}\r\nContent-Length: {length}\r\n\r\n".encode())
    writer.write(HEAD)
    return answers, writer


async def dribble(s: Serving, seconds: float = 1.0, piece: bytes = b"\0") -> tuple[int, dict[str, Any]]:
    """Send a piece every so many seconds until there is an answer: its status and document."""
    answers, writer = await begin(s, 10_000_000)
    answer = asyncio.ensure_future(problem(answers))
    while not answer.done():
        writer.write(piece)
        await asyncio.wait((answer,), timeout=seconds)
    writer.close()
    return await answer


async def problem(answers: asyncio.StreamReader) -> tuple[int, dict[str, Any]]:
    head = (await answers.readuntil(b"\r\n\r\n")).decode()
    size = int(head.lower().partition("content-length: ")[2].split()[0])
    return int(head.split()[1]), json.loads(await answers.readexactly(size))


async def until_begun(tmp_path: Path, count: int) -> None:
    while len(list((tmp_path / "in").glob("*/*"))) < count:
        await asyncio.sleep(0.1)


async def test_as_many_as_there_are_places_dribble_and_others_enrol_meanwhile(tmp_path: Path) -> None:
    clock = asyncio.get_running_loop().time
    async with site(tmp_path) as (s, desk), asyncio.TaskGroup() as group:
        began = clock()
        slow = [group.create_task(dribble(s)) for _ in range(WAITING)]
        await until_begun(tmp_path, WAITING)
        begun = await s.json(ROOT, 202, method="POST", data=form(("a", wav()), ("b", wav()), ("c", wav())))
        assert [step async for _, step in desk.watch(begun["id"])][-1].state is State.DONE
        assert clock() - began < IDLE_S and not any(task.done() for task in slow)
        told = await asyncio.gather(*slow)
        assert clock() - began < LEAVES_S
        assert {status for status, _ in told} == {408}
        assert all("Nothing came for 10 s" in document["detail"] for _, document in told)
        assert desk.slow == WAITING and desk.refused == 0


async def test_where_nobody_else_can_send_it_is_for_seconds(tmp_path: Path) -> None:
    async with site(tmp_path) as (s, desk), asyncio.TaskGroup() as group:
        slow = [group.create_task(dribble(s)) for _ in range(RECEIVING)]
        await until_begun(tmp_path, RECEIVING)
        async with s.session.post(ROOT, data=form(wav(), wav(), wav())) as answer:
            assert answer.status == 503 and "senders" in (await answer.json())["detail"]
            again = int(answer.headers["Retry-After"])
        await asyncio.gather(*slow)
        await asyncio.sleep(again - IDLE_S)
        await s.json(ROOT, 202, method="POST", data=form(("a", wav()), ("b", wav()), ("c", wav())))
        assert (desk.slow, desk.refused) == (RECEIVING, 1)


async def test_who_stops_is_sent_away_and_who_pauses_is_not(tmp_path: Path) -> None:
    async with site(tmp_path) as (s, desk):
        assert (await dribble(s, IDLE_S + 1.0, bytes(100_000)))[0] == 408
        answers, writer = await begin(s, 300_000)
        for _ in range(3):
            await asyncio.sleep(IDLE_S - 1.0)
            writer.write(bytes(100_000))
        assert (await problem(answers))[0] == 422, "it is no whole form, and that is all that is wrong with it"
        writer.close()
        assert desk.slow == 1


async def test_a_slow_line_is_waited_for_until_the_deadline(tmp_path: Path) -> None:
    clock = asyncio.get_running_loop().time
    async with site(tmp_path) as (s, desk):
        began = clock()
        status, document = await dribble(s, 1.0, bytes(LEAST_RATE + 100))
        assert status == 408 and "300 s" in document["detail"]
        assert upload.DEADLINE_S <= clock() - began < upload.DEADLINE_S + 5 and desk.slow == 1


async def test_comparing_and_taking_in_are_no_exception(tmp_path: Path) -> None:
    async with site(tmp_path) as (s, desk):
        answers, writer = await asyncio.open_connection(*s.server.address)
        kind = "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 999"
        writer.write(f"POST /api/voice-profile-imports HTTP/1.1\r\nHost: localhost\r\n{kind}\r\n\r\n--x\r\n".encode())
        assert (await problem(answers))[0] == 408 and desk.slow == 1
        writer.close()
