from __future__ import annotations

import itertools

import numpy as np
import pytest
from tests.engines_scripted.engines import (
    ScriptedRecognizer,
    ScriptedSynthesizer,
    ScriptedTranslator,
    final,
    partial,
)
from tests.virtual_time import virtual_time

from dragoman.engines.base import (
    Hypothesis,
    Recognizer,
    RecognizerStream,
    SpeechRequest,
    StreamRequest,
    Synthesizer,
    TranslationRequest,
    Translator,
)
from dragoman.media.format import FRAME_SAMPLES

pytestmark = virtual_time

FRAME = np.zeros(FRAME_SAMPLES, np.int16)


async def listen(recognizer: ScriptedRecognizer, ms: int, leg: str = "leg") -> list[Hypothesis]:
    stream = await recognizer.open(StreamRequest(leg, "1000", "en"))
    assert isinstance(stream, RecognizerStream)
    for at in range(0, ms * 16, FRAME_SAMPLES):
        await stream.push(FRAME, at)
    await stream.finalize(ms * 16)
    await stream.aclose()
    return [hypothesis async for hypothesis in stream]


async def test_they_are_engines() -> None:
    assert isinstance(ScriptedRecognizer({}), Recognizer)
    assert isinstance(ScriptedTranslator({}), Translator)
    assert isinstance(ScriptedSynthesizer({}), Synthesizer)


async def test_an_interim_every_300_ms_and_a_final_every_3_s() -> None:
    *heard, end = await listen(ScriptedRecognizer({}), 7_000)
    assert [h.upto for h in heard] == [4_800 * i for i in range(1, 24)]
    assert [h.upto for h in heard if h.is_final] == [48_000, 96_000]
    assert [len(h.words) for h in heard] == [*range(1, 11), *range(1, 11), 1, 2, 3]
    assert end.is_final and end.end_of_utterance and end.upto == 112_000


async def test_the_words_of_a_final_tile_its_audio() -> None:
    finals = [h for h in await listen(ScriptedRecognizer({}), 7_000) if h.is_final]
    words = [word for h in finals for word in h.words]
    assert words[0].start == 0 and words[-1].end == 112_000
    assert all(a.end == b.start for a, b in itertools.pairwise(words))


async def test_a_script_is_said_when_the_audio_is_there() -> None:
    script = [partial("good", 400), partial("good morning", 800), final("good morning", 990, end_of_utterance=True)]
    recognizer = ScriptedRecognizer({"scripts": {"leg": script}})
    stream = await recognizer.open(StreamRequest("leg", "1000", "en"))
    for at in range(0, 800 * 16, FRAME_SAMPLES):
        await stream.push(FRAME, at)
    assert [await anext(aiter(stream)) for _ in range(2)] == script[:2]
    await stream.finalize(990 * 16)
    await stream.aclose()
    assert [h async for h in stream] == script[2:]


async def test_a_script_that_ends_no_utterance_still_answers_finalize() -> None:
    recognizer = ScriptedRecognizer({"scripts": {"leg": [final("good morning", 500)]}})
    heard = await listen(recognizer, 1_000)
    assert [(h.text, h.end_of_utterance) for h in heard] == [("good morning", False), ("", True)]


@pytest.mark.parametrize("options", [{}, {"scripts": {}}])
async def test_finalize_without_audio_is_not_answered(options: dict[str, object]) -> None:
    assert await listen(ScriptedRecognizer(options), 0) == []


async def test_translation_and_speech() -> None:
    translator = ScriptedTranslator({"texts": {"good": "bueno"}})
    texts = [(await translator.translate(TranslationRequest(t, "en", "es"))).text for t in ("good", "day")]
    assert texts == ["bueno", "es:day"]
    pieces = [piece async for piece in ScriptedSynthesizer({}).synthesize(SpeechRequest("x", "es", "ana"))]
    assert len(pieces) == 25
    assert sum(map(len, pieces)) == 40_000
