from __future__ import annotations

import asyncio
from collections.abc import Mapping

import numpy as np
import pytest
from tests.tonewords.code import Source, words
from tests.tonewords.decode import decode
from tests.tonewords.encode import encode
from tests.tonewords.engines import ToneRecognizer, ToneSynthesizer, ToneTranslator
from tests.virtual_time import START, virtual_time

from dragoman.engines.base import (
    Hypothesis,
    Recognizer,
    RecognizerStream,
    SpeechRequest,
    Stage,
    StreamRequest,
    Synthesizer,
    TranslationRequest,
    Translator,
)
from dragoman.engines.registry import build
from dragoman.errors import ConfigError, EngineCrashed, EngineError, EngineRejected, EngineTimeout
from dragoman.media.format import Pcm, ms_to_samples

pytestmark = virtual_time

CHUNK = ms_to_samples(60)


async def listen(options: Mapping[str, object], *utterances: tuple[int, Pcm]) -> list[Hypothesis]:
    """Push utterances that begin at the given audio time, finalize each, and give what came."""
    stream = await ToneRecognizer(options).open(StreamRequest("leg", "1000", "en"))
    for start, pcm in utterances:
        for at in range(0, len(pcm), CHUNK):
            await stream.push(pcm[at : at + CHUNK], start + at)
        await stream.finalize(start + len(pcm))
    await stream.aclose()
    return [hypothesis async for hypothesis in stream]


async def speak(engine: ToneSynthesizer, text: str) -> Pcm:
    return np.concatenate([piece async for piece in engine.synthesize(SpeechRequest(text, "es", "ana"))])


async def test_they_are_engines() -> None:
    assert isinstance(ToneRecognizer({}), Recognizer)
    assert isinstance(await ToneRecognizer({}).open(StreamRequest("leg", "1000", "en")), RecognizerStream)
    assert isinstance(ToneTranslator({}), Translator)
    assert isinstance(ToneSynthesizer({}), Synthesizer)


async def test_settings_can_name_them_by_path() -> None:
    path = "tests.tonewords.engines:ToneTranslator"
    (engine,) = build(Stage.MT, [path], {path: {"latency_ms": 150}})
    assert engine.info.name == "tone-mt"


async def test_words_come_as_they_are_said_and_once_more_in_the_final() -> None:
    said = words("a", "en", 4)
    *partials, final = await listen({}, (32_000, encode(said)))
    assert [h.text.split() for h in partials] == [said[:1], said[:2], said[:3], said]
    assert not any(h.is_final or h.end_of_utterance for h in partials)
    assert final.is_final and final.end_of_utterance
    assert final.text.split() == said
    starts = np.array([word.start for word in final.words])
    assert np.abs(starts - (32_000 + np.arange(4) * ms_to_samples(360))).max() < ms_to_samples(8)


async def test_each_utterance_has_one_end() -> None:
    said = [words("a", "en", 2, first=10 * i) for i in range(3)]
    noise = np.random.default_rng(1).integers(-200, 200, 16_000).astype(np.int16)
    heard = await listen({}, *((50_000 * i, encode(utterance)) for i, utterance in enumerate(said)), (200_000, noise))
    ends = [h for h in heard if h.end_of_utterance]
    assert [h.text.split() for h in ends] == [*said, []]


async def test_finalize_without_audio_is_not_answered() -> None:
    stream = await ToneRecognizer({}).open(StreamRequest("leg", "1000", "en"))
    await stream.finalize(0)
    await stream.aclose()
    await stream.aclose()
    assert [h async for h in stream] == []


async def test_finals_within_an_utterance() -> None:
    said = words("b", "es", 5)
    finals = [h for h in await listen({"final_words": 2}, (0, encode(said))) if h.is_final]
    assert [h.text.split() for h in finals] == [said[:2], said[2:4], said[4:]]
    assert [h.end_of_utterance for h in finals] == [False, False, True]


async def test_a_late_recogniser_takes_audio_without_delay() -> None:
    loop = asyncio.get_running_loop()
    stream = await ToneRecognizer({"latency_ms": 250}).open(StreamRequest("leg", "1000", "en"))
    await stream.push(encode("en001a"), 0)
    await stream.finalize(5_760)
    assert loop.time() == START
    arrivals = []
    async for hypothesis in stream:
        arrivals.append((hypothesis.is_final, loop.time()))
        if hypothesis.is_final:
            break
    assert arrivals == [(False, START + 0.25), (True, START + 0.25)]


async def test_a_finalize_may_fail_or_never_be_answered() -> None:
    for how in ("timeout", "hang"):
        engine = ToneRecognizer({"fail_on": [1], "fail_with": how})
        stream = await engine.open(StreamRequest("leg", "1000", "en"))
        await stream.push(encode("en001a"), 0)
        await stream.finalize(5_760)
        with pytest.raises(EngineTimeout if how == "timeout" else TimeoutError):
            async with asyncio.timeout(5.0):
                assert not [h async for h in stream if h.is_final]


async def test_what_a_booth_says_is_not_recognised() -> None:
    assert [h.text for h in await listen({}, (0, encode("es001a", booth=True)))] == [""]


async def test_a_crash_ends_the_stream_for_both_sides_and_spares_the_next() -> None:
    engine = ToneRecognizer({"crash_at_word": 2})
    for attempt in (1, 2):
        stream = await engine.open(StreamRequest("leg", "1000", "en"))
        pcm = encode(words("a", "en", 3))
        if attempt == 1:
            with pytest.raises(EngineCrashed):
                await stream.push(pcm, 0)
            with pytest.raises(EngineCrashed):
                await stream.finalize(len(pcm))
            with pytest.raises(EngineCrashed):
                [h async for h in stream]
        else:
            await stream.push(pcm, 0)
            await stream.finalize(len(pcm))
            await stream.aclose()
            assert [h.text.split() for h in [h async for h in stream]][-1] == words("a", "en", 3)


async def test_the_translation_is_decided_word_by_word() -> None:
    translation = await ToneTranslator({}).translate(TranslationRequest("en001a en002a", "en", "es"))
    assert (translation.text, translation.engine) == ("es001a es002a", "tone-mt")
    with pytest.raises(EngineRejected, match="hello"):
        await ToneTranslator({}).translate(TranslationRequest("hello", "en", "es"))


async def test_speech_is_of_the_booth_that_speaks_for_the_voice() -> None:
    heard = decode(await speak(ToneSynthesizer({}), "es001a es002b"))
    assert [(word.text, word.source) for word in heard] == [
        ("es001a", Source("a", True)),
        ("es002b", Source("b", True)),
    ]


async def test_stretched_speech_is_longer_and_the_same() -> None:
    plain, stretched = [await speak(ToneSynthesizer({"stretch": s}), "es001a es002a") for s in (1.0, 1.25)]
    assert len(stretched) == pytest.approx(1.25 * len(plain), abs=2)
    assert [word.text for word in decode(stretched)] == ["es001a", "es002a"]


@pytest.mark.parametrize(
    ("how", "error"), [("crashed", EngineCrashed), ("timeout", EngineTimeout), ("rejected", EngineRejected)]
)
async def test_chosen_calls_fail_as_asked(how: str, error: type[EngineError]) -> None:
    engine = ToneTranslator({"fail_on": [2], "fail_with": how, "latency_ms": 150})
    request = TranslationRequest("en001a", "en", "es")
    await engine.translate(request)
    with pytest.raises(error, match="call 2"):
        await engine.translate(request)
    await engine.translate(request)
    assert asyncio.get_running_loop().time() == pytest.approx(START + 0.45)


async def test_a_call_may_never_be_answered() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(5.0):
            await speak(ToneSynthesizer({"fail_on": [1], "fail_with": "hang"}), "es001a")


async def test_unknown_and_wrong_options_are_named() -> None:
    with pytest.raises(ConfigError, match=r"engines\.options\.tone-mt\.stretch is unknown"):
        ToneTranslator({"stretch": 1.2})
    with pytest.raises(ConfigError, match=r"engines\.options\.tone-asr\.fail_with: 'never'"):
        ToneRecognizer({"fail_with": "never"})
