"""PocketSphinx with real worker processes, hearing flite and espeak-ng."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from tests.engines.conformance import RecognizerConformance, hear, until_final
from tests.engines.processes import children, ended
from tests.engines.speech import say

from dragoman.engines.asr.pocketsphinx import PocketsphinxRecognizer
from dragoman.engines.base import StreamRequest
from dragoman.errors import ConfigError, EngineBusy
from dragoman.media.format import SAMPLE_RATE, Pcm


@pytest.fixture
async def engine() -> AsyncIterator[PocketsphinxRecognizer]:
    engine = PocketsphinxRecognizer({"spares": 1})
    await engine.start(["es", "tlh"])
    yield engine
    await engine.close()


@pytest.fixture
async def bare() -> AsyncIterator[PocketsphinxRecognizer]:
    """Without spares: nothing runs until a stream is opened."""
    engine = PocketsphinxRecognizer({"spares": 0})
    yield engine
    await engine.close()


class TestConformance(RecognizerConformance):
    language = "es"

    @pytest.fixture
    def engine(self, bare: PocketsphinxRecognizer) -> PocketsphinxRecognizer:
        return bare

    @pytest.fixture
    def speech(self) -> Pcm:
        return say("Estoy totalmente de acuerdo con usted.", "espeak:es")


async def heard(engine: PocketsphinxRecognizer, language: str, *utterances: Pcm) -> list[str]:
    """The finals' texts."""
    stream = await engine.open(StreamRequest("leg", "room", language))
    hypotheses, at, texts = aiter(stream), 0, []
    for speech in utterances:
        at = await hear(stream, speech, at) + SAMPLE_RATE
        texts.append((await until_final(hypotheses))[-1].text)
    await stream.aclose()
    return texts


async def test_english_is_free_and_the_list_is_exact(bare: PocketsphinxRecognizer) -> None:
    listed, free = await heard(
        bare,
        "en",
        say("I have an idea that could help us.", "flite:rms"),
        say("we need to finish the report before friday", "flite:rms"),
    )
    assert listed == "I have an idea that could help us."
    assert free == "we need to finish the report before friday"


async def test_other_languages_know_the_list_and_nothing_else(engine: PocketsphinxRecognizer) -> None:
    listed, two, free, english = await heard(
        engine,
        "es",
        say("¿Cuánto cuesta la máquina?", "espeak:es"),
        say("Estoy muy bien, gracias. ¿Qué hora es allí?", "espeak:es"),
        say("Los pájaros cantan en el bosque cada primavera.", "espeak:es"),
        say("the price is too high for our budget", "flite:rms"),
    )
    assert listed == "¿Cuánto cuesta la máquina?"
    assert two == "Estoy muy bien, gracias. ¿Qué hora es allí?"
    assert free == ""
    assert english == ""


async def test_unsent_silence_keeps_the_clock_right(engine: PocketsphinxRecognizer) -> None:
    first, second = say("Gracias por estar aquí hoy.", "espeak:es"), say("¿Dónde está el error?", "espeak:es")
    stream = await engine.open(StreamRequest("leg", "room", "es"))
    await stream.push(first, 1000)
    await stream.push(second, 1000 + len(first) + 10 * SAMPLE_RATE)  # one utterance with a hole in it
    end = 1000 + len(first) + 10 * SAMPLE_RATE + len(second)
    await stream.finalize(end)
    final = (await until_final(aiter(stream)))[-1]
    assert final.text == "Gracias por estar aquí hoy. ¿Dónde está el error?"
    assert final.words[4].end <= 1000 + len(first)
    assert final.words[5].start >= 1000 + len(first) + 10 * SAMPLE_RATE
    assert final.upto == end
    await stream.aclose()


async def test_finalize_without_audio_is_answered(engine: PocketsphinxRecognizer) -> None:
    stream = await engine.open(StreamRequest("leg", "room", "es"))
    await stream.finalize(4711)
    final = (await until_final(aiter(stream)))[-1]
    assert (final.words, final.is_final, final.upto) == ((), True, 4711)
    await stream.aclose()


async def test_a_spare_is_taken_and_replaced(engine: PocketsphinxRecognizer) -> None:
    spare = children()
    assert len(spare) == 1
    stream = await engine.open(StreamRequest("leg", "room", "es"))
    assert {stream.pid} == spare
    other = await engine.open(StreamRequest("other", "room", "es"))
    assert other.pid != stream.pid


async def test_a_dead_spare_is_not_handed_out(engine: PocketsphinxRecognizer) -> None:
    (spare,) = children()
    os.kill(spare, signal.SIGKILL)
    assert ended(spare, 10)
    assert await heard(engine, "es", say("¿Me oyen todos?", "espeak:es")) == ["¿Me oyen todos?"]


async def test_max_streams(tmp_path: Path) -> None:
    engine = PocketsphinxRecognizer({"max_streams": 1, "spares": 0})
    stream = await engine.open(StreamRequest("leg", "room", "es"))
    with pytest.raises(EngineBusy, match="max_streams"):
        await engine.open(StreamRequest("other", "room", "es"))
    await stream.aclose()
    await (await engine.open(StreamRequest("other", "room", "es"))).aclose()
    await engine.close()


async def test_a_worker_that_takes_nothing_is_given_up(
    engine: PocketsphinxRecognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dragoman.engines.worker.SEND_DEADLINE_S", 0.05)
    stream = await engine.open(StreamRequest("leg", "room", "es"))
    os.kill(stream.pid, signal.SIGSTOP)
    with pytest.raises(Exception, match="took no data"):
        for at in range(0, 100 * SAMPLE_RATE, SAMPLE_RATE):
            await stream.push(np.zeros(SAMPLE_RATE, np.int16), at)
    await stream.aclose()


async def test_workers_end_with_a_killed_daemon() -> None:
    daemon = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import asyncio\n"
        "from dragoman.engines.asr.pocketsphinx import PocketsphinxRecognizer\n"
        "from dragoman.engines.base import StreamRequest\n"
        "async def main():\n"
        "    engine = PocketsphinxRecognizer({})\n"
        "    await engine.start(['es'])\n"
        "    stream = await engine.open(StreamRequest('leg', 'room', 'es'))\n"
        "    print('ready', flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n",
        stdout=asyncio.subprocess.PIPE,
    )
    assert daemon.stdout is not None
    assert await daemon.stdout.readline() == b"ready\n"
    workers = children(daemon.pid)
    assert workers
    daemon.kill()
    await daemon.wait()
    assert all(ended(worker, 20) for worker in workers)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_stream": 3}, "engines.options.pocketsphinx.max_stream: unknown option; known: .*max_streams"),
        ({"spares": -1}, "engines.options.pocketsphinx.spares: -1 is not a whole number from 0"),
        ({"spares": True}, "engines.options.pocketsphinx.spares"),
        ({"phrases": "/nonexistent/phrases"}, "phrase file /nonexistent/phrases: No such file"),
    ],
)
def test_wrong_options_are_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        PocketsphinxRecognizer(options)
