"""The demo's daemon: awaited, asked, taken up where it broke, started again, and given up with its last words."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.demo import daemon as module
from dragoman.demo.daemon import Daemon, to_toml
from dragoman.errors import DemoError
from dragoman.pipeline.captions import Caption, CaptionKind
from dragoman.telephony.pbx.ports import free_port

# A process that stands in for the daemon: not ready at first, and its caption stream breaks after every event.
STAND_IN = """\
import json, sys, tomllib
from aiohttp import web
settings = tomllib.load(open(sys.argv[sys.argv.index("--config") + 1], "rb"))
asked = 0
async def ready(request):
    global asked
    asked += 1
    return web.json_response({"detail": "tts: loading"}, status=503 if asked < 3 else 200)
async def captions(request):
    number = int(request.headers.get("Last-Event-ID", "0")) + 1
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    await response.write(b": keepalive\\n\\n")
    caption = dict(kind="clause", room="1000", language=request.query["lang"], clause=f"c/{number}", speaker="Ann",
                   source_language="en", source_text="hi", text="hólà", start_unix=1.0, end_unix=2.0)
    if number == 4:
        caption = {"kind": "clause"}
    text = f"id: {number}\\nevent: clause\\ndata: {json.dumps(caption, ensure_ascii=False)}\\n\\n"
    await response.write(text.encode())
    return response
app = web.Application()
app.router.add_get("/health/ready", ready)
app.router.add_get("/api/stats", lambda request: web.json_response({"languages": settings["rooms"]["languages"]}))
app.router.add_get("/api/rooms/1000/captions", captions)
web.run_app(app, host="127.0.0.1", port=settings["http"]["port"], print=None)
"""
SETTINGS = {"rooms": {"languages": ["en", "es"]}, "asterisk": {"password": 'a"b\\c'}}


@asynccontextmanager
async def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, source: str = STAND_IN) -> AsyncIterator[Daemon]:
    script = folder / "python"
    script.write_text(f"#!{sys.executable}\n{source}")
    script.chmod(0o700)
    monkeypatch.setattr(module.sys, "executable", str(script))
    async with Daemon(SETTINGS, folder, free_port()) as daemon:
        yield daemon


async def test_it_is_awaited_asked_and_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with stand_in(tmp_path, monkeypatch) as daemon:
        await daemon.wait_ready()
        assert await daemon.stats() == {"languages": ["en", "es"]}
        assert await daemon.room("1000") == {}
        process = daemon._process
        assert process is not None
    assert process.returncode is not None
    assert (tmp_path / "dragoman.toml").stat().st_mode & 0o077 == 0
    assert tomllib.loads((tmp_path / "dragoman.toml").read_text())["asterisk"] == SETTINGS["asterisk"]


async def test_a_broken_caption_stream_is_taken_up_where_it_broke(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Caption] = []
    async with stand_in(tmp_path, monkeypatch) as daemon:
        await daemon.wait_ready()
        with pytest.raises(DemoError, match="no caption"):
            async for caption in daemon.captions("1000", "es"):
                seen.append(caption)
    assert [caption.clause for caption in seen] == ["c/1", "c/2", "c/3"]
    assert (seen[0].kind, seen[0].text, seen[0].language) == (CaptionKind.CLAUSE, "hólà", "es")


async def test_a_daemon_that_ends_is_told_with_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with stand_in(tmp_path, monkeypatch, "import sys\nprint('no such engine')\nsys.exit(3)\n") as daemon:
        with pytest.raises(DemoError, match=r"exit status 3\nno such engine"):
            await daemon.wait_ready()


async def test_a_daemon_that_is_killed_is_an_error_wherever_it_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stand_in(tmp_path, monkeypatch) as daemon:
        await daemon.wait_ready()
        assert daemon.pid
        os.kill(daemon.pid, signal.SIGKILL)
        with pytest.raises(DemoError, match="exit status -9"):
            while True:
                await daemon.stats()


async def test_who_wants_it_gets_another_daemon_once_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    async with stand_in(tmp_path, monkeypatch) as daemon:
        daemon.revive = told.append
        await daemon.wait_ready()
        first = daemon.pid
        assert first
        captions = daemon.captions("1000", "es")
        assert [(await anext(captions)).clause for _ in range(2)] == ["c/1", "c/2"]
        os.kill(first, signal.SIGKILL)
        async with asyncio.TaskGroup() as group:  # all of them notice
            for _ in range(3):
                group.create_task(daemon.wait_ready())
            again = group.create_task(anext(captions))
        assert again.result().clause == "c/1", "from another daemon, which counts anew"
        assert await daemon.stats() == {"languages": ["en", "es"]}
        assert daemon.pid not in (None, first)
        await captions.aclose()
    assert len(told) == 1
    assert "exit status -9" in told[0]


ENDS_AT_ONCE = """\
import pathlib, sys
starts = pathlib.Path(sys.argv[sys.argv.index("--config") + 1]).with_name("starts")
starts.open("a").write("x")
print("no such engine, start", len(starts.read_text()))
sys.exit(3)
"""


async def test_one_that_always_ends_at_once_is_given_up_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(module, "delay", lambda attempt, chance: waits.append(attempt) or 0.0)
    waits: list[int] = []
    async with stand_in(tmp_path, monkeypatch, ENDS_AT_ONCE) as daemon:
        daemon.revive = told.append
        asked = await asyncio.gather(*(daemon.wait_ready() for _ in range(3)), return_exceptions=True)
    for error in asked:  # whoever asks is told
        assert isinstance(error, DemoError)
        assert f"exit status 3, {module.TRIES} times in a row" in str(error)
        assert str(error).endswith(f"no such engine, start {module.TRIES}")
    assert (tmp_path / "starts").read_text() == "x" * module.TRIES
    assert len(told) == len(waits) == module.TRIES - 1
    assert waits == sorted(set(waits)), "each wait is longer than the one before"


async def test_one_that_ran_for_a_while_is_started_again_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SETTLED", 0.0)
    monkeypatch.setattr(module, "delay", lambda attempt, chance: 0.0)
    enough = asyncio.Event()
    told: list[str] = []

    def tell(line: str) -> None:
        told.append(line)
        if len(told) > module.TRIES:
            enough.set()

    async with stand_in(tmp_path, monkeypatch, ENDS_AT_ONCE) as daemon:
        daemon.revive = tell
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(daemon.wait_ready())
            await enough.wait()
            waiting.cancel()


@given(st.text(), st.lists(st.text(), max_size=3))
def test_any_text_is_written_as_toml(text: str, texts: list[str]) -> None:
    sections = {"a": {"text": text, "texts": texts, "b": {"number": 1.5, "yes": True}}, "c": {"n": 7}, "d": {}}
    assert tomllib.loads(to_toml(sections)) == sections


@given(st.text())
def test_a_table_and_a_key_may_have_any_name(name: str) -> None:
    sections = {"engines": {name: {name: 1, "under": {name: "text"}}}}
    assert tomllib.loads(to_toml(sections)) == sections
