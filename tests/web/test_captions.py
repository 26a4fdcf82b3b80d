"""Captions over SSE: readers of two languages, a slow one, one that leaves, one that comes back."""

from __future__ import annotations

import asyncio
import socket

import pytest
from tests.web.serving import Reader, caption, serving, until_readers

from dragoman.pipeline.captions import SUBSCRIBER_DEPTH, CaptionHub, CaptionKind
from dragoman.web.captions import as_event
from dragoman.web.routes import CAPTIONS

ES = "/api/rooms/1000/captions?lang=es"
EN = "/api/rooms/1000/captions?lang=en"


def watched() -> tuple[CaptionHub, asyncio.Event]:
    changed = asyncio.Event()
    return CaptionHub(on_demand=changed.set), changed


async def test_two_readers_each_get_their_language_in_order() -> None:
    async with serving() as s, s.session.get(ES) as es, s.session.get(EN) as en:
        assert es.content_type == "text/event-stream"
        assert es.headers["Cache-Control"] == "no-store"
        spanish, english = Reader(es), Reader(en)
        await spanish.begin()
        await english.begin()
        s.hub.publish(caption("bue", CaptionKind.PARTIAL))
        s.hub.publish(caption("good morning", language="en"))
        s.hub.publish(caption("buenos\ndías \u2028 ¿qué tal?", engine="apertium"))
        s.hub.publish(caption("buenos días", CaptionKind.SPOKEN, ear_voice_span_ms=612.5))
        s.hub.publish(caption("x", room="2000"))
        got = [await spanish.event() for _ in range(3)]
        assert [(e.id, e.name) for e in got] == [(1, "partial"), (3, "clause"), (4, "spoken")]
        assert got[1].data["text"] == "buenos\ndías \u2028 ¿qué tal?"
        assert got[1].data["source_text"] == "good morning"
        assert got[2].data["ear_voice_span_ms"] == 612.5
        first = await english.event()
        assert (first.id, first.data["text"]) == (2, "good morning")


async def test_a_reader_counts_as_a_listener_until_he_leaves() -> None:
    hub, changed = watched()
    async with serving(hub=hub) as s:
        async with s.session.get(ES):
            await until_readers(hub, changed, {"es"})
            assert s.metrics.registry.get_sample_value("dragoman_caption_readers") == 1
            async with s.session.get(EN):
                await until_readers(hub, changed, {"es", "en"})
            await until_readers(hub, changed, {"es"})
        # The client closed its connection; no event and no keepalive is due for 15 s, and yet it is noticed.
        await until_readers(hub, changed, set())
        assert s.metrics.registry.get_sample_value("dragoman_caption_readers") == 0


async def test_a_reader_who_comes_back_gets_what_he_missed() -> None:
    async with serving() as s:
        for number in range(1, 5):
            s.hub.publish(caption(f"clause {number}"))
        s.hub.publish(caption("partial words", CaptionKind.PARTIAL))
        async with s.session.get(ES, headers={"Last-Event-ID": "2"}) as response:
            reader = Reader(response)
            assert [(await reader.event()).data["text"] for _ in range(2)] == ["clause 3", "clause 4"]
            s.hub.publish(caption("live"))
            assert (await reader.event()).id == 6


async def test_a_new_reader_gets_no_history() -> None:
    async with serving() as s:
        s.hub.publish(caption("old"))
        async with s.session.get(ES) as response:
            reader = Reader(response)
            await reader.begin()
            s.hub.publish(caption("new"))
            assert (await reader.event()).data["text"] == "new"


@pytest.mark.parametrize("given", ["abc", "-1", "1.5", "٣", "9" * 40])
async def test_a_last_event_id_that_is_none(given: str) -> None:
    async with serving() as s:
        problem = await s.json(ES, 422, headers={"Last-Event-ID": given})
        assert "Last-Event-ID" in problem["detail"]
        assert s.hub.languages("1000") == frozenset()


async def test_a_slow_reader_loses_the_oldest_and_holds_nobody_up() -> None:
    async with serving() as s, s.session.get(ES) as response:
        quick = Reader(response)
        await quick.begin()
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # and reads nothing, so that its window closes
        with slow:
            slow.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(slow, s.server.address)
            await loop.sock_sendall(slow, f"GET {ES} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            async with asyncio.timeout(60):
                assert (await loop.sock_recv(slow, 12)) == b"HTTP/1.1 200"
            published = 0
            text = "x" * 65_536  # what the kernel's buffers take is a matter of MB
            streams = s.app[CAPTIONS]
            while not streams.dropped:
                assert published < 10_000
                s.hub.publish(caption(text, clause=str(published)))
                published += 1
                assert (await quick.event()).data["clause"] == str(published - 1)
            assert published > SUBSCRIBER_DEPTH
            assert streams.dropped == 1
        # He hangs up: what he lost is counted for good.
        s.hub.publish(caption(text))
        async with asyncio.timeout(60):
            await quick.event()
            await s.server.close()
        assert s.metrics.registry.get_sample_value("dragoman_queue_drops_total", {"queue": "captions"}) in (1, 2)


async def test_a_burst_beyond_the_bound_keeps_the_newest() -> None:
    async with serving() as s, s.session.get(ES) as response:
        reader = Reader(response)
        await reader.begin()
        for number in range(SUBSCRIBER_DEPTH + 10):
            s.hub.publish(caption(str(number)))
        got = [int((await reader.event()).data["text"]) for _ in range(SUBSCRIBER_DEPTH)]
        assert got == list(range(10, SUBSCRIBER_DEPTH + 10))


async def test_a_silent_stream_is_kept_alive() -> None:
    async with serving(keepalive_s=0.001) as s, s.session.get(ES) as response:
        async with asyncio.timeout(60):
            for _ in range(3):
                assert await response.content.readline() == b": keepalive\n"
                assert await response.content.readline() == b"\n"


async def test_streams_end_when_the_server_stops() -> None:
    async with serving() as s, s.session.get(ES) as response:
        reader = Reader(response)
        await reader.begin()
        s.hub.publish(caption("last words"))
        async with asyncio.timeout(60):
            await s.server.close()
            assert (await reader.event()).data["text"] == "last words"
            with pytest.raises(EOFError):
                await reader.event()
        assert s.hub.languages("1000") == frozenset()


async def test_too_many_readers() -> None:
    async with serving() as s:
        s.app[CAPTIONS].limit = 1
        async with s.session.get(ES) as response:
            await Reader(response).begin()
            async with s.session.get(EN) as refused:
                assert refused.status == 503
                assert refused.headers["Retry-After"] == "10"
        assert s.hub.languages("1000") <= {"es"}


async def test_an_unknown_language_is_told_which_there_are() -> None:
    async with serving() as s:
        problem = await s.json("/api/rooms/1000/captions?lang=xx", 422)
        assert problem["languages"] == ["en", "es", "ca"]
        assert "'xx'" in problem["detail"]


@pytest.mark.parametrize("query", ["", "?lang=es&lang=en", "?language=es", "?lang="])
async def test_one_language_must_be_named(query: str) -> None:
    async with serving() as s:
        problem = await s.json(f"/api/rooms/1000/captions{query}", 422)
        assert "query.lang" in problem["detail"]


async def test_no_head_of_a_stream() -> None:
    async with serving() as s, s.session.head(ES) as response:
        assert response.status == 405


def test_an_event_is_three_lines() -> None:
    lines = as_event(7, caption("a\r\nb")).decode().split("\n")
    assert lines[:2] == ["id: 7", "event: clause"]
    assert lines[2].startswith('data: {"kind":"clause"')
    assert lines[3:] == ["", ""]
