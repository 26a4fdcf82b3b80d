"""A real call while everything that has a secret fails and tells it: nothing that leaves the daemon has one in it.

Engines repeat their keys, the trace collector what it is sent, the databases stand still, Redis is not there. Searched
are the log, all that is served over REST, captions, events, traces, metrics, the spans that are sent, the audit log,
the command lines of all processes, and what ``dragoman check``, ``engines`` and ``token`` say.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from tests.e2e.conftest import CallerFactory, DaemonFactory
from tests.e2e.daemon import ROOT, Daemon
from tests.e2e.talking import say, stop
from tests.postgres import PASSWORD, Postgres, running
from tests.tonewords.code import words

from dragoman.admin.serving import REFRESH_S
from dragoman.demo.daemon import to_toml
from dragoman.demo.phone import Phone
from dragoman.telephony.pbx import Pbx
from dragoman.telephony.pbx.ports import free_port

pytestmark = [pytest.mark.timeout(300), pytest.mark.beside]

TOKEN = re.compile(r"dgm_[0-9a-f]{12}_[0-9a-f]{64}")

LEAKY = "tests.tonewords.leaky:"
TONE = "tests.tonewords.engines:Tone"

SECRETS = {
    "asr": "marked-recogniser-key-0001",
    "mt": "marked-translator-key-0002",
    "tts": "marked-synthesizer-key-0003",
    "broken": "marked-broken-key-0004",
    "redis": "marked-redis-password-0006",
    "otlp": "marked-collector-token-0007",
    "room-pin": "902117748855",
    "pin": "902117748844",
    "voices": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "admin": "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210",
    "database": PASSWORD,
}


@pytest.fixture
def server() -> Iterator[Postgres]:
    """A PostgreSQL of this test's own: it stands still for a while."""
    with running() as server:
        yield server


@asynccontextmanager
async def collector() -> AsyncIterator[tuple[str, list[bytes]]]:
    """A trace collector that refuses, and repeats its token; gives its address and all bodies."""
    taken: list[bytes] = []

    async def take(request: web.Request) -> web.Response:
        taken.append(await request.read())
        token = request.headers["Authorization"]
        return web.Response(status=401, text=f"no such token: {token}", reason=f"Wrong {token}")

    app = web.Application()
    app.router.add_post("/v1/traces", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1/traces", taken
    finally:
        await runner.cleanup()


def settings(database: str, traces: str) -> str:
    return to_toml(
        {
            "rooms": {"pin": SECRETS["pin"]},
            "trace": {"otlp_url": traces, "otlp_token": SECRETS["otlp"]},
            "admin": {"store": database, "key": SECRETS["admin"]},
            "voices": {"store": database, "key": SECRETS["voices"]},
            "media": {"vad": "energy", "echo_guard": False},
            "engines": {
                "recognizers": [f"{LEAKY}LeakyRecognizer", f"{TONE}Recognizer"],
                "translators": [f"{LEAKY}BrokenTranslator", f"{LEAKY}LeakyTranslator", f"{TONE}Translator"],
                "synthesizers": [f"{LEAKY}LeakySynthesizer", f"{TONE}Synthesizer"],
                "cache": {"redis_url": f"redis://:{SECRETS['redis']}@127.0.0.1:{free_port()}/0"},
                "options": {
                    f"{LEAKY}LeakyRecognizer": {"api_key": SECRETS["asr"]},
                    f"{LEAKY}LeakyTranslator": {"api_key": SECRETS["mt"]},
                    f"{LEAKY}LeakySynthesizer": {"api_key": SECRETS["tts"]},
                    f"{LEAKY}BrokenTranslator": {"api_key": SECRETS["broken"]},
                },
            },
        }
    )


PATHS = (
    "/health/ready",
    "/metrics",
    "/api/stats",
    "/api/rooms",
    "/api/rooms/1000",
    "/api/rooms/1000/legs",
    "/api/rooms/1000/trace",
    "/api/rooms/1000/trace.txt",
    "/api/rooms/1000/trace.svg",
    "/api/rooms/1000/transcript?lang=es",
    "/api/drain",
    "/api/voice-profiles",
    "/api/audit",
    "/api/openapi.json",
    "/api/rooms/1000/nothing",
)


class Seen:
    """All that left the daemon, by where."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._conf = str(daemon.log.parent / "dragoman.toml")
        self.texts: dict[str, str] = {}

    async def ask(self, when: str, *tokens: str) -> None:
        """Everything that is served, with these tokens."""
        async with aiohttp.ClientSession(self._daemon.url) as session:
            for path in PATHS:
                for token in tokens or ("dgm_wrong",):
                    headers = {"Authorization": f"Bearer {token}"}
                    async with session.get(path, headers=headers) as answer:
                        text = await answer.text() + str(answer.headers) + str(answer.reason)
                        self.texts[f"{path} {when} {answer.status}"] = text

    @asynccontextmanager
    async def streams(self) -> AsyncIterator[None]:
        """Read events and captions meanwhile."""
        names = ("/api/events", *(f"/api/rooms/1000/captions?lang={code}" for code in ("en", "es")))
        async with aiohttp.ClientSession(self._daemon.url, timeout=aiohttp.ClientTimeout()) as session:
            tasks = [asyncio.ensure_future(self._read(session, name)) for name in names]
            yield
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, session: aiohttp.ClientSession, path: str) -> None:
        headers = {"Last-Event-ID": "0"}
        self.texts[path] = ""
        async with session.get(path, headers=headers) as answer:
            async for chunk in answer.content.iter_any():
                self.texts[path] += chunk.decode()

    async def command(self, *arguments: str) -> str:
        """What a command says."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "dragoman", *arguments, "--config", self._conf),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(90):
                said = (await process.stdout.read()).decode()
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        self.texts[f"dragoman {' '.join(arguments)}"] = said
        return said

    def processes(self) -> None:
        """The command lines of all processes that there are."""
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                self.texts[f"command line {folder.name}"] = (folder / "cmdline").read_bytes().decode(errors="replace")


async def said(daemon: Daemon, phone: Phone, voice: str, language: str, first: int, clauses: int) -> None:
    """Have somebody say a clause, and wait until so many were spoken."""
    await say(phone, words(voice, language, 4, first=first))
    await daemon.spoken("1000", clauses, within=60)


COMMANDS = (
    ("check",),
    ("engines", "--test", f"{LEAKY}LeakyTranslator"),
    ("engines", "--test", f"{LEAKY}BrokenTranslator"),
    ("engines", "--test", f"{LEAKY}LeakySynthesizer"),
    ("token", "list"),
)

TOLD = {
    "log": "there is no account for",
    "/api/events": "there is no account for",
    "/health/ready in a call 200": "no model for",
    "dragoman check": "no model for",
    f"dragoman engines --test {LEAKY}LeakyTranslator": "there is no account for",
    f"dragoman engines --test {LEAKY}BrokenTranslator": "no model for",
    "/api/rooms/1000/trace in a call 200": "leaky-mt",
    "/api/audit with a token 200": "drain",
    "spans": "dragoman.clause",
}
"""What must be found, else nothing was tried."""


async def test_no_secret_leaves_the_daemon_in_a_call_in_which_all_that_has_one_fails(
    pbx: Pbx, daemon_factory: DaemonFactory, caller: CallerFactory, server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRAGOMAN_LOG__LEVEL", "debug")
    database = await asyncio.to_thread(server.database)
    async with collector() as (url, taken):
        daemon = await daemon_factory(settings(database, url), tone=False)
        seen = Seen(daemon)
        async with seen.streams(), aiohttp.ClientSession(daemon.url) as rest:
            made = {"room": "1001", "pin": SECRETS["room-pin"], "keep_hours": 1}
            async with rest.post("/api/rooms", json=made) as answer:
                seen.texts["room made"] = await answer.text()
                assert answer.status == 201
            alice, carla = await caller("Alice", "1000*44"), await caller("Carla", "1000*34")
            await said(daemon, alice, "a", "en", 0, 1)
            await seen.ask("in a call")
            with server.frozen():
                await said(daemon, alice, "a", "en", 20, 2)
                async with rest.post("/api/drain") as answer:
                    seen.texts["drain"] = await answer.text()
                async with rest.delete("/api/drain") as answer:
                    seen.texts["resume"] = await answer.text()
                await seen.ask("without the database")
            await said(daemon, carla, "c", "es", 40, 3)
            seen.processes()
            await stop(alice, carla)
            await seen.ask("at the end")
        token = TOKEN.search(await seen.command("token", "create", "portal", "--scope", "admin"))
        assert token is not None
        del seen.texts["dragoman token create portal --scope admin"]  # it is shown there, once
        await asyncio.sleep(2 * REFRESH_S)
        await seen.ask("with a token", token[0], token[0][:-1] + "x")
        for arguments in COMMANDS:
            await seen.command(*arguments)
    await daemon.stop()
    seen.texts["log"] = daemon.log.read_text()
    seen.texts["spans"] = b"".join(taken).decode(errors="replace")
    secrets = {**SECRETS, "ari": pbx.ari_password, "token": token[0], "secret of the token": token[0][17:]}
    leaks = [f"{name} in {where}" for where, text in seen.texts.items() for name, it in secrets.items() if it in text]
    assert leaks == []
    for name, word in TOLD.items():
        assert word in seen.texts[name], f"{name} does not tell of it: nothing was tried\n{seen.texts[name][-3000:]}"
