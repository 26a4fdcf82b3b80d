"""A whole run's log is read for every secret that the daemon knows, while all that it talks to misbehaves.

The providers refuse it and repeat its keys in their answers, its clients show wrong tokens, Asterisk, Redis and the
trace collector are not there.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from pydantic import BaseModel
from tests.engines.test_missing import ENGINES

from dragoman import config
from dragoman.demo.daemon import to_toml
from dragoman.observe import log
from dragoman.telephony.pbx.ports import free_port

ROOT = Path(__file__).parents[1]
SCRIPTED = "tests.engines_scripted.engines:Scripted"

SECRETS = {
    "ari": "ari-Passw0rd-in-the-settings",
    "http": "http-t0ken-in-a-file-8888",
    "pin": "73915",
    "deepgram": "dg-key-in-the-options-4444",
    "deepl": "dl-key-in-a-file-5555:fx",
    "elevenlabs": "el-key-in-the-environment-6666",
    "redis": "redis-passw0rd-in-an-address",
    "voices": "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
    "voices-before": "8899aabbccddeeff00112233445566770011223344556677fedcba9876543210",
    "admin": "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100",
    "otlp": "otlp-t0ken-in-the-settings-7777",
    "stranger": "a-strangers-guess-at-the-t0ken",
}


@asynccontextmanager
async def provider() -> AsyncIterator[tuple[str, set[str]]]:
    """Refuses everything, and says back what it was sent; gives its address and the paths it was asked."""
    asked: set[str] = set()

    async def refuse(request: web.Request) -> web.Response:
        asked.add(request.path)
        said = {"message": f"refused: {dict(request.headers)} {request.path_qs}", "detail": {"status": "no"}}
        return web.json_response(said, status=401, reason=f"Unauthorized {request.headers.get('Authorization', '')}")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", refuse)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    finally:
        await runner.cleanup()


def settings(folder: Path, url: str, port: int, form: str) -> Path:
    for name in ("http", "deepl"):
        (folder / name).write_text(SECRETS[name])
    nobody = free_port()
    written = {
        "asterisk": {"url": f"http://127.0.0.1:{nobody}", "password": SECRETS["ari"]},
        "http": {"port": port, "token_file": "http"},
        "rooms": {"pin": SECRETS["pin"]},
        "media": {"vad": "energy"},
        "log": {"level": "debug", "format": form, "transcripts": True},
        "trace": {"otlp_url": f"http://127.0.0.1:{nobody}/v1/traces", "otlp_token": SECRETS["otlp"]},
        "voices": {
            "store": str(folder / "voices.sqlite"),
            "key": SECRETS["voices"],
            "previous_key": SECRETS["voices-before"],
        },
        "admin": {"store": str(folder / "admin.sqlite"), "key": SECRETS["admin"]},
        "engines": {
            "recognizers": ["deepgram", f"{SCRIPTED}Recognizer"],
            "translators": ["deepl", f"{SCRIPTED}Translator"],
            "synthesizers": ["elevenlabs", f"{SCRIPTED}Synthesizer"],
            "cache": {"redis_url": f"redis://:{SECRETS['redis']}@127.0.0.1:{nobody}/0"},
            "options": {
                "deepgram": {"api_key": SECRETS["deepgram"], "base_url": url},
                "deepl": {"auth_key_file": "deepl", "server_url": url},
                "elevenlabs": {"url": url},
            },
        },
    }
    file = folder / "dragoman.toml"
    file.write_text(to_toml(written))
    return file


def secret_fields(section: BaseModel, path: str = "") -> Iterator[tuple[str, str]]:
    """Every field of the settings that is a secret by its type, and what it holds."""
    for key, field in type(section).model_fields.items():
        value = getattr(section, key)
        if isinstance(value, BaseModel):
            yield from secret_fields(value, f"{path}{key}.")
        elif "SecretStr" in str(field.annotation):
            yield f"{path}{key}", value.get_secret_value() if value is not None else ""


def test_the_run_has_every_secret_that_the_settings_and_the_engines_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELEVENLABS_API_KEY", SECRETS["elevenlabs"])
    loaded = config.load(settings(tmp_path, "http://127.0.0.1:1", 8700, "json"), {})
    # A store is a secret where it is a database's address with a password, as the cache's is here; here it is a file.
    found = {path: value for path, value in secret_fields(loaded) if not path.endswith(".store")}
    assert len(found) > 7
    assert [path for path, value in found.items() if not any(secret in value for secret in SECRETS.values())] == []
    assert {name for name, needs in ENGINES.items() if needs.key is not None} <= set(SECRETS)
    shown = f"{loaded!r} {loaded} {loaded.engines}"
    assert [name for name, secret in SECRETS.items() if secret in shown] == []
    assert [path for path, value in found.items() if value in loaded.model_dump_json()] == []
    known = set(log.secrets_of(loaded))
    assert [name for name in SECRETS if name != "stranger" and SECRETS[name] not in known] == []


async def served(port: int, process: asyncio.subprocess.Process) -> None:
    """Wait until it serves, then ask it as friends and strangers do."""
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        friend = {"Authorization": f"Bearer {SECRETS['http']}"}
        while True:
            assert process.returncode is None
            body = {"parts": [{"why": "starting"}]}
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get("/health/ready", headers=friend) as answer:
                    body = await answer.json(content_type=None)
            if all(part["why"] != "starting" for part in body["parts"]):
                assert "deepl: the key is refused" in json.dumps(body)
                assert not [name for name, secret in SECRETS.items() if secret in json.dumps(body)]
                break
            await asyncio.sleep(0.05)
        for path in ("/api/stats", "/metrics", "/api/rooms/1000/trace", f"/api/rooms/{SECRETS['stranger']}/captions"):
            for token in (SECRETS["http"], SECRETS["stranger"]):
                async with session.get(path, headers={"Authorization": f"Bearer {token}"}) as answer:
                    text = await answer.text()
            assert SECRETS["http"] not in text
        async with session.get(f"/api/stats?token={SECRETS['stranger']}", headers=friend) as answer:
            await answer.read()


@pytest.mark.parametrize("form", ["json", "console"])
async def test_no_secret_is_in_the_log_of_a_whole_run(form: str, tmp_path: Path) -> None:
    port = free_port()
    async with provider() as (url, asked):
        file = settings(tmp_path, url, port, form)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "dragoman", "serve", "--config", str(file)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
                "ELEVENLABS_API_KEY": SECRETS["elevenlabs"],
            },
        )
        assert process.stdout is not None
        reading = asyncio.ensure_future(process.stdout.read())
        try:
            async with asyncio.timeout(90):
                await served(port, process)
        finally:
            process.terminate()
            await process.wait()
        written = (await reading).decode()
    assert asked, "no provider was asked: nothing was tried"
    for word in ("deepl", "elevenlabs", "ari", "serving", "stopped"):
        assert word in written, f"{word} is not in the log: nothing was tried\n{written}"
    lines = written.splitlines()
    found = {name: line for name, secret in SECRETS.items() for line in lines if secret in line}
    assert found == {}
    if form == "json":
        assert all(isinstance(json.loads(line), dict) for line in lines)
