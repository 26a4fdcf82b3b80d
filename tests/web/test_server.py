"""The server as its clients see it: what each path answers, and that no input makes it fail."""

from __future__ import annotations

import asyncio
import logging
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from tests.engines.scripted import MoodyTranslator
from tests.web.serving import ROOM, serving

from dragoman.config import HttpSettings
from dragoman.errors import ConfigError, EngineDenied
from dragoman.web.server import WebServer


async def test_live() -> None:
    async with serving() as s:
        assert await s.json("/health/live") == {"live": True}


async def test_not_ready_tells_which_part_and_why() -> None:
    async with serving() as s:
        s.health.ok("media")
        s.health.failed("ari", "connection refused")
        problem = await s.json("/health/ready", 503)
        assert problem["detail"] == "ari: connection refused"
        assert [(part["name"], part["ok"], part["why"]) for part in problem["parts"]] == [
            ("ari", False, "connection refused"),
            ("media", True, ""),
        ]
        s.health.ok("ari")
        answer = await s.json("/health/ready")
        assert answer["ready"] is True
        assert all(part["since"].endswith("Z") for part in answer["parts"])


async def test_ready_while_another_engine_does_the_work_and_told_which_one_does_not() -> None:
    async with serving() as s:
        s.health.ok("ari")
        s.health.ok("media", "deepl: 456: quota used up")
        answer = await s.json("/health/ready")
        assert answer["ready"] is True
        assert [(part["name"], part["ok"], part["degraded"]) for part in answer["parts"]] == [
            ("ari", True, ""),
            ("media", True, "deepl: 456: quota used up"),
        ]


async def test_rooms() -> None:
    async with serving() as s:
        assert await s.json("/api/rooms") == {"rooms": [ROOM.model_dump() | {"setup": None}]}
        assert await s.json("/api/rooms/1000") == ROOM.model_dump() | {"setup": None}
        s.conference.found = []
        assert await s.json("/api/rooms") == {"rooms": []}


async def test_a_room_nobody_is_in() -> None:
    async with serving() as s:
        assert "2000" in (await s.json("/api/rooms/2000", 404))["detail"]


@pytest.mark.parametrize("room", ["a b", "ü", "1" * 33, "a.b", "1000%0A", "..%2f..%2fetc"])
async def test_a_room_that_cannot_be(room: str) -> None:
    async with serving() as s:
        problem = await s.json(f"/api/rooms/{room}", 422)
        assert problem["errors"][0]["where"] == "path.room"


async def test_stats() -> None:
    async with serving() as s:
        s.metrics.clauses_committed.inc(3)
        s.metrics.clauses_dropped.labels(reason="stale").inc()
        s.metrics.queue_drops.labels(queue="input").inc(2)
        s.metrics.stage_seconds.labels(stage="mt", engine="apertium", source="en", target="es").observe(0.0015)
        s.metrics.ear_voice_span_seconds.labels(source="en", target="es", asr="x", mt="y", tts="z").observe(0.65)
        s.conference.media.lost = 4
        for lateness in [0.0001] * 5 + [0.009] * 3:
            s.conference.media.count_tick(lateness, 0, False)
        stats = await s.json("/api/stats")
        assert stats["uptime_s"] == 12.5
        assert stats["engines"]["translators"] == ["phrasebook", "apertium"]
        assert stats["clauses"] == {"committed": 3, "translated": 0, "spoken": 0, "dropped": {"stale": 1}}
        assert stats["queue_drops"] == {"input": 2}
        (stage,) = stats["stages"]
        assert (stage["stage"], stage["engine"], stage["count"]) == ("mt", "apertium", 1)
        assert 0 < stage["p50_ms"] <= 2
        (span,) = stats["ear_voice_spans"]
        assert (span["source"], span["target"]) == ("en", "es")
        assert 600 <= span["p95_ms"] <= 700
        assert stats["packets"]["lost"] == 4
        assert stats["tick"]["ticks"] == 8
        assert stats["tick"]["p50_ms"] == pytest.approx(0.2)
        assert 5 < stats["tick"]["p99_ms"] <= 10


async def test_stats_of_engines() -> None:
    async with serving() as s:
        circuits = s.conference.circuits
        deepl, apertium = MoodyTranslator("deepl"), MoodyTranslator("apertium")
        deepl.counted = {"characters": 512}
        circuits.of(apertium)
        circuits.failed(deepl, EngineDenied("deepl", "456: quota used up"))
        circuits.line([deepl, apertium]).served(apertium)
        stats = await s.json("/api/stats")
        good, bad = stats["engine_states"]
        assert (good["engine"], good["state"], good["reason"], good["opened"]) == ("apertium", "closed", "", 0)
        assert (bad["stage"], bad["engine"], bad["state"], bad["opened"]) == ("mt", "deepl", "open", 1)
        assert bad["reason"] == "deepl: 456: quota used up"
        assert bad["counts"] == {"characters": 512}
        assert bad["since"].endswith("Z")
        change = {"stage": "mt", "from_engine": "deepl", "to_engine": "apertium", "count": 1}
        assert stats["engine_changes"] == [change]
        assert stats["engine_fallbacks"] == [change]


@pytest.mark.parametrize("accept", ["text/plain", "application/openmetrics-text; version=1.0.0"])
async def test_metrics(accept: str) -> None:
    async with serving() as s:
        s.metrics.watch_media(s.conference.media)
        async with s.session.get("/metrics", headers={"Accept": accept}) as response:
            assert response.status == 200
            assert response.content_type == accept.partition(";")[0]
            text = await response.text()
        assert "dragoman_rtp_packets_in_total 0.0" in text
        if "openmetrics" in accept:
            assert len(list(text_string_to_metric_families(text))) > 20


async def test_a_path_that_is_not_there() -> None:
    async with serving() as s:
        assert "openapi.json" in (await s.json("/api/nonesuch", 404))["detail"]


async def test_a_method_that_is_not_taken() -> None:
    async with serving() as s, s.session.put("/api/rooms", data=b"x" * 200_000) as response:
        assert response.status == 405
        assert response.content_type == "application/problem+json"
        assert set(response.headers["Allow"].split(",")) == {"GET", "HEAD", "POST"}


async def test_nothing_tells_the_versions_of_what_is_beneath() -> None:
    async with serving() as s:
        for path in ("/health/live", "/nonesuch", "/api/rooms/1000/captions?lang=es"):
            async with s.session.get(path) as response:
                assert response.headers["Server"] == "dragoman"
                assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_port_that_is_taken() -> None:
    async with serving() as s:
        second = WebServer(s.app, HttpSettings(port=s.server.address[1]))
        with pytest.raises(ConfigError, match=r"http\.bind, http\.port: .*in use"):
            await second.start()


async def test_closing_twice() -> None:
    async with serving() as s:
        await s.server.close()
        await s.server.close()


junk = st.text(max_size=40)
segment = junk.map(lambda text: quote(text, safe="")) | st.sampled_from(
    ["1000", "..", ".", "%00", "%ff%fe", "captions"]
)
pairs = st.lists(
    st.tuples(st.sampled_from(["lang", "room", "name[]", "x"]) | junk, st.sampled_from(["es"]) | junk), max_size=4
)
known = st.sampled_from(["/api/rooms/", "/api/", "/health/", "/metrics", "/api/stats", "/api/rooms/1000/captions", "/"])
headers = st.dictionaries(
    st.sampled_from(["Last-Event-ID", "Accept", "Authorization", "Range", "If-None-Match"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30),
    max_size=2,
)


def test_no_path_query_or_header_makes_it_fail() -> None:
    """One server for all examples; whatever is asked, the answer is not 500 and errors are problem documents."""
    with asyncio.Runner() as runner:
        context = serving()
        s = runner.run(context.__aenter__())

        @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(known, segment, pairs, headers)
        def ask(start: str, end: str, query: list[tuple[str, str]], sent: dict[str, str]) -> None:
            runner.run(asked(start + end, query, sent))

        async def asked(path: str, query: list[tuple[str, str]], sent: dict[str, str]) -> None:
            text = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query)
            port = s.server.address[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            lines = [
                f"GET {path}?{text} HTTP/1.1",
                "Host: 127.0.0.1",
                *(f"{name}: {value}" for name, value in sent.items()),
            ]
            writer.write("\r\n".join([*lines, "", ""]).encode())
            async with asyncio.timeout(60):
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
            writer.close()
            await writer.wait_closed()
            status = int(head.split()[1])
            assert status < 500 or "/health/ready" in path, head
            assert status < 400 or "application/problem+json" in head

        try:
            ask()
        finally:
            runner.run(context.__aexit__(None, None, None))


async def test_bytes_that_are_no_http_are_one_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "aiohttp.server")
    async with serving() as s:
        reader, writer = await asyncio.open_connection(*s.server.address)
        writer.write(b"GET / HTTP/1.1\r\nAuthorization: Bearer abc\x00\r\n\r\n")
        assert b" 400 " in await reader.readline()
        writer.close()
        await writer.wait_closed()
    (record,) = [record for record in caplog.records if record.name == "aiohttp.server"]
    assert (record.levelname, record.exc_info) == ("INFO", None)
    assert "abc" not in caplog.text


@given(st.binary(max_size=300))
@settings(max_examples=50, deadline=None)
def test_bytes_that_are_no_http_leave_the_server_alive(data: bytes) -> None:
    async def scenario() -> None:
        async with serving() as s:
            _, writer = await asyncio.open_connection(*s.server.address)
            writer.write(data + b"\r\n\r\n")
            await writer.drain()
            writer.close()
            assert await s.json("/health/live") == {"live": True}

    asyncio.run(scenario())
