"""Engines that die in the middle of a conversation, as listeners and readers notice: not at all, but for a delay."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.engines.scripted import BEHAVIOURS, MoodyTranslator, running
from tests.pipeline.fakes import FakeEngines, FakeMedia, FakeSynthesizer, FakeTranslator, crashed
from tests.pipeline.hall import Hall, hall, translated
from tests.pipeline.test_chain import Reports
from tests.virtual_time import run, virtual_time

from dragoman.engines import availability
from dragoman.engines.availability import FAILURES
from dragoman.engines.base import EngineInfo, Stage
from dragoman.engines.circuits import Circuits
from dragoman.engines.mt.chain import BUDGET, TranslatorChain
from dragoman.errors import EngineBusy, EngineDenied, EngineError
from dragoman.pipeline.booth import BoothMixer
from dragoman.pipeline.captions import CaptionKind
from dragoman.pipeline.chain import MT_DEPTH, Chain
from dragoman.pipeline.clause import Clause
from dragoman.pipeline.delivery import TTS_DEADLINE
from dragoman.pipeline.latency import ClauseTimes

pytestmark = virtual_time


@pytest.fixture(autouse=True)
def _denial_is_probed_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a test need not tick through many minutes."""
    monkeypatch.setattr(availability, "DENIED_REST", 4.0)


SENTENCES = [f"a{i} b{i}" for i in range(8)]


def spare() -> FakeSynthesizer:
    return FakeSynthesizer(info=EngineInfo("spare", Stage.TTS, ("en", "es"), True, "0BSD", True, "tests"))


@asynccontextmanager
async def talk(engines: FakeEngines) -> AsyncIterator[Hall]:
    """A hall in which engines are probed."""
    engines.circuits.languages = ("en", "es")
    async with hall(engines) as place:
        assert place.group is not None
        probing = place.group.create_task(engines.circuits.run())
        yield place
        probing.cancel()


def with_translators(*translators: FakeTranslator) -> FakeEngines:
    circuits = Circuits()
    chain = TranslatorChain(translators, circuits)
    return FakeEngines(translator=chain, circuits=circuits)  # type: ignore[arg-type]  # either translates


@pytest.mark.parametrize(
    "death", ["hang", "bug", crashed("first"), EngineDenied("first", "402: pay")], ids=lambda death: str(death)[:6]
)
async def test_a_translator_that_dies_between_two_sentences_costs_none(death: EngineError | str) -> None:
    first, second = FakeTranslator(name="first"), FakeTranslator(name="second")
    async with talk(with_translators(first, second)) as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        reader = place.read("es")
        for i, sentence in enumerate(SENTENCES):
            if i == 2:
                first.outcomes.extend([death] * (FAILURES + 1))  # probes fail too
            place.say(ann, sentence)
            await place.passes(4)
        await place.passes(12)
        place.say(ann, "at last")
        await place.passes(4)
        assert place.heard("es") == translated("es", *SENTENCES, "at last")
        engines = [caption.engine for caption in reader.of(CaptionKind.CLAUSE)]
        assert engines[:2] == ["first"] * 2 and engines[2] == "second" and engines[-1] == "first"
        assert reader.of(CaptionKind.DROPPED) == []
        waits = [times.mt_end - times.mt_begin for _, _, times, _ in place.measures.spoken if times.mt_end]
        assert len(waits) == len(SENTENCES) + 1
        assert max(waits) <= BUDGET
        assert place.measures.failed == []
    assert place.engines.circuits.changes == {
        (Stage.MT, "first", "second"): 1,
        (Stage.MT, "second", "first"): 1,
    }


async def test_the_clause_in_the_hands_of_a_translator_that_dies_is_translated_by_the_next() -> None:
    first, second = FakeTranslator(name="first", outcomes=deque(["hang", "hang"])), FakeTranslator(name="second")
    async with talk(with_translators(first, second)) as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        place.say(ann, "one two")
        await place.passes(0.5 + 0.4 + 0.25 + BUDGET + 1)
        assert place.heard("es") == translated("es", "one two")


@pytest.mark.parametrize(
    "death", ["stall", crashed("mouth"), EngineDenied("mouth", "402: pay")], ids=lambda d: str(d)[:6]
)
async def test_a_voice_that_dies_gives_way_within_the_clause_and_then_at_once(death: EngineError | str) -> None:
    mouth, other = FakeSynthesizer(), spare()
    async with talk(FakeEngines(mouth=mouth, spare=(other,))) as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        for i, sentence in enumerate(SENTENCES):
            if i == 2:
                mouth.outcomes.extend([death] * FAILURES)
            place.say(ann, sentence)
            await place.passes(4)
        await place.passes(12)
        place.say(ann, "at last")
        await place.passes(4)
        assert place.heard("es") == translated("es", *SENTENCES, "at last")
        voices = [engines["tts"] for _, _, _, engines in place.measures.spoken]
        assert voices[:2] == ["mouth"] * 2 and voices[2] == "spare" and voices[-1] == "mouth"
        waits = [times.tts_first - times.tts_begin for _, _, times, _ in place.measures.spoken if times.tts_first]
        assert max(waits) <= 2 * TTS_DEADLINE + other.first + 1e-6
        assert waits[4] == pytest.approx(other.first)
        assert place.measures.failed == []
    assert place.engines.circuits.changes == {
        (Stage.TTS, "mouth", "spare"): 1,
        (Stage.TTS, "spare", "mouth"): 1,
    }


async def test_what_one_leg_found_out_spares_the_others() -> None:
    first, second = FakeTranslator(name="first", outcomes=deque(["hang"] * 50)), FakeTranslator(name="second")
    async with talk(with_translators(first, second)) as place:
        ann, bea = place.join("ann", "en"), place.join("bea", "es")
        for text in ("one", "two"):
            place.say(ann, text)
            await place.passes(4)
        place.say(bea, "tres")
        await place.passes(4)
        ((_, _, times, _),) = [spoken for spoken in place.measures.spoken if spoken[0] == "es"]
        assert times.mt_begin is not None and times.mt_end is not None
        assert times.mt_end - times.mt_begin == pytest.approx(second.delay)


async def test_with_all_translators_dead_each_clause_is_dropped_once_in_order_and_the_first_that_lives_goes_on() -> (
    None
):
    first, second = FakeTranslator(name="first"), FakeTranslator(name="second")
    for translator in (first, second):
        translator.outcomes.extend([crashed(translator.name)] * 12)
    async with talk(with_translators(first, second)) as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        reader = place.read("es")
        for sentence in SENTENCES:
            place.say(ann, sentence)
            await place.passes(4)
        for number in range(10):
            place.say(ann, f"again{number}")
            await place.passes(4)
        outcomes = [c for c in reader.captions if c.kind in (CaptionKind.CLAUSE, CaptionKind.DROPPED)]
        said = [*SENTENCES, *(f"again{number}" for number in range(10))]
        assert [caption.source_text for caption in outcomes] == said
        kinds = [caption.kind for caption in outcomes]
        assert kinds[0] is CaptionKind.DROPPED and kinds[-1] is CaptionKind.CLAUSE
        dropped = kinds.count(CaptionKind.DROPPED)
        assert place.heard("es") == translated("es", *said[dropped:])
        assert len(place.measures.failed) == dropped


async def test_a_voice_that_dies_in_the_middle_of_a_clause_counts_against_it_and_is_not_repeated() -> None:
    mouth = FakeSynthesizer(outcomes=deque(["crash-later"] * FAILURES))
    async with talk(FakeEngines(mouth=mouth, spare=(spare(),))) as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        for sentence in SENTENCES[: FAILURES + 1]:
            place.say(ann, sentence)
            await place.passes(1.6)
        cut = [sentence.split()[0] for sentence in SENTENCES[:FAILURES]]
        await place.passes(3)
        assert place.heard("es") == translated("es", *cut, SENTENCES[FAILURES])
        assert place.measures.spoken[-1][3]["tts"] == "spare"


deaths = st.sampled_from(["works", "stall", "stall-later", "crash-later", "empty", "crash", "deny", "busy"])


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    translators=st.lists(st.lists(st.sampled_from(BEHAVIOURS), max_size=8), min_size=1, max_size=2),
    mouths=st.lists(st.lists(deaths, max_size=8), min_size=1, max_size=2),
)
def test_whatever_engines_do_each_clause_is_translated_or_dropped_and_then_spoken_or_dropped(
    translators: list[list[str]], mouths: list[list[str]]
) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        reports, mixer, media = Reports(), BoothMixer(), FakeMedia()
        media.add_booth("es", ("::", 1), mixer)
        brains = [MoodyTranslator(f"brain{i}", *script) for i, script in enumerate(translators)]
        voices = [
            FakeSynthesizer(
                outcomes=deque(outcome(f"mouth{i}", death) for death in script),
                info=EngineInfo(f"mouth{i}", Stage.TTS, ("es",), True, "0BSD", True, "tests"),
            )
            for i, script in enumerate(mouths)
        ]
        async with running() as circuits:
            chain = Chain(
                "ann",
                "es",
                TranslatorChain(brains, circuits),
                voices,
                lambda: mixer,
                reports,
                loop.time,
                circuits=circuits,
            )
            ticking = asyncio.ensure_future(media.run())
            speaking = asyncio.ensure_future(chain.run())
            clauses = []
            for i in range(MT_DEPTH):  # so that none is merged
                clause = Clause("leg", i, "en", f"a{i} b{i}", 0, 16_000)
                clauses.append(clause.id)
                chain.offer(clause, ClauseTimes(loop.time(), loop.time(), loop.time(), loop.time()))
                await asyncio.sleep(1.0)
            chain.close()
            async with asyncio.timeout(MT_DEPTH * (BUDGET + 2 * 2 * TTS_DEADLINE + 1)):
                await speaking
            ticking.cancel()
            await asyncio.wait([ticking])
        translated_, spoken, dropped = (reports.of(what) for what in ("translated", "spoken", "dropped"))
        unheard = [clause for clause in clauses if clause not in spoken]
        assert sorted({*translated_, *dropped}) == clauses
        assert spoken == [clause for clause in clauses if clause in spoken]  # in order
        assert sorted(clause for clause in dropped if clause in unheard) == unheard  # each once, by whichever stage
        assert len(set(dropped)) == len(dropped)
        heard = " ".join(media.heard("es")).replace("es:", "").split()
        assert len(heard) == len(set(heard))  # nothing twice
        assert heard == sorted(heard, key=lambda word: (word[1], word[0]))
        assert all(f"{name}{clause.rpartition('/')[2]}" in heard for clause in spoken for name in "a")

    run(scenario())


def outcome(name: str, death: str) -> EngineError | str | None:
    errors: dict[str, EngineError] = {
        "crash": crashed(name),
        "deny": EngineDenied(name, "402: pay"),
        "busy": EngineBusy(name, "429", retry_after=3.0),
    }
    return None if death == "works" else errors.get(death, death)
