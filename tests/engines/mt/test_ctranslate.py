"""NLLB and MADLAD by their real loading code, on tiny models that look each word up in a dictionary."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.engines import tiny_models
from tests.engines.conformance import TranslatorConformance
from tests.engines.missing import without

from dragoman.engines.base import Counting, TranslationRequest
from dragoman.engines.mt.ctranslate import CTranslateTranslator
from dragoman.engines.mt.madlad import MadladTranslator
from dragoman.engines.mt.nllb import NllbTranslator
from dragoman.errors import ConfigError, EngineBusy, EngineCrashed, EngineRejected, EngineUnavailable
from dragoman.languages import LANGUAGES

CORPUS = ("good morning to all of you", "we have looked at the report", "buenos días a todos", "hemos visto el informe")
DICTIONARY = {
    f"▁{english}": f"▁{spanish}"
    for english, spanish in {
        "good": "buenos",
        "morning": "días",
        "to": "a",
        "all": "todos",
        "report": "informe",
    }.items()
}


@pytest.fixture(scope="module")
def nllb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The vocabulary as the converter writes it: four special tokens, pieces, languages."""
    folder = tmp_path_factory.mktemp("nllb")
    pieces = tiny_models.sentence_pieces(folder / "sentencepiece.bpe.model", CORPUS)
    plain = [piece for piece in pieces if piece not in ("<s>", "</s>", "<unk>")]
    tokens = ["<s>", "<pad>", "</s>", "<unk>", *plain, "eng_Latn", "spa_Latn", "vie_Latn"]
    return tiny_models.translator(folder, tokens, DICTIONARY, start="</s>", prefix=True)


@pytest.fixture(scope="module")
def madlad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The language tokens are pieces of the sentencepiece model, as in the public one."""
    folder = tmp_path_factory.mktemp("madlad")
    tags = ["<2en>", "<2es>", "<2vi>"]
    tokens = tiny_models.sentence_pieces(folder / "spiece.model", CORPUS, user_defined_symbols=tags)
    return tiny_models.translator(folder, tokens, DICTIONARY, start="<s>", prefix=False)


KNOWN = TranslationRequest("good morning to all", "en", "es")


class TestNllbConformance(TranslatorConformance):
    crashes = False  # a thread of ours

    @pytest.fixture
    def options(self, nllb: Path) -> dict[str, object]:
        return {"model": str(nllb), "device": "cpu"}

    @pytest.fixture
    async def engine(self, options: dict[str, object]) -> AsyncIterator[NllbTranslator]:
        engine = NllbTranslator(options)
        await engine.start(["en", "es"])
        yield engine
        await engine.close()

    @pytest.fixture
    def known(self) -> TranslationRequest:
        return KNOWN


class TestMadladConformance(TranslatorConformance):
    crashes = False

    @pytest.fixture
    def options(self, madlad: Path) -> dict[str, object]:
        return {"model": str(madlad), "device": "cpu"}

    @pytest.fixture
    async def engine(self, options: dict[str, object]) -> AsyncIterator[MadladTranslator]:
        engine = MadladTranslator(options)
        await engine.start(["en", "es"])
        yield engine
        await engine.close()

    @pytest.fixture
    def known(self) -> TranslationRequest:
        return KNOWN


@pytest.fixture(params=[NllbTranslator, MadladTranslator])
async def engine(request: pytest.FixtureRequest, nllb: Path, madlad: Path) -> AsyncIterator[CTranslateTranslator]:
    folder = nllb if request.param is NllbTranslator else madlad
    engine: CTranslateTranslator = request.param({"model": str(folder), "device": "cpu"})
    await engine.start(["en", "es"])
    yield engine
    await engine.close()


async def test_the_words_are_those_of_the_model(engine: CTranslateTranslator) -> None:
    assert (await engine.translate(KNOWN)).text == "buenos días a todos"


async def test_clauses_of_several_speakers_are_one_batch(engine: CTranslateTranslator) -> None:
    assert isinstance(engine, Counting)
    before = engine.counts()
    texts = ["good morning", "report", "to all", "the report to all of you"]
    wanted = ["buenos días", "informe", "a todos", "the informe a todos of you"]
    found = await asyncio.gather(*(engine.translate(TranslationRequest(text, "en", "es")) for text in texts))
    assert [each.text for each in found] == wanted
    after = engine.counts()
    assert after["clauses"] - before["clauses"] == 4
    assert after["batches"] - before["batches"] == 1


async def test_a_careful_request_shares_the_batch_and_keeps_its_place(engine: CTranslateTranslator) -> None:
    requests = [TranslationRequest(text, "en", "es", careful=text == "report") for text in ("to", "report", "all")]
    found = await asyncio.gather(*(engine.translate(request) for request in requests))
    assert [each.text for each in found] == ["a", "informe", "todos"]


async def test_no_end_of_waiting(engine: CTranslateTranslator) -> None:
    found = await asyncio.gather(*(engine.translate(KNOWN) for _ in range(100)), return_exceptions=True)
    assert sum(isinstance(each, EngineBusy) for each in found) == 36
    assert engine.counts()["refused"] == 36


async def test_a_closed_engine_says_so(engine: CTranslateTranslator) -> None:
    await engine.close()
    with pytest.raises(EngineCrashed, match="closed"):
        await engine.translate(KNOWN)


@pytest.mark.parametrize("text", ["", "\u200b", "x" * 1001])
async def test_no_text_or_too_much_is_rejected(engine: CTranslateTranslator, text: str) -> None:
    with pytest.raises(EngineRejected):
        await engine.translate(TranslationRequest(text, "en", "es"))


@pytest.mark.parametrize("kind", [NllbTranslator, MadladTranslator])
def test_it_says_what_it_is_without_packages(kind: type[CTranslateTranslator]) -> None:
    with without("ctranslate2", "sentencepiece"):
        info = kind({}).info
    assert info.commercial_use is (kind is MadladTranslator)
    assert info.licence == ("Apache-2.0" if kind is MadladTranslator else "CC-BY-NC-4.0")
    assert {f"{a}-{b}" for a in LANGUAGES for b in LANGUAGES if a != b} <= set(info.languages)


@pytest.mark.parametrize(
    ("kind", "repository", "tokenizer"),
    [
        (NllbTranslator, "facebook/nllb-200-distilled-600M", "sentencepiece.bpe.model"),
        (MadladTranslator, "google/madlad400-3b-mt", "spiece.model"),
    ],
)
async def test_what_is_missing_is_said(
    kind: type[CTranslateTranslator], repository: str, tokenizer: str, tmp_path: Path
) -> None:
    how = f"ct2-transformers-converter --model {repository} --output_dir {{}} --quantization int8 "
    how += f"--copy_files {tokenizer}"
    option = f"engines.options.{kind.name}.model"
    with without("sentencepiece"), pytest.raises(EngineUnavailable) as raised:
        await kind({}).start()
    assert str(raised.value) == (
        f'{kind.name}: the Python package sentencepiece is missing: pip install "dragoman[ct2]"'
    )
    with pytest.raises(EngineUnavailable) as raised:
        await kind({}).start()
    assert how.format(f"/srv/models/{repository.partition('/')[2]}") in str(raised.value)
    assert f"then set {option} to it" in str(raised.value)
    with pytest.raises(EngineUnavailable) as raised:
        await kind({"model": str(tmp_path / "none")}).start()
    assert f"{option}: there is no folder {tmp_path / 'none'}" in str(raised.value)
    assert how.format(tmp_path / "none") in str(raised.value)
    with pytest.raises(EngineUnavailable) as raised:
        await kind({"model": str(tmp_path)}).start()
    assert (
        f"{tmp_path} lacks model.bin, config.json, shared_vocabulary.json or shared_vocabulary.txt, {tokenizer} "
        "(absent or empty)" in str(raised.value)
    )


@pytest.mark.parametrize("cut", ["model.bin", "sentencepiece.bpe.model", "config.json"])
async def test_a_broken_model_is_said(nllb: Path, tmp_path: Path, cut: str) -> None:
    shutil.copytree(nllb, tmp_path, dirs_exist_ok=True)
    (tmp_path / cut).write_bytes((tmp_path / cut).read_bytes()[:40])
    engine = NllbTranslator({"model": str(tmp_path), "device": "cpu"})
    with pytest.raises(EngineUnavailable, match=rf"the model in {tmp_path} cannot be loaded \(.*fetch it again: "):
        await engine.start()
    await engine.close()


def test_wrong_options_are_named() -> None:
    with pytest.raises(ConfigError, match=r"engines\.options\.nllb\.device: 'gpu' is not one of auto, cpu, cuda"):
        NllbTranslator({"device": "gpu"})
    with pytest.raises(ConfigError, match=r"engines\.options\.madlad\.size: unknown option; known: model, device"):
        MadladTranslator({"size": "3b"})
