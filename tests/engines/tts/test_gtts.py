"""Google Translate's voice, asked as the package gTTS asks it, against a server that answers as the real one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from gtts import gTTS
from gtts.lang import tts_langs
from tests.engines.missing import without
from tests.engines.tts.cloud import REQUEST, CloudConformance, fails_once, started, until_none
from tests.engines.tts.speaking import speak
from tests.fakes.gtts import FakeTranslate

from dragoman.engines.base import SpeechRequest
from dragoman.engines.tts.gtts import CODES, GttsSynthesizer
from dragoman.errors import (
    ConfigError,
    EngineBusy,
    EngineCrashed,
    EngineDenied,
    EngineError,
    EngineRejected,
    EngineTimeout,
    EngineUnavailable,
)
from dragoman.languages import LANGUAGES


@pytest.fixture
async def fake() -> AsyncIterator[FakeTranslate]:
    async with FakeTranslate() as fake:
        yield fake


@pytest.fixture
def options(fake: FakeTranslate) -> dict[str, object]:
    return {"url": fake.url, "deadline_ms": 20_000}


@pytest.fixture
async def engine(options: dict[str, object]) -> AsyncIterator[GttsSynthesizer]:
    async with started(GttsSynthesizer(options)) as engine:
        yield engine


class TestConformance(CloudConformance):
    """The suite that every engine has to pass."""


async def test_long_text_is_asked_for_in_parts(fake: FakeTranslate, engine: GttsSynthesizer) -> None:
    text = "Esta es una frase bastante larga, que no cabe en una sola petición, y que sigue y sigue, hasta el final."
    audio = await speak(engine, SpeechRequest(text, "es", "somebody"))
    assert len(fake.parts) > 1
    assert [word for _, part in fake.parts for word in part.split()] == text.replace(",", "").split()
    assert len(audio) > 16_000 * 4


async def test_the_package_itself_understands_the_fake(fake: FakeTranslate, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the fake does not drift from what the package knows of the service."""
    monkeypatch.setattr("gtts.tts._translate_url", lambda tld="com", path="": f"{fake.url}/{path}")
    made = await asyncio.to_thread(lambda: b"".join(gTTS("Hola a todos", lang="es").stream()))
    assert len(made) > 1000


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        ("403", EngineDenied, r"refuses us \(403 Forbidden\); a newer gTTS may help: pip install -U gTTS"),
        ("429", EngineBusy, "429 Too Many Requests"),
        ("503", EngineBusy, "503"),
        ("404", EngineCrashed, "404"),
        ("silent", EngineRejected, "no audio for this text"),
        ("odd", EngineRejected, "no audio for this text"),
        ("junk", EngineCrashed, "no MP3 frame"),
    ],
)
async def test_every_error_is_one_of_ours(
    fake: FakeTranslate, engine: GttsSynthesizer, fault: str, kind: type[EngineError], said: str
) -> None:
    fake.faults.append(fault)
    await fails_once(engine, kind, said)


async def test_no_audio_by_the_deadline_is_a_timeout(fake: FakeTranslate) -> None:
    fake.faults.append("stall")
    async with started(GttsSynthesizer({"url": fake.url, "deadline_ms": 300})) as engine:
        with pytest.raises(EngineTimeout, match=r"no audio within 0\.3 s"):
            await speak(engine, REQUEST)
        await until_none(lambda: fake.running)


async def test_no_server_is_a_crash() -> None:
    async with FakeTranslate() as fake:
        url = fake.url
    async with started(GttsSynthesizer({"url": url, "deadline_ms": 20_000})) as engine:
        with pytest.raises(EngineCrashed):
            await speak(engine, REQUEST)
    with pytest.raises(EngineCrashed, match="not started, or closed"):
        await speak(engine, REQUEST)


@pytest.mark.parametrize("text", ["", " \n\0", "...", "x" * 1001])
async def test_text_without_words_or_too_long_is_rejected(engine: GttsSynthesizer, text: str) -> None:
    with pytest.raises(EngineRejected):
        await speak(engine, SpeechRequest(text, "es", "somebody"))


def test_the_languages_are_those_of_the_package() -> None:
    assert set(CODES.values()) <= set(tts_langs())
    assert set(LANGUAGES) <= set(CODES)


async def test_what_is_missing_is_said() -> None:
    with without("gtts"), pytest.raises(EngineUnavailable) as raised:
        await GttsSynthesizer({}).start()
    assert str(raised.value) == 'gtts: the Python package gtts is missing: pip install "dragoman[gtts]"'


def test_it_says_what_it_is_without_the_package() -> None:
    with without("gtts", "av"):
        info = GttsSynthesizer({}).info
    assert not info.commercial_use and not info.streaming
    assert "Unofficial" in info.purpose


def test_wrong_options_are_named() -> None:
    with pytest.raises(ConfigError, match=r"engines\.options\.gtts\.tld: unknown option; known: deadline_ms, url"):
        GttsSynthesizer({"tld": "es"})
