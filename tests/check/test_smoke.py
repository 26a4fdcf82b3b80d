"""``dragoman engines --test``: one engine does one piece of work, and what came and how long it took is shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.example_engine.src.dragoman_example.beeper import Beeper
from tests.example_engine.src.dragoman_example.loudness import Loudness
from tests.example_engine.src.dragoman_example.piglatin import PigLatin
from typer.testing import CliRunner

from dragoman.check.finding import Finding, Verdict
from dragoman.check.smoke import choose, smoke
from dragoman.cli import app
from dragoman.config import Settings
from dragoman.engines.base import SpeechRequest, Translation, TranslationRequest
from dragoman.errors import ConfigError, EngineDenied
from dragoman.media.format import Pcm


class Counts(PigLatin):
    calls = 0

    async def translate(self, request: TranslationRequest) -> Translation:
        self.calls += 1
        return await super().translate(request)

    def counts(self) -> Mapping[str, int]:
        return {"requests": self.calls}


class Denied(PigLatin):
    async def translate(self, request: TranslationRequest) -> Translation:
        raise EngineDenied("piglatin", "403: the key is not valid: set engines.options.piglatin.auth_key")


class Buggy(PigLatin):
    async def translate(self, request: TranslationRequest) -> Translation:
        return {}["translation"]


class Hangs(PigLatin):
    async def start(self, languages: Sequence[str] = ()) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        await asyncio.Event().wait()


class Silent(Beeper):
    async def synthesize(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        yield np.zeros(16000, np.int16)


class Deaf(Loudness):
    def __init__(self, options: Mapping[str, object]) -> None:
        super().__init__({"threshold": 32767})


HERE = "tests.check.test_smoke"


async def tried(name: str, language: str | None = None, **engines: Any) -> list[Finding]:
    settings = Settings.model_validate({"engines": engines})
    return [finding async for finding in smoke(settings, f"{HERE}:{name}", language)]


async def test_a_translator() -> None:
    options = {f"{HERE}:PigLatin": {"target": "es"}}
    loaded, first, again, closed = await tried("PigLatin", translators=[f"{HERE}:PigLatin"], options=options)
    assert loaded.found.startswith(f"{HERE}:PigLatin (mt) in ")
    assert (first.what, again.what) == ("first clause, en to es", "again, en to es")
    assert "'Good morning, everyone.' -> 'oodgay orningmay, everyoneay.' in " in first.found
    assert closed.what == "closed"
    assert {each.verdict for each in (loaded, first, again, closed)} == {Verdict.OK}


async def test_a_synthesizer() -> None:
    _, spoken, _ = await tried("Beeper")
    assert spoken.verdict is Verdict.OK
    assert "first audio after " in spoken.found and "0.5 s of it" in spoken.found and "pieces: 3" in spoken.found


async def test_a_recognizer() -> None:
    _, opened, heard, _ = await tried("Loudness", "es")
    assert opened.what == "stream opened"
    assert heard.what == "heard, es"
    assert "'Buenos días a todos.' -> 'beep" in heard.found and "after the end" in heard.found


async def test_counters_are_shown() -> None:
    findings = await tried("Counts")
    assert [each.found for each in findings if each.what == "counted"] == ["requests 2"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Denied", "piglatin: 403: the key is not valid: set engines.options.piglatin.auth_key"),
        ("Buggy", "KeyError: 'translation'"),
        ("Silent", "no sound for 'Good morning, everyone.'"),
        ("Deaf", "no words for 'Good morning, everyone.'"),
        ("Missing", f"cannot import {HERE}:Missing"),
    ],
)
async def test_what_fails_is_told(name: str, text: str) -> None:
    failed = [each for each in await tried(name) if each.verdict is Verdict.FAIL]
    assert len(failed) == 1
    assert text in failed[0].found
    assert failed[0].remedy


@pytest.mark.virtual_time
async def test_one_that_hangs_is_left() -> None:
    failed = [each.found for each in await tried("Hangs")]
    assert "not loaded within 600 s" in failed[0]
    assert "not closed within 2 s" in failed[1]


def test_the_language_is_chosen() -> None:
    translator = PigLatin({"target": "fr"})
    assert choose(translator, ["en", "fr"], None) == ("en", "fr")
    assert choose(translator, ["es", "ca"], None) == ("en", "fr")  # not offered here, but it is what it knows
    assert choose(translator, ["es"], "fr") == ("en", "fr")
    assert choose(translator, ["es"], "en-fr") == ("en", "fr")
    assert choose(Beeper({}), ["ca", "es"], None) == ("es",)
    assert choose(Beeper({}), ["ca"], "en") == ("en",)
    with pytest.raises(ConfigError, match="piglatin does not know language 'es'; it knows en-fr"):
        choose(translator, ["en", "es"], "es")
    with pytest.raises(ConfigError, match="beeper does not know language 'ca'; it knows en es"):
        choose(Beeper({}), ["ca"], "ca")


def test_the_command(tmp_path: Path) -> None:
    (tmp_path / "d.toml").write_text(
        f'[engines]\ntranslators = ["{HERE}:PigLatin"]\n[engines.options."{HERE}:PigLatin"]\ntarget = "es"\n'
    )
    arguments = ["engines", "--config", str(tmp_path / "d.toml"), "--test"]
    good = CliRunner().invoke(app, [*arguments, f"{HERE}:PigLatin"])
    assert (good.exit_code, "oodgay orningmay" in good.output) == (0, True)
    bad = CliRunner().invoke(app, [*arguments, f"{HERE}:PigLatin", "--language", "fr"])
    assert (bad.exit_code, "does not know language 'fr'" in bad.output) == (1, True)
    alone = CliRunner().invoke(app, ["engines", "--language", "fr"])
    assert (alone.exit_code, "--language goes with --test NAME" in alone.output) == (1, True)
