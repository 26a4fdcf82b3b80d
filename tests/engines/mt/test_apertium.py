"""Apertium with its real programs."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.engines.conformance import TranslatorConformance
from tests.engines.processes import children

from dragoman.engines.base import TranslationRequest
from dragoman.engines.mt.apertium import ApertiumTranslator
from dragoman.engines.mt.apertium_modes import MODES, stages
from dragoman.engines.mt.apertium_pipe import Pipeline
from dragoman.engines.mt.apertium_text import escape, unescape
from dragoman.errors import ConfigError, EngineCrashed, EngineRejected, EngineTimeout, EngineUnavailable


@pytest.fixture
async def engine() -> AsyncIterator[ApertiumTranslator]:
    engine = ApertiumTranslator({})
    await engine.start()
    yield engine
    await engine.close()


class TestConformance(TranslatorConformance):
    @pytest.fixture
    def known(self) -> TranslationRequest:
        return TranslationRequest("we have a problem with the invoice", "en", "es")


@pytest.mark.parametrize(
    ("source", "target", "text", "expected"),
    [
        ("en", "es", "we have a problem with the invoice", "Tenemos un problema con la factura."),
        ("es", "ca", "Tenemos un problema con la factura.", "Tenim un problema amb la factura."),
        ("en", "fr", "We have a problem with the invoice.", "Nous avons un problème avec la facture."),  # by Spanish
        ("en", "es", "is the hotel in madrid", "¿Es el hotel en Madrid?"),
        ("en", "es", "We have a zorblax.", "Tenemos un zorblax."),  # unknown words come through without a mark
        ("en", "ca", "please speak slowly", "Parla a poc a poc, si us plau."),
    ],
)
async def test_translations(engine: ApertiumTranslator, source: str, target: str, text: str, expected: str) -> None:
    assert (await engine.translate(TranslationRequest(text, source, target))).text == expected


async def test_pipelines_stay_and_can_be_warmed() -> None:
    engine = ApertiumTranslator({})
    await engine.start(["es", "ca"])
    running = children()
    assert running
    await engine.translate(TranslationRequest("hola", "es", "ca"))
    assert children() == running
    await engine.close()


async def test_a_dead_stage_in_the_middle_of_a_request(engine: ApertiumTranslator) -> None:
    stuck = await Pipeline.start("apertium", "cat", [["cat"], ["sleep", "60"]])
    waiting = asyncio.create_task(stuck.ask("x"))
    await asyncio.sleep(0)
    os.kill(stuck.pids[1], signal.SIGKILL)
    with pytest.raises(EngineCrashed, match="a stage of the pipeline died"):
        await waiting
    assert not stuck.alive


async def test_a_pipeline_that_does_not_answer_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dragoman.engines.mt.apertium_pipe.LOAD_DEADLINE_S", 0.05)
    stuck = await Pipeline.start("apertium", "stuck", [["sleep", "60"]])
    monkeypatch.setattr("dragoman.engines.mt.apertium_pipe.CLOSE_DEADLINE_S", 0.05)
    with pytest.raises(EngineTimeout, match="stuck: no answer"):
        await stuck.ask("x")
    assert children() == set()


async def test_a_missing_program_is_named() -> None:
    with pytest.raises(EngineUnavailable, match="no-such-program is missing"):
        await Pipeline.start("apertium", "x", [["cat"], ["no-such-program"]])
    assert children() == set()


async def test_what_was_started_in_vain_is_ended_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dragoman.engines.mt.apertium_pipe.CLOSE_DEADLINE_S", 600.0)
    async with asyncio.timeout(30):
        with pytest.raises(EngineUnavailable, match="no-such-program is missing"):
            await Pipeline.start("apertium", "x", [["sleep", "600"], ["no-such-program"]])
    assert children() == set()


async def test_not_installed_says_what_to_install(tmp_path: Path) -> None:
    engine = ApertiumTranslator({"modes": str(tmp_path)})
    assert not engine.supports("en", "es")
    with pytest.raises(EngineUnavailable, match="apt-get install apertium apertium-eng-spa"):
        await engine.start()
    with pytest.raises(EngineRejected, match="apt-get install apertium-eng-spa apertium-fr-es"):
        await engine.translate(TranslationRequest("x", "en", "fr"))


def test_wrong_options_are_named() -> None:
    with pytest.raises(ConfigError, match=r"engines\.options\.apertium.mode: unknown option; known: modes"):
        ApertiumTranslator({"mode": "x"})


class TestEscaping:
    """What has a meaning in Apertium's stream comes through a real pipeline as it went in."""

    @pytest.fixture
    async def analyser(self) -> AsyncIterator[Pipeline]:
        pipeline = await Pipeline.start("apertium", "spa-cat", stages((MODES / "spa-cat.mode").read_text()))
        yield pipeline
        await pipeline.close()

    async def test_random_specials(self, analyser: Pipeline) -> None:
        # All through one pipeline, so that one that upsets it is found by the next.
        texts: list[str] = []

        @settings(max_examples=60, database=None, suppress_health_check=[HealthCheck.too_slow])
        @given(st.text(alphabet="\\[]{}@/^$<>*#+&\"'|=%()-1234567890 ", min_size=1, max_size=30))
        def collect(text: str) -> None:
            texts.append(text)

        collect()
        for text in texts:
            answer = unescape(await analyser.ask(escape(text) + " ."))
            assert answer.replace(" %", "%") == " ".join((text + " .").split()).replace(" %", "%")  # 15 % becomes 15%
