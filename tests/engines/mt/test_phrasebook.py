from __future__ import annotations

from pathlib import Path

import pytest
from tests.engines.conformance import TranslatorConformance

from dragoman.engines.base import TranslationRequest
from dragoman.engines.mt.chain import TranslatorChain
from dragoman.engines.mt.phrasebook import PhraseBook
from dragoman.errors import ConfigError, EngineCrashed, EngineError, EngineRejected, EngineTimeout


@pytest.fixture
def book(tmp_path: Path) -> PhraseBook:
    (tmp_path / "p.tsv").write_text(
        "en\tes\tca\nGood morning.\tBuenos días.\tBon dia.\nSee you!\t¡Hasta luego!\t\nHi.\tBuenos días.\t\n"
        "bad\tb\tc\td\n"
    )
    return PhraseBook({"phrases": str(tmp_path / "p.tsv")})


class TestConformance(TranslatorConformance):
    crashes = False

    @pytest.fixture
    def engine(self) -> PhraseBook:
        return PhraseBook({})

    @pytest.fixture
    def known(self) -> TranslationRequest:
        return TranslationRequest("how are you today", "en", "es")


@pytest.mark.parametrize(
    ("source", "target", "text", "expected"),
    [
        ("en", "es", "good morning", "Buenos días."),
        ("en", "ca", "GOOD MORNING!!", "Bon dia."),
        ("es", "en", "buenos dias", "Good morning."),  # the first line with it counts
        ("es", "en", "¡Buenos días! Hasta luego.", "Good morning. See you!"),
    ],
)
async def test_looked_up(book: PhraseBook, source: str, target: str, text: str, expected: str) -> None:
    assert (await book.translate(TranslationRequest(text, source, target))).text == expected


@pytest.mark.parametrize(
    ("source", "target", "text"),
    [("en", "es", "good morning madam"), ("en", "ca", "see you"), ("fr", "es", "bonjour"), ("en", "es", "...")],
)
async def test_rejected(book: PhraseBook, source: str, target: str, text: str) -> None:
    with pytest.raises(EngineRejected):
        await book.translate(TranslationRequest(text, source, target))


async def test_wrong_lines_are_told(book: PhraseBook, capsys: pytest.CaptureFixture[str]) -> None:
    await book.start()
    assert "line 5: 4 columns, but 3 languages" in capsys.readouterr().out


def test_no_file() -> None:
    with pytest.raises(ConfigError, match="phrase file /nonexistent/phrases: No such file"):
        PhraseBook({"phrases": "/nonexistent/phrases"})


class Failing(PhraseBook):
    def __init__(self, error: EngineError) -> None:
        super().__init__({})
        self._error = error

    async def translate(self, request: TranslationRequest) -> None:  # type: ignore[override]
        raise self._error


@pytest.mark.parametrize(
    ("errors", "raised"),
    [
        ([EngineRejected("a", "no"), EngineCrashed("b", "died")], EngineCrashed),
        ([EngineTimeout("a", "slow"), EngineRejected("b", "no")], EngineTimeout),  # worth a retry
        ([EngineRejected("a", "no")], EngineRejected),
        ([], EngineRejected),
    ],
)
async def test_the_chain_says_whether_a_retry_may_help(errors: list[EngineError], raised: type[EngineError]) -> None:
    request = TranslationRequest("how are you today", "en", "es")
    failing = [Failing(error) for error in errors]
    with pytest.raises(raised):
        await TranslatorChain(failing).translate(request)
    translation = await TranslatorChain([*failing, PhraseBook({})]).translate(request)
    assert translation.engine == "phrasebook"
