"""``GET /api/rooms/{room}/trace``: the waterfall as JSON, for a terminal and for a browser."""

from __future__ import annotations

from xml.etree import ElementTree

from tests.observe.test_trace import AHEAD, journey
from tests.web.serving import serving

from dragoman.pipeline.journey import Outcome
from dragoman.pipeline.latency import ClauseTimes


async def test_the_last_clauses_as_json() -> None:
    async with serving() as s:
        assert await s.json("/api/rooms/1000/trace") == {"room": "1000", "traces": []}
        s.traces.ended(journey(1), Outcome.SPOKEN)
        s.traces.ended(journey(2, times=AHEAD), Outcome.SPOKEN)
        s.traces.begun(journey(3, times=ClauseTimes(1.0, 1.4, 1.5, 1.52)))
        found = (await s.json("/api/rooms/1000/trace", params={"limit": "2"}))["traces"]
    assert [(trace["clause"], trace["outcome"], trace["ahead"]) for trace in found] == [
        ("a.1/2", "spoken", True),
        ("a.1/3", "", False),
    ]
    first = found[0]
    assert (first["source"], first["target"], first["leg"]) == ("en", "es", "a.1")
    assert first["ear_voice_span_ms"] == 540.0
    assert first["began"] == "2001-09-09T01:46:40Z"  # the offset of tests.web.serving
    spans = {span["name"]: span for span in first["spans"]}
    assert spans["mt"] == {"name": "mt", "start_ms": 1100.0, "duration_ms": 150.0, "engine": "brain"}
    assert list(spans) == ["speech", "hangover", "asr", "segment", "mt", "tts", "playback", "booth"]


async def test_a_room_of_which_nothing_is_known() -> None:
    async with serving() as s:
        assert "2000" in (await s.json("/api/rooms/2000/trace", status=404))["detail"]
        s.traces.ended(journey(room="2000"), Outcome.SPOKEN)  # its people are gone, its traces are not
        assert len((await s.json("/api/rooms/2000/trace"))["traces"]) == 1
        await s.json("/api/rooms/1000/trace?view=png", status=422)
        await s.json("/api/rooms/1000/trace?limit=0", status=422)


async def test_for_a_terminal_and_for_a_browser() -> None:
    async with serving() as s:
        s.traces.ended(journey(1), Outcome.SPOKEN)
        s.traces.ended(journey(2), Outcome.DROPPED, 'brain: "no" <tag> & so on')
        async with s.session.get("/api/rooms/1000/trace?view=text") as answer:
            assert answer.content_type == "text/plain"
            text = await answer.text()
        async with s.session.get("/api/rooms/1000/trace?view=svg") as answer:
            assert answer.content_type == "image/svg+xml"
            image = ElementTree.fromstring(await answer.text())
    lines = text.splitlines()
    assert "ear-voice span 920 ms" in lines[2] and 'dropped (brain: "no" <tag> & so on)' in text
    assert all(len(line) <= 100 for line in lines if "█" in line)
    (tts,) = [line for line in lines[:12] if line.startswith("  tts ")]
    assert tts.endswith("200 ms  mouth")
    bars = [rect.get("width", "") for rect in image.iter("{http://www.w3.org/2000/svg}rect")]
    assert bars.count("100%") == 1  # the ground
    assert len(bars) == 19 and all(float(width) >= 1 for width in bars if width != "100%")
    assert "<tag> & so on" in "".join(image.itertext())
