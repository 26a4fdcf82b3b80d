"""That Deepgram's engine never blocks the loop, by the conformance suite's own check, which wants real time."""

from __future__ import annotations

from tests.engines.conformance import RecognizerConformance, hear, until_final
from tests.fakes.deepgram import FakeDeepgram
from tests.tonewords.code import words
from tests.tonewords.encode import encode

from dragoman.engines.asr.deepgram import DeepgramRecognizer
from dragoman.engines.base import Engine, Recognizer, StreamRequest


async def _utterance(engine: Engine) -> str:
    assert isinstance(engine, Recognizer)
    stream = await engine.open(StreamRequest("leg", "1000", "en"))
    try:
        await hear(stream, encode(words("a", "en", 3)), 0)
        return (await until_final(aiter(stream)))[-1].text
    finally:
        await stream.aclose()


async def test_does_not_block_the_loop() -> None:
    async with FakeDeepgram() as fake:
        engine = DeepgramRecognizer({"api_key": "key", "base_url": fake.url})
        await engine.start()
        await RecognizerConformance().test_does_not_block_the_loop(engine, _utterance)
        await engine.close()
