"""What every translator must do."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from dragoman.engines.base import Stage, Translation, TranslationRequest, Translator
from dragoman.engines.conformance.common import BAD_TEXTS, DEADLINE_S, ODD_LANGUAGES, EngineConformance, Work
from dragoman.engines.conformance.running import done_within, send, start
from dragoman.errors import EngineCrashed, EngineError, EngineRejected

AT_ONCE = 10
"""Clauses in flight together: every speaker of a full room."""


class TranslatorConformance(EngineConformance):
    """Give ``name`` (or a fixture ``engine``), and the fixture ``known``: a request that it can translate."""

    stage: ClassVar[Stage] = Stage.MT

    @pytest.fixture
    def work(self, known: TranslationRequest) -> Work:
        """Translate ``known``."""

        async def translate(engine: Translator) -> Translation:
            return await engine.translate(known)

        return translate

    def test_supports_what_it_says(self, engine: Translator, known: TranslationRequest) -> None:
        assert engine.supports(known.source, known.target)
        assert not engine.info.languages or f"{known.source}-{known.target}" in engine.info.languages
        for pair in engine.info.languages:
            assert engine.supports(*pair.split("-")), pair

    async def test_rejects_an_unknown_pair(self, engine: Translator, known: TranslationRequest) -> None:
        for odd in (*ODD_LANGUAGES, known.source):
            assert engine.supports(known.source, odd) is False, odd
            with pytest.raises(EngineRejected):
                await done_within(DEADLINE_S, engine.translate(replace(known, target=odd)), f"to language {odd!r}")
        for odd in ODD_LANGUAGES:
            assert engine.supports(odd, known.target) is False, odd
            with pytest.raises(EngineRejected):
                await done_within(DEADLINE_S, engine.translate(replace(known, source=odd)), f"from language {odd!r}")

    async def test_translates(self, engine: Translator, known: TranslationRequest) -> None:
        translation = await done_within(DEADLINE_S, engine.translate(known), "translate()")
        assert isinstance(translation, Translation), f"translate() gave {translation!r}, not a Translation"
        assert translation.text.strip(), "translate() gave no text"
        assert translation.engine == engine.info.name, "a Translation names the engine that made it"

    async def test_takes_context_terms_and_care(self, engine: Translator, known: TranslationRequest) -> None:
        request = replace(known, context=("Before.", "And before that."), terms=(("zorblax", "zorblaks"),))
        assert (await engine.translate(request)).text.strip()
        assert (await engine.translate(replace(request, careful=True))).text.strip()

    async def test_bad_text_is_an_engine_error_at_most(self, engine: Translator, known: TranslationRequest) -> None:
        expected = await engine.translate(known)
        for what, text in BAD_TEXTS.items():
            came = await self.try_to(engine.translate(replace(known, text=text)), f"a text that is {what}")
            assert isinstance(came, Translation | EngineError | TimeoutError), f"a text that is {what} gave {came!r}"
            again = await done_within(DEADLINE_S, engine.translate(known), f"the text after one that is {what}")
            self.agree(expected, again)

    async def test_at_once_each_gets_his_own_answer(self, engine: Translator, known: TranslationRequest) -> None:
        texts = [known, replace(known, text=f"{known.text} {known.text}")]
        alone = [await self.try_to(engine.translate(text), "alone") for text in texts]
        together = await asyncio.gather(
            *(self.try_to(engine.translate(text), "one of many") for text in texts * (AT_ONCE // 2))
        )
        for expected, came in zip(alone * (AT_ONCE // 2), together, strict=True):
            if isinstance(expected, Translation):
                self.agree(expected, came)
            else:
                assert type(came) is type(expected)

    async def test_a_cancelled_request_does_not_answer_the_next(
        self, engine: Translator, known: TranslationRequest
    ) -> None:
        expected = await engine.translate(known)
        for _ in range(3):
            left = start(engine.translate(replace(known, text=f"{known.text} {known.text}")))
            await asyncio.sleep(0)
            left.cancel()
            self.agree(expected, await done_within(DEADLINE_S, engine.translate(known), "the text after"))

    async def test_a_killed_process_is_a_crash_and_replaced(
        self, engine: Translator, known: TranslationRequest, strangers: frozenset[int]
    ) -> None:
        expected: Any = await engine.translate(known)
        send(signal.SIGKILL, self.ours(strangers))
        came = await self.try_to(engine.translate(known), "translate() by a process that died")
        assert isinstance(came, Translation | EngineCrashed)
        self.agree(expected, await done_within(DEADLINE_S, engine.translate(known), "the text after"))
