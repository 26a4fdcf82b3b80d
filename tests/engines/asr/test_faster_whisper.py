"""faster-whisper in its real worker process, on a tiny model that says the same sentence to whatever it hears."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from tests.engines import tiny_models
from tests.engines.conformance import RecognizerConformance, hear, until_final
from tests.engines.missing import without
from tests.engines.processes import children, ended

from dragoman.engines.asr.faster_whisper import FasterWhisperRecognizer
from dragoman.engines.asr.phowhisper import PhoWhisperRecognizer
from dragoman.engines.base import StreamRequest
from dragoman.errors import ConfigError, EngineBusy, EngineCrashed, EngineUnavailable
from dragoman.media.format import SAMPLE_RATE, Pcm, ms_to_samples

SENTENCE = "Good morning to all of you."
REQUEST = StreamRequest("leg", "room", "en", keyterms=("Zoë", "EBITDA"))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.whisper(tmp_path_factory.mktemp("whisper"))


@pytest.fixture
def speech() -> Pcm:
    return (np.random.default_rng(5).standard_normal(3 * SAMPLE_RATE) * 2000).astype(np.int16)


class TestConformance(RecognizerConformance):
    crashes = False  # its worker serves all streams, and is killed below

    @pytest.fixture
    def options(self, model: Path) -> dict[str, object]:
        # One decoding per utterance: this model confirms its whole sentence at the second one, and again ever after.
        return {"model": str(model), "device": "cpu", "interval_ms": 5000}

    @pytest.fixture
    async def engine(self, options: dict[str, object]) -> AsyncIterator[FasterWhisperRecognizer]:
        engine = FasterWhisperRecognizer(options)
        await engine.start(["en"])
        yield engine
        await engine.close()
        assert children() == set()


class TestPhoWhisperConformance(RecognizerConformance):
    language = "vi"
    crashes = False

    @pytest.fixture
    def options(self, model: Path) -> dict[str, object]:
        return {"model": str(model), "device": "cpu", "interval_ms": 5000}

    @pytest.fixture
    async def engine(self, options: dict[str, object]) -> AsyncIterator[PhoWhisperRecognizer]:
        engine = PhoWhisperRecognizer(options)
        await engine.start(["vi"])
        yield engine
        await engine.close()
        assert children() == set()


@pytest.fixture
async def engine(model: Path) -> AsyncIterator[FasterWhisperRecognizer]:
    engine = FasterWhisperRecognizer({"model": str(model), "device": "cpu", "max_streams": 2})
    await engine.start()
    yield engine
    await engine.close()


async def test_words_are_confirmed_while_one_speaks(engine: FasterWhisperRecognizer, speech: Pcm) -> None:
    """The second decoding agrees with the first: its words come as finals, before anybody finalizes."""
    stream = await engine.open(REQUEST)
    hypotheses = aiter(stream)
    async with asyncio.timeout(60):
        await stream.push(speech[: SAMPLE_RATE * 2], 0)
        first = await anext(hypotheses)
        assert (first.is_final, first.text) == (False, SENTENCE)
        await stream.push(speech[SAMPLE_RATE * 2 :], SAMPLE_RATE * 2)
        second = await anext(hypotheses)
    assert second.is_final and not second.end_of_utterance
    assert SENTENCE.startswith(second.text) and second.text
    await stream.aclose()


async def test_streams_do_not_hear_each_other(engine: FasterWhisperRecognizer, speech: Pcm) -> None:
    one, other = await engine.open(REQUEST), await engine.open(REQUEST)
    await asyncio.gather(hear(one, speech, 0), hear(other, speech, 77_000))
    ends = [(await until_final(aiter(stream)))[-1].upto for stream in (one, other)]
    assert ends == [len(speech), 77_000 + len(speech)]
    with pytest.raises(EngineBusy, match="max_streams"):
        await engine.open(REQUEST)
    await one.aclose()
    await (await engine.open(REQUEST)).aclose()


async def test_places_are_taken_while_opening(model: Path) -> None:
    """All of them wait for the same model: where it is there already, nobody comes between."""
    engine = FasterWhisperRecognizer({"model": str(model), "device": "cpu", "max_streams": 2})
    opened = await asyncio.gather(*(engine.open(REQUEST) for _ in range(5)), return_exceptions=True)
    await engine.close()
    assert sum(isinstance(each, EngineBusy) for each in opened) == 3


async def test_a_killed_worker_ends_its_streams_and_is_replaced(engine: FasterWhisperRecognizer, speech: Pcm) -> None:
    stream = await engine.open(REQUEST)
    for pid in children():
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(EngineCrashed):
        async with asyncio.timeout(60):
            async for _ in stream:
                pass
    with pytest.raises(EngineCrashed):
        await stream.push(speech[:1000], 0)
    await stream.aclose()
    again = await engine.open(REQUEST)
    await hear(again, speech, 0)
    assert await until_final(aiter(again))
    await again.aclose()


async def test_who_gives_up_opening_does_not_stop_the_loading(engine: FasterWhisperRecognizer, speech: Pcm) -> None:
    for pid in children():
        os.kill(pid, signal.SIGKILL)
        assert ended(pid, 10)
    waiting = asyncio.create_task(engine.open(REQUEST))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    stream = await engine.open(REQUEST)
    await hear(stream, speech, 0)
    assert (await until_final(aiter(stream)))[-1].upto == len(speech)
    assert len(children()) == 1


async def test_a_partial_nobody_read_gives_way_to_the_next(engine: FasterWhisperRecognizer) -> None:
    from dragoman.engines.base import Hypothesis

    stream = await engine.open(REQUEST)
    for upto in (1, 2, 3):
        stream.heard(Hypothesis((), is_final=False, end_of_utterance=False, upto=upto))
    assert (await anext(aiter(stream))).upto == 3
    await stream.aclose()


async def test_close_while_loading_leaves_nothing(model: Path) -> None:
    engine = FasterWhisperRecognizer({"model": str(model), "device": "cpu"})
    starting = asyncio.create_task(engine.start())
    while not children():
        await asyncio.sleep(0)
    await engine.close()
    with pytest.raises((asyncio.CancelledError, EngineCrashed)):
        await starting
    assert children() == set()


async def test_an_english_model_knows_english_only(tmp_path: Path) -> None:
    folder = tiny_models.whisper(tmp_path, multilingual=False)
    engine = FasterWhisperRecognizer({"model": str(folder), "device": "cpu"})
    assert engine.supports("es")
    await engine.start()
    assert engine.info.languages == ("en",)
    await engine.close()
    pho = PhoWhisperRecognizer({"model": str(folder), "device": "cpu"})
    with pytest.raises(EngineUnavailable, match="English only"):
        await pho.start()
    await pho.close()


HOW = r"hf download Systran/faster-whisper-small --local-dir"


async def test_what_is_missing_is_said(model: Path, tmp_path: Path) -> None:
    with without("faster_whisper"), pytest.raises(EngineUnavailable) as raised:
        await FasterWhisperRecognizer({"model": str(model)}).start()
    assert str(raised.value) == (
        'faster-whisper: the Python package faster_whisper is missing: pip install "dragoman[whisper]"'
    )
    with pytest.raises(EngineUnavailable) as raised:
        await FasterWhisperRecognizer({}).start()
    assert str(raised.value) == (
        "faster-whisper: no model is set: fetch Systran/faster-whisper-small into a folder by: "
        "hf download Systran/faster-whisper-small --local-dir /srv/models/faster-whisper-small; "
        "then set engines.options.faster-whisper.model to it"
    )
    with pytest.raises(
        EngineUnavailable, match=rf"faster-whisper.model: there is no folder /nowhere: fetch .* {HOW} /now"
    ):
        await FasterWhisperRecognizer({"model": "/nowhere"}).start()
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.bin").touch()
    with pytest.raises(
        EngineUnavailable, match=rf"lacks model\.bin, tokenizer\.json, vocabulary\.txt or vocabulary\.json .* {HOW}"
    ):
        await FasterWhisperRecognizer({"model": str(tmp_path)}).start()


async def test_a_broken_model_is_said(model: Path, tmp_path: Path) -> None:
    for file in model.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "model.bin").write_bytes((model / "model.bin").read_bytes()[:5000])
    engine = FasterWhisperRecognizer({"model": str(tmp_path), "device": "cpu"})
    with pytest.raises(EngineUnavailable, match=rf"model in {tmp_path} cannot be loaded \(.*\).* {HOW}"):
        await engine.start()
    await engine.close()
    assert children() == set()


async def test_phowhisper_says_how_to_convert_it() -> None:
    with pytest.raises(EngineUnavailable) as raised:
        await PhoWhisperRecognizer({}).start()
    text = str(raised.value)
    assert "ct2-transformers-converter --model vinai/PhoWhisper-small --output_dir /srv/models/PhoWhisper-small" in text
    assert "save_pretrained('/srv/models/PhoWhisper-small')" in text
    assert "engines.options.phowhisper.model" in text


def test_wrong_options_are_named() -> None:
    with pytest.raises(ConfigError, match=r"engines\.options\.faster-whisper\.beam: 0 is not"):
        FasterWhisperRecognizer({"beam": 0})
    with pytest.raises(ConfigError, match=r"engines\.options\.phowhisper\.size: unknown option; known: model, device"):
        PhoWhisperRecognizer({"size": "small"})


def test_it_says_what_it_is_without_the_package() -> None:
    with without("faster_whisper", "ctranslate2"):
        whisper, pho = FasterWhisperRecognizer({}).info, PhoWhisperRecognizer({}).info
    assert (whisper.licence, whisper.commercial_use, whisper.streaming) == ("MIT", True, True)
    assert (pho.licence, pho.languages) == ("BSD-3-Clause", ("vi",))
    assert ms_to_samples(whisper.chunk_ms) > 0
