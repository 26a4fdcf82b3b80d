"""Pins what is begun ahead, that it costs no audio when it is dropped, and that nothing is translated twice."""

from __future__ import annotations

import asyncio
from collections import deque

import pytest
from tests.pipeline.fakes import FakeSynthesizer, FakeTranslator, crashed
from tests.pipeline.hall import translated
from tests.pipeline.test_chain import Bench, bench, spare_mouth
from tests.virtual_time import settled, virtual_time

from dragoman.errors import EngineCutShort, EngineError
from dragoman.media.format import ms_to_samples
from dragoman.pipeline.booth import READY_FRAMES
from dragoman.pipeline.chain import Chain
from dragoman.pipeline.clause import Clause
from dragoman.pipeline.completeness import Foreseen
from dragoman.pipeline.latency import STAGES
from dragoman.pipeline.speculation import MAX_ALIVE, PATIENCE
from dragoman.recovery.tts import AGAIN_S

pytestmark = virtual_time


async def foresee(made: Bench, *texts: str, complete: bool = True, chain: Chain | None = None) -> None:
    await settled()  # the chain runs, and what was begun before has begun
    (chain or made.chain).foresee(
        [Foreseen(Clause("leg", 0, "en", text, 0, ms_to_samples(1000)), complete) for text in texts]
    )


def counts(made: Bench) -> tuple[int, int, int]:
    """Made, confirmed, dropped."""
    totals = made.chain.totals()
    return tuple(totals[f"speculations_{what}"] for what in ("made", "confirmed", "dropped"))  # type: ignore[return-value]  # three


async def test_what_was_begun_ahead_is_silent_until_it_is_confirmed_and_sounds_at_once() -> None:
    async with bench() as made:
        await foresee(made, "good morning")
        await asyncio.sleep(1)
        assert made.heard == []
        assert made.reports.events == []
        clause = made.offer("good morning")
        await asyncio.sleep(0.05)
        assert made.heard[:1] == translated("es", "good")
        await asyncio.sleep(2)
        assert made.heard == translated("es", "good morning")
        assert made.reports.events == [("translated", clause), ("spoken", clause)]
        assert len(made.translator.requests) == len(made.mouths[0].requests) == 1
        assert counts(made) == (1, 1, 0)


async def test_the_times_of_a_clause_begun_ahead_add_up_and_none_is_negative() -> None:
    async with bench() as made:
        await foresee(made, "good morning")
        await asyncio.sleep(0.15)  # in the middle of its synthesis
        clause = made.offer("good morning")
        await asyncio.sleep(2)
        times = made.reports.pending[clause].times
        stages = times.stages()
        assert tuple(stages) == STAGES
        assert min(stages.values()) >= 0
        assert sum(stages.values()) == pytest.approx(times.ear_voice_span)
        assert stages["mt"] == 0  # done before anybody waited for it
        assert stages["tts"] == pytest.approx(0.05)
        assert made.reports.pending[clause].voice == "mouth"


@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.15, 0.5])
async def test_a_revised_clause_is_dropped_wherever_it_was_and_costs_no_audio(seconds: float) -> None:
    async with bench() as made:
        await foresee(made, "good mourning")
        await asyncio.sleep(seconds)
        await foresee(made, "good morning")
        made.offer("good morning")
        await asyncio.sleep(2)
        assert made.heard == translated("es", "good morning")
        assert counts(made) == (2, 1, 1)
        assert made.reports.of("dropped") == []


async def test_no_more_is_synthesized_ahead_than_may_lie_ready() -> None:
    mouth = FakeSynthesizer(word=ms_to_samples(40))
    given = 0
    speak = mouth.synthesize

    async def counting(request):  # type: ignore[no-untyped-def]  # as FakeSynthesizer.synthesize
        nonlocal given
        async for pcm in speak(request):
            given += len(pcm)
            yield pcm

    mouth.synthesize = counting  # type: ignore[method-assign]  # counts what it gives
    async with bench(mouth=mouth) as made:
        text = " ".join(f"w{i}" for i in range(50))
        await foresee(made, text)
        await asyncio.sleep(1)
        assert given == ms_to_samples(20 * READY_FRAMES)
        made.offer(text)
        await asyncio.sleep(4)
        assert made.heard == translated("es", text)


@pytest.mark.parametrize("text", ["Good morning, everybody!", "good morning everybody"])
async def test_capitals_and_punctuation_are_no_revision(text: str) -> None:
    async with bench() as made:
        await foresee(made, "good morning everybody")
        await foresee(made, "Good morning everybody.")
        await asyncio.sleep(0.5)
        made.offer(text)
        await asyncio.sleep(2)
        assert made.heard == translated("es", "good morning everybody")
        assert len(made.translator.requests) == 1


async def test_what_is_revised_back_is_not_translated_again() -> None:
    async with bench() as made:
        await foresee(made, "good morning")
        await asyncio.sleep(0.15)
        await foresee(made, "good mourning")
        await asyncio.sleep(0.15)
        await foresee(made, "good morning")
        made.offer("good morning")
        await asyncio.sleep(2)
        assert made.heard == translated("es", "good morning")
        assert [request.text for request in made.translator.requests] == ["good morning", "good mourning"]


async def test_what_only_may_be_complete_is_not_begun_but_keeps_what_was() -> None:
    async with bench() as made:
        await foresee(made, "good morning", complete=False)
        assert counts(made) == (0, 0, 0)
        await foresee(made, "good morning")
        await foresee(made, "good morning", complete=False)
        assert counts(made) == (1, 0, 0)


async def test_at_most_so_many_are_alive() -> None:
    async with bench() as made:
        await foresee(made, *(f"clause {i}" for i in range(MAX_ALIVE + 2)))
        await asyncio.sleep(1)
        assert counts(made) == (MAX_ALIVE, 0, 0)
        assert len(made.translator.requests) == MAX_ALIVE


async def test_clauses_keep_their_order_whichever_was_ready_first() -> None:
    async with bench() as made:
        await foresee(made, "it rains", "take a coat")
        await asyncio.sleep(1)
        made.offer("something else")  # committed earlier, never foreseen
        made.offer("it rains")
        made.offer("take a coat")
        await asyncio.sleep(5)
        assert made.heard == translated("es", "something else", "it rains", "take a coat")
        assert made.booth.underruns == 0


async def test_while_clauses_wait_nothing_is_begun() -> None:
    async with bench() as made:
        for i in range(4):
            made.offer(f"a b c d {i}")
        await asyncio.sleep(1)
        await foresee(made, "good morning")
        assert counts(made)[0] == 0


@pytest.mark.parametrize("ahead", ["hang", crashed("brain"), "bug"])
async def test_a_translation_that_fails_ahead_costs_nothing(ahead: EngineError | str) -> None:
    async with bench(FakeTranslator(outcomes=deque([ahead, ahead]))) as made:
        await foresee(made, "good morning")
        await asyncio.sleep(5)
        clause = made.offer("good morning")
        await asyncio.sleep(2)
        assert made.heard == translated("es", "good morning")
        assert made.reports.of("dropped") == []
        assert made.reports.of("spoken") == [clause]


@pytest.mark.parametrize("ahead", ["stall", crashed("mouth"), "empty"])
async def test_a_synthesis_that_fails_ahead_costs_nothing(ahead: EngineError | str) -> None:
    async with bench(mouth=FakeSynthesizer(outcomes=deque([ahead]))) as made:
        await foresee(made, "good morning")
        await asyncio.sleep(1)
        made.offer("good morning")
        await asyncio.sleep(2)
        assert made.heard == translated("es", "good morning")
        assert made.reports.of("dropped") == []
        assert len(made.translator.requests) == 1


async def test_a_voice_that_fails_ahead_is_asked_again_300_ms_after_it_was_asked() -> None:
    async with bench(mouth=FakeSynthesizer(outcomes=deque([crashed("mouth")]))) as made:
        await foresee(made, "good morning")
        (mouth,) = made.mouths
        while not mouth.requests:
            await asyncio.sleep(0.01)
        made.offer("good morning")
        await asyncio.sleep(AGAIN_S - 0.05)
        assert len(mouth.requests) == 1
        await asyncio.sleep(0.1)
        assert len(mouth.requests) == 2
        await asyncio.sleep(2)
        assert made.heard == translated("es", "good morning")


async def test_a_synthesis_begun_ahead_that_breaks_off_is_cut_there_and_never_said_twice() -> None:
    async with bench(mouth=FakeSynthesizer(outcomes=deque(["crash-later"]))) as made:
        await foresee(made, "half of this")
        await asyncio.sleep(0.15)
        cut = made.offer("half of this")
        await asyncio.sleep(3)
        assert made.heard == translated("es", "half")
        assert made.reports.of("dropped") == [cut]


@pytest.mark.parametrize("rest", ["of-es", ""])
async def test_what_a_synthesis_begun_ahead_leaves_is_spoken_by_the_next_one(rest: str) -> None:
    mouth = FakeSynthesizer(outcomes=deque([EngineCutShort("mouth", "broke off", rest)]))
    async with bench(mouth=mouth, spare=[spare_mouth()]) as made:
        await foresee(made, "half of")
        await asyncio.sleep(0.15)
        clause = made.offer("half of")
        await asyncio.sleep(3)
        assert made.heard == translated("es", "half") + rest.split()
        assert (made.reports.of("spoken"), made.reports.of("dropped")) == ([clause], [])


async def test_audio_that_nobody_confirms_is_let_go_and_made_again_when_somebody_does() -> None:
    async with bench() as made:
        await foresee(made, "good morning")
        await asyncio.sleep(PATIENCE + 1)
        assert made.mouths[0].closed == 1
        made.offer("good morning")
        await asyncio.sleep(2)
        assert made.heard == translated("es", "good morning")
        assert len(made.translator.requests) == 1


async def test_confirmed_audio_waits_for_its_turn_however_long_that_takes() -> None:
    async with bench() as made:
        long = " ".join(f"w{i}" for i in range(60))  # 12 s
        made.offer(long)
        await asyncio.sleep(1)
        await foresee(made, "good morning")
        made.offer("good morning")
        await asyncio.sleep(14)
        assert made.heard == translated("es", long, "good morning")
        assert len(made.mouths[0].requests) == 2


async def test_without_a_listener_only_the_translation_is_begun() -> None:
    async with bench() as made:
        made.mixer = None
        await foresee(made, "only read")
        await asyncio.sleep(1)
        assert made.mouths[0].requests == []
        clause = made.offer("only read")
        await settled()
        assert made.reports.events == [("translated", clause)]


@pytest.mark.parametrize("seconds", [0.05, 0.15, 0.5])
async def test_a_chain_that_closes_or_is_cancelled_leaves_nothing_running(seconds: float) -> None:
    async with bench() as made:
        await foresee(made, "good day")
        before = asyncio.all_tasks()
        other = made.make("cai")
        running = asyncio.create_task(other.run())
        await foresee(made, "good morning", "good bye", chain=other)
        await asyncio.sleep(seconds)
        running.cancel()
        await settled()
        assert asyncio.all_tasks() == before
    assert made.heard == []
    assert counts(made) == (1, 0, 1)


async def test_a_clause_merged_with_its_neighbour_forgets_what_was_begun() -> None:
    async with bench() as made:
        await foresee(made, "good morning")
        await settled()
        for i in range(20):
            made.offer(f"w{i}")
        made.offer("good morning")
        await asyncio.sleep(15)
        assert made.heard == translated("es", *(f"w{i}" for i in range(20)), "good morning")
        assert made.chain.mt_queue.merged > 0


async def test_what_the_translator_is_told_of_the_last_clauses_is_the_same_ahead() -> None:
    async with bench(FakeTranslator(delay=0.5)) as made:
        made.offer("it rains")
        await asyncio.sleep(0.1)
        await foresee(made, "take a coat")
        await settled()
        assert [(request.text, request.context) for request in made.translator.requests] == [
            ("it rains", ()),
            ("take a coat", ("it rains",)),
        ]


async def test_the_rate_of_speech_is_learnt_of_what_was_begun_ahead_too() -> None:
    async with bench(mouth=FakeSynthesizer(word=ms_to_samples(2000))) as made:
        before = made.chain.meter.open(10)
        expected = made.chain.meter.left(before)
        await foresee(made, "hm")
        await asyncio.sleep(1)
        made.offer("hm")
        await asyncio.sleep(4)
        assert counts(made) == (1, 1, 0)
        assert made.chain.meter.left(before) > expected
        before.close()
