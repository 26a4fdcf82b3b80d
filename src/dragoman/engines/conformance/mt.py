"""What every translator must do."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from dragoman.engines.base import Stage, Translation, TranslationRequest, Translator
from dragoman.engines.conformance.common import (
    BAD_TEXTS,
    DEADLINE_S,
    ODD_LANGUAGES,
    EngineConformance,
    Work,
    given,
    promised,
)
from dragoman.engines.conformance.running import done_within, ended_within, send, start
from dragoman.engines.faults import CLOSE_DEADLINE, text_of
from dragoman.errors import EngineCrashed, EngineError

AT_ONCE = 10
"""Clauses in flight together: every speaker of a full room."""


class TranslatorConformance(EngineConformance):
    """Give ``name`` (or a fixture ``engine``), and the fixture ``known``: a request that it can translate."""

    stage: ClassVar[Stage] = Stage.MT

    @pytest.fixture
    def work(self, known: TranslationRequest) -> Work:
        """Translate ``known``."""

        async def translate(engine: Translator) -> Translation:
            return await self.translate(engine, known)

        return translate

    async def translate(self, engine: Translator, request: TranslationRequest) -> Translation:
        """What it gives, which is a Translation."""
        return given(text_of, "translate()", await promised(engine.translate(request), "translate()"))

    def test_supports_what_it_says(self, engine: Translator, known: TranslationRequest) -> None:
        pair = f"{known.source}-{known.target}"
        assert engine.supports(known.source, known.target), f"supports() denies {pair}, the pair of known"
        assert not engine.info.languages or pair in engine.info.languages, f"info.languages lacks {pair}, known's pair"
        for pair in engine.info.languages:
            assert engine.supports(*pair.split("-")), f"supports() denies {pair}, which info.languages names"

    async def test_rejects_an_unknown_pair(self, engine: Translator, known: TranslationRequest) -> None:
        for odd in (*ODD_LANGUAGES, known.source):
            assert engine.supports(known.source, odd) is False, f"supports() should say False: to {odd!r:.20}"
            await self.refused(self.translate(engine, replace(known, target=odd)), f"a text to language {odd!r:.20}")
        for odd in ODD_LANGUAGES:
            assert engine.supports(odd, known.target) is False, f"supports() should say False: from {odd!r:.20}"
            await self.refused(self.translate(engine, replace(known, source=odd)), f"a text from language {odd!r:.20}")

    async def test_translates(self, engine: Translator, known: TranslationRequest) -> None:
        translation = await done_within(DEADLINE_S, engine.translate(known), "translate()")
        given(text_of, "translate()", translation)
        assert translation.text.strip(), "translate() gave no text"
        assert translation.engine == engine.info.name, (
            f"Translation.engine is {translation.engine!r}, not the {engine.info.name!r} of info.name"
        )

    async def test_takes_context_terms_and_care(self, engine: Translator, known: TranslationRequest) -> None:
        request = replace(known, context=("Before.", "And before that."), terms=(("zorblax", "zorblaks"),))
        assert (await self.translate(engine, request)).text.strip(), "no text, for a request with context and terms"
        careful = await self.translate(engine, replace(request, careful=True))
        assert careful.text.strip(), "no text, for a request that asks for care"

    async def test_bad_text_is_an_engine_error_at_most(self, engine: Translator, known: TranslationRequest) -> None:
        expected = await self.translate(engine, known)
        for what, text in BAD_TEXTS.items():
            came = await self.try_to(self.translate(engine, replace(known, text=text)), f"a text that is {what}")
            assert isinstance(came, Translation | EngineError | TimeoutError), f"a text that is {what} gave {came!r}"
            again = await done_within(DEADLINE_S, self.translate(engine, known), f"the text after one that is {what}")
            self.agree(expected, again)

    async def test_at_once_each_gets_his_own_answer(self, engine: Translator, known: TranslationRequest) -> None:
        texts = [known, replace(known, text=f"{known.text} {known.text}")]
        alone = [await self.try_to(self.translate(engine, text), "alone") for text in texts]
        together = await asyncio.gather(
            *(self.try_to(self.translate(engine, text), "one of many") for text in texts * (AT_ONCE // 2))
        )
        for expected, came in zip(alone * (AT_ONCE // 2), together, strict=True):
            if isinstance(expected, Translation):
                self.agree(expected, came)
            else:
                assert type(came) is type(expected)

    async def test_a_cancelled_request_does_not_answer_the_next(
        self, engine: Translator, known: TranslationRequest
    ) -> None:
        expected = await self.translate(engine, known)
        for _ in range(3):
            left = start(self.translate(engine, replace(known, text=f"{known.text} {known.text}")))
            await asyncio.sleep(0)
            left.cancel()
            self.agree(expected, await done_within(DEADLINE_S, self.translate(engine, known), "the text after"))
            await ended_within(CLOSE_DEADLINE, left)

    async def test_a_killed_process_is_a_crash_and_replaced(
        self, engine: Translator, known: TranslationRequest, strangers: frozenset[int]
    ) -> None:
        expected: Any = await self.translate(engine, known)
        send(signal.SIGKILL, self.ours(strangers))
        came = await self.try_to(self.translate(engine, known), "translate() by a process that died")
        assert isinstance(came, Translation | EngineCrashed)
        self.agree(expected, await done_within(DEADLINE_S, self.translate(engine, known), "the text after"))
