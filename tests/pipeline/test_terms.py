"""A glossary reaches recogniser, translator and synthesizer, follows an edit, and spares the captions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from tests.pipeline.fakes import FakeEngines, FakeTranslator
from tests.pipeline.hall import hall
from tests.virtual_time import virtual_time

from dragoman.engines.base import Translation, TranslationRequest
from dragoman.glossary.model import EMPTY, Entry, Glossary
from dragoman.pipeline.captions import CaptionKind

pytestmark = virtual_time


@dataclass
class Edited:
    """Terms of a glossary that somebody changes."""

    glossary: Glossary = EMPTY

    def keyterms(self, language: str) -> tuple[str, ...]:
        return self.glossary.keyterms(language)

    def pairs(self, source: str, target: str) -> tuple[tuple[str, str], ...]:
        return self.glossary.pairs(source, target)

    def say(self, text: str, language: str) -> str:
        return self.glossary.say(text, language)


INVOICE = Glossary([Entry(2, {"en": "invoice", "es": "factura"}, {"es": "fac-tu-ra"})])


@dataclass
class Noting(FakeTranslator):
    """Translates "invoice" and says that it did something."""

    requests: list[TranslationRequest] = field(default_factory=list)

    async def translate(self, request: TranslationRequest) -> Translation:
        translation = await super().translate(request)
        return replace(translation, text="la factura", note="mended")


async def test_every_stage_gets_what_is_its() -> None:
    engines = FakeEngines(translator=Noting())
    async with hall(engines, terms=Edited(INVOICE)) as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        reader = place.read("es")
        place.say(ann, "the invoice")
        await place.passes(4)
        assert [stream.request.keyterms for stream in place.ears.streams] == [("invoice",)]
        assert [request.terms for request in engines.translator.requests] == [(("invoice", "factura"),)]
        assert [request.text for request in engines.mouth.requests] == ["la fac-tu-ra"]
        captions = reader.of(CaptionKind.CLAUSE) + reader.of(CaptionKind.SPOKEN)
        assert [(caption.text, caption.note) for caption in captions] == [("la factura", "mended")] * 2


async def test_an_edit_counts_for_the_next_clause() -> None:
    terms = Edited()
    engines = FakeEngines(translator=Noting())
    async with hall(engines, terms=terms) as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        for glossary in (EMPTY, INVOICE):
            terms.glossary = glossary
            place.say(ann, "the invoice")
            await place.passes(4)
        assert [request.terms for request in engines.translator.requests] == [(), (("invoice", "factura"),)]
        assert [request.text for request in engines.mouth.requests] == ["la factura", "la fac-tu-ra"]


async def test_without_a_glossary_nothing_changes() -> None:
    async with hall() as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        place.say(ann, "good morning")
        await place.passes(4)
        assert [stream.request.keyterms for stream in place.ears.streams] == [()]
        assert [request.terms for request in place.engines.translator.requests] == [()]
        assert [request.text for request in place.engines.mouth.requests] == ["es:good es:morning"]
