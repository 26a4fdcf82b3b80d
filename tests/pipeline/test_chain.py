from __future__ import annotations

import asyncio
import gc
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import pytest
from tests.pipeline.fakes import FakeMedia, FakeSynthesizer, FakeTranslator, Skipping, crashed, rejected
from tests.pipeline.hall import translated
from tests.virtual_time import START, settled, virtual_time

from dragoman.engines.base import EngineInfo, SpeechRequest, Stage, Translation, TranslationRequest
from dragoman.engines.faults import CLOSE_DEADLINE
from dragoman.engines.mt.chain import BUDGET, DEADLINE, TranslatorChain
from dragoman.errors import EngineCrashed, EngineCutShort, EngineError, EngineTimeout
from dragoman.media.format import Pcm, ms_to_samples
from dragoman.pipeline.booth import READY_FRAMES, BoothMixer, Speech
from dragoman.pipeline.catchup import FAST
from dragoman.pipeline.chain import CONTEXT, MT_DEPTH, TTS_DEPTH, Chain, keep_tempo
from dragoman.pipeline.clause import Clause
from dragoman.pipeline.delivery import TTS_DEADLINE
from dragoman.pipeline.latency import STAGES, ClauseTimes
from dragoman.pipeline.pending import Pending
from dragoman.pipeline.ports import Stretcher
from dragoman.recovery.tts import LAST_S

pytestmark = virtual_time


@dataclass
class Reports:
    """ChainReports."""

    events: list[tuple[str, str]] = field(default_factory=list)
    """(what, clause id) in the order in which it was told."""
    pending: dict[str, Pending] = field(default_factory=dict)
    reasons: list[tuple[str, EngineError | None]] = field(default_factory=list)
    failed: list[tuple[str, EngineError]] = field(default_factory=list)
    pressure: list[tuple[str, float]] = field(default_factory=list)
    played_ids: list[str] = field(default_factory=list)
    read_ids: list[str] = field(default_factory=list)

    def translated(self, target: str, pending: Pending) -> None:
        self._note("translated", pending)

    def spoken(self, target: str, pending: Pending) -> None:
        self._note("spoken", pending)

    def played(self, target: str, pending: Pending) -> None:
        self.played_ids.append(pending.clause.id)

    def read(self, target: str, pending: Pending) -> None:
        self.read_ids.append(pending.clause.id)

    def dropped(self, target: str, pending: Pending, reason: str, error: EngineError | None) -> None:
        self._note("dropped", pending)
        self.reasons.append((reason, error))

    def engine_failed(self, stage: str, error: EngineError) -> None:
        self.failed.append((stage, error))

    def pressed(self, target: str, stage: str, seconds: float) -> None:
        self.pressure.append((stage, seconds))

    def _note(self, what: str, pending: Pending) -> None:
        self.events.append((what, pending.clause.id))
        self.pending[pending.clause.id] = pending

    def of(self, what: str) -> list[str]:
        return [clause for event, clause in self.events if event == what]


class Bench:
    """One chain at one booth that is ticked."""

    def __init__(
        self,
        translators: Sequence[FakeTranslator],
        *mouths: FakeSynthesizer,
        stretcher: Callable[[], Stretcher | None] = keep_tempo,
    ) -> None:
        self.stretcher = stretcher
        self.translator = translators[0]
        self.translators = TranslatorChain(translators)
        self.mouths = mouths
        self.mixer: BoothMixer | None = BoothMixer()
        self.booth = self.mixer
        self.reports = Reports()
        self.media = FakeMedia()
        self.media.add_booth("es", ("::", 1), self.booth)
        self.chain = self.make("ann")
        self.number = 0
        self.said = 0

    def make(self, speaker: str) -> Chain:
        loop = asyncio.get_running_loop()
        return Chain(
            speaker,
            "es",
            self.translators,
            self.mouths,
            lambda: self.mixer,
            self.reports,
            loop.time,
            stretcher=self.stretcher,
        )

    def offer(self, text: str, chain: Chain | None = None, ms: int = 0) -> str:
        """``ms``: how long it was said; clauses of no length are merged without end."""
        self.number += 1
        start = self.said
        self.said += ms_to_samples(ms)
        now = asyncio.get_running_loop().time()
        clause = Clause("leg", self.number, "en", text, start, self.said)
        (chain or self.chain).offer(clause, ClauseTimes(now - 0.65, now - 0.25, now, now))
        return clause.id

    @property
    def heard(self) -> list[str]:
        return self.media.heard("es")


def spare_mouth(*outcomes: EngineError | str) -> FakeSynthesizer:
    info = EngineInfo("spare", Stage.TTS, ("es",), True, "0BSD", True, "tests")
    return FakeSynthesizer(outcomes=deque(outcomes), info=info)


@asynccontextmanager
async def bench(
    *translators: FakeTranslator,
    mouth: FakeSynthesizer | None = None,
    spare: Sequence[FakeSynthesizer] = (),
    voice: bool = True,
    stretcher: Callable[[], Stretcher | None] = keep_tempo,
) -> AsyncIterator[Bench]:
    """Ends with ``close``, after which the chain must end with nothing left at the booth."""
    mouths = (mouth or FakeSynthesizer(), *spare) if voice else ()
    made = Bench(translators or (FakeTranslator(),), *mouths, stretcher=stretcher)
    running = asyncio.create_task(made.chain.run())
    ticking = asyncio.create_task(made.media.run())
    try:
        yield made
        made.chain.close()
        async with asyncio.timeout(60):
            await asyncio.wait((running,))
        if not running.cancelled():
            running.result()
    finally:
        running.cancel()
        ticking.cancel()
        await asyncio.wait((running, ticking))
    assert made.booth.speakers == ()
    assert made.booth.backlog == 0
    for each in made.mouths:
        assert each.closed == len(each.requests)


async def test_a_clause_is_translated_and_spoken_and_all_its_times_are_set() -> None:
    async with bench() as made:
        clause = made.offer("good morning")
        await asyncio.sleep(2)
        assert made.heard == translated("es", "good morning")
        assert made.reports.events == [("translated", clause), ("spoken", clause)]
        times = made.reports.pending[clause].times
        assert tuple(times.stages()) == STAGES
        assert sum(times.stages().values()) == pytest.approx(times.ear_voice_span)
        assert times.mt_end is not None and times.tts_first is not None and times.sent is not None
        assert START <= times.mt_end <= times.tts_first <= times.sent
        assert made.reports.played_ids == [clause] and times.played is not None and times.played > times.sent
        assert made.reports.read_ids == []


async def test_of_a_clause_that_nobody_hears_it_is_told_that_it_can_be_read() -> None:
    async with bench() as made:
        made.mixer = None
        clause = made.offer("good morning")
        await asyncio.sleep(2)
        assert made.reports.read_ids == [clause]
        assert made.reports.played_ids == [] and made.reports.of("spoken") == []


async def test_close_lets_what_was_said_be_spoken_to_its_last_frame() -> None:
    async with bench() as made:
        for text in ("one two", "three", "four five six"):
            made.offer(text)
    assert made.heard == translated("es", "one two", "three", "four five six")


async def test_the_translator_gets_the_last_clauses_as_context() -> None:
    async with bench() as made:
        for i in range(CONTEXT + 2):
            made.offer(f"clause{i}")
    last = made.translator.requests[-1]
    assert last.text == f"clause{CONTEXT + 1}"
    assert last.context == tuple(f"clause{i}" for i in range(1, CONTEXT + 1))


@pytest.mark.parametrize("first", ["hang", crashed("brain")])
async def test_a_translation_that_fails_is_tried_once_more(first: EngineError | str) -> None:
    async with bench(FakeTranslator(outcomes=deque([first]))) as made:
        made.offer("good morning")
        await asyncio.sleep(DEADLINE + 2)
        assert made.heard == translated("es", "good morning")
        assert made.reports.of("dropped") == []
        assert len(made.translator.requests) == 2


@pytest.mark.parametrize(("outcomes", "calls"), [(["hang"] * 3, 3), ([crashed("brain")] * 5, 5), ([rejected()], 1)])
async def test_a_clause_without_a_translation_is_dropped_with_its_reason_and_the_chain_goes_on(
    outcomes: list[EngineError | str | None], calls: int
) -> None:
    async with bench(FakeTranslator(outcomes=deque(outcomes))) as made:
        lost = made.offer("lost")
        kept = made.offer("kept")
        await asyncio.sleep(BUDGET + 2)
        assert len(made.translator.requests) == calls + 1
        assert made.reports.of("dropped") == [lost]
        assert made.reports.of("spoken") == [kept]
        ((reason, error),) = made.reports.reasons
        assert reason == "mt"
        assert isinstance(error, EngineTimeout if outcomes[0] == "hang" else EngineError)


async def test_a_translator_that_hangs_costs_no_clause_while_another_answers() -> None:
    hanging = FakeTranslator(name="hanging", outcomes=deque(["hang"] * 100))
    async with bench(hanging, FakeTranslator()) as made:
        clauses = [made.offer("one two"), made.offer("three")]
        await asyncio.sleep(4 * DEADLINE + 2)
        assert made.heard == translated("es", "one two", "three")
        assert made.reports.of("spoken") == clauses
        translations = [pending.translation for pending in made.reports.pending.values()]
        assert {translation.engine for translation in translations if translation} == {"brain"}


@pytest.mark.parametrize("failures", [["stall"], [crashed("mouth")], ["stall"] * 3, [crashed("mouth")] * 3])
async def test_a_synthesis_that_fails_before_its_first_sound_is_tried_again(failures: list[EngineError | str]) -> None:
    async with bench(mouth=FakeSynthesizer(outcomes=deque(failures))) as made:
        made.offer("good morning")
        await asyncio.sleep(LAST_S + 2)
        assert made.heard == translated("es", "good morning")
        assert made.reports.of("dropped") == []


@pytest.mark.parametrize("outcomes", [["stall"] * 4, [crashed("mouth")] * 4, [rejected("mouth")], ["empty"]])
async def test_a_clause_without_a_sound_is_dropped_and_does_not_stand_in_the_way(
    outcomes: list[EngineError | str | None],
) -> None:
    async with bench(mouth=FakeSynthesizer(outcomes=deque(outcomes))) as made:
        lost, kept = made.offer("lost"), made.offer("kept")
        await asyncio.sleep(LAST_S + 2)
        assert made.reports.of("dropped") == [lost]
        assert made.reports.of("spoken") == [kept]
        assert made.reports.reasons[0][0] == "tts"
        assert made.heard == translated("es", "kept")


@pytest.mark.parametrize(
    ("outcomes", "tries"),
    [(["stall", "stall"], 2), ([crashed("mouth")] * 2, 2), ([rejected("mouth")], 1), (["empty"], 1)],
)
async def test_a_synthesizer_without_a_sound_gives_way_to_the_next_within_the_clause(
    outcomes: list[EngineError | str | None], tries: int
) -> None:
    mouth, spare = FakeSynthesizer(outcomes=deque(outcomes)), spare_mouth()
    async with bench(mouth=mouth, spare=[spare]) as made:
        clauses = [made.offer("one two"), made.offer("three")]
        await asyncio.sleep(2 * TTS_DEADLINE + 2)
        assert made.heard == translated("es", "one two", "three")
        assert made.reports.of("spoken") == clauses
        assert [made.reports.pending[clause].voice for clause in clauses] == ["spare", "mouth"]
        assert (len(mouth.requests), len(spare.requests)) == (tries + 1, 1)
        assert [stage for stage, _ in made.reports.failed] == ["tts"] * tries


async def test_a_clause_that_no_synthesizer_speaks_is_dropped_once() -> None:
    mouth, spare = FakeSynthesizer(outcomes=deque(["stall"] * 2)), spare_mouth("stall", rejected("spare"))
    async with bench(mouth=mouth, spare=[spare]) as made:
        lost, kept = made.offer("lost"), made.offer("kept")
        await asyncio.sleep(3 * TTS_DEADLINE + 2)
        assert made.reports.of("dropped") == [lost]
        assert made.reports.of("spoken") == [kept]
        assert len(made.reports.failed) == 3  # the last failure is told with the clause


@pytest.mark.parametrize("outcome", ["stall-later", "crash-later"])
async def test_a_synthesis_that_fails_in_the_middle_is_cut_there_and_never_said_twice(outcome: str) -> None:
    async with bench(mouth=FakeSynthesizer(outcomes=deque([outcome])), spare=[spare_mouth()]) as made:
        cut, kept = made.offer("half of this"), made.offer("kept")
        await asyncio.sleep(TTS_DEADLINE + 3)
        assert made.heard == translated("es", "half", "kept")
        assert made.reports.of("spoken") == [cut, kept]
        assert made.reports.of("dropped") == [cut]


def cut_short(rest: str) -> EngineCutShort:
    return EngineCutShort("mouth", "broke off", rest)


async def test_what_a_synthesizer_says_is_left_is_spoken_by_the_next_one_in_the_same_clause() -> None:
    mouth, spare = FakeSynthesizer(outcomes=deque([cut_short("two-es three-es")])), spare_mouth()
    async with bench(mouth=mouth, spare=[spare]) as made:
        clauses = [made.offer("one two three"), made.offer("kept")]
        await asyncio.sleep(4)
        assert made.heard == [*translated("es", "one"), "two-es", "three-es", *translated("es", "kept")]
        assert made.reports.of("spoken") == clauses
        assert made.reports.of("dropped") == []
        assert [request.text for request in spare.requests] == ["two-es three-es"]
        assert made.reports.pending[clauses[0]].voice == "spare"
        assert [type(error) for _, error in made.reports.failed] == [EngineCutShort]


async def test_who_breaks_off_under_another_name_is_not_asked_again() -> None:
    broken = EngineCutShort("mouth's model", "broke off", "two-es")
    mouth, spare = FakeSynthesizer(outcomes=deque([broken] * 3)), spare_mouth()
    async with bench(mouth=mouth, spare=[spare]) as made:
        made.offer("one two")
        await asyncio.sleep(4)
        assert [request.text for request in spare.requests] == ["two-es"]
        assert len(mouth.requests) == 1


async def test_a_synthesizer_that_breaks_off_at_the_end_has_nobody_finish_it() -> None:
    mouth, spare = FakeSynthesizer(outcomes=deque([cut_short("")])), spare_mouth()
    async with bench(mouth=mouth, spare=[spare]) as made:
        clause = made.offer("one")
        await asyncio.sleep(2)
        assert made.heard == translated("es", "one")
        assert (made.reports.of("spoken"), made.reports.of("dropped")) == ([clause], [])
        assert spare.requests == []


async def test_what_is_left_is_lost_where_there_is_no_other_voice() -> None:
    async with bench(mouth=FakeSynthesizer(outcomes=deque([cut_short("two-es")]))) as made:
        cut, kept = made.offer("one two"), made.offer("kept")
        await asyncio.sleep(3)
        assert made.heard == translated("es", "one", "kept")
        assert made.reports.of("dropped") == [cut]
        assert kept in made.reports.of("spoken")


async def test_without_a_voice_the_clause_ends_as_a_caption() -> None:
    async with bench(voice=False) as made:
        clause = made.offer("good morning")
        await asyncio.sleep(1)
        assert made.reports.events == [("translated", clause), ("dropped", clause)]
        assert made.reports.reasons == [("no-voice", None)]


async def test_without_a_listener_nothing_is_synthesized_and_nothing_dropped() -> None:
    async with bench() as made:
        made.mixer = None
        clause = made.offer("only read")
        await asyncio.sleep(1)
        assert made.reports.events == [("translated", clause)]
        made.mixer = made.booth
        made.offer("now heard")
        await asyncio.sleep(2)
        assert made.heard == translated("es", "now heard")


async def test_what_waits_for_the_booth_when_its_listeners_leave_is_not_said_to_later_ones() -> None:
    async with bench() as made:
        made.offer("one two three four five")
        made.offer("waits")
        await asyncio.sleep(0.5)
        made.mixer = None
        await asyncio.sleep(1)
        made.mixer = made.booth
        made.offer("later")
        await asyncio.sleep(2)
        assert made.heard == translated("es", "one two three four five", "later")


async def test_a_full_booth_holds_translation_back_and_the_queue_merges_neighbours() -> None:
    async with bench(mouth=FakeSynthesizer(word=ms_to_samples(1500))) as made:
        spoken_at_once = 1 + TTS_DEPTH + 1 + MT_DEPTH  # in the mouth, before it, in the translator's hands, before it
        texts = [chr(ord("a") + i) for i in range(spoken_at_once + 4)]  # so short that nobody expects a long backlog
        for text in texts:
            made.offer(text)
            await asyncio.sleep(0.1)
            assert len(made.chain.mt_queue) <= MT_DEPTH
            assert len(made.chain.tts_queue) <= TTS_DEPTH
        assert made.chain.mt_queue.merged == 4
        await asyncio.sleep(40)
        assert made.heard == translated("es", *texts)
        merged = [pending.clause for pending in made.reports.pending.values() if pending.clause.merged]
        assert len(merged) == 1
        assert merged[0].merged == tuple(f"leg/{i}" for i in range(spoken_at_once + 1, spoken_at_once + 5))
        times = made.reports.pending[merged[0].id].times
        assert times.mt_begin is not None and times.committed <= times.mt_begin  # the last one's: all of it was said


async def test_far_behind_waiting_neighbours_are_translated_as_one_and_the_oldest_are_only_read() -> None:
    async with bench(mouth=FakeSynthesizer(word=ms_to_samples(1000))) as made:
        ids = []
        for i in range(12):
            ids.append(made.offer(" ".join(f"c{i}w{j}xxxxxxx" for j in range(5)), ms=5000))
            await asyncio.sleep(0.2)
        await asyncio.sleep(70)
    reports = made.reports
    dropped, reasons = reports.of("dropped"), {reason for reason, _ in reports.reasons}
    assert reasons == {"behind"} and made.chain.totals()["merged_clauses"] > 0
    assert reports.of("translated") == [clause for clause in ids if clause in reports.pending]  # those dropped too
    merged = [other for pending in reports.pending.values() for other in pending.clause.merged]
    assert sorted([*reports.pending, *merged]) == sorted(ids)
    assert sorted([*dropped, *reports.of("spoken")]) == sorted(reports.pending)
    assert reports.of("spoken")[-1] == list(reports.pending)[-1]  # the newest is always spoken
    spoken = [reports.pending[clause].clause.text for clause in reports.of("spoken")]
    assert made.heard == translated("es", *spoken)


async def test_a_clause_that_is_waited_for_is_spoken_faster_and_one_alone_is_not() -> None:
    async with bench(stretcher=Skipping) as made:
        made.offer("one two three four five six seven eight nine ten")  # 2 s
        await asyncio.sleep(3)
        assert made.chain.delivery.saved == 0
        made.offer("one two three four five six seven eight nine ten")
        made.offer("eleven")
        await asyncio.sleep(3)
        assert 0 < made.chain.delivery.saved <= ms_to_samples(4000 * (1 - 1 / FAST))
        assert made.heard == translated("es", *["one two three four five six seven eight nine ten"] * 2, "eleven")
        assert made.chain.meter.backlog == 0.0
        assert made.booth.underruns == 0


async def test_a_synthesizer_that_keeps_the_booth_waiting_is_told_and_played_more_slowly() -> None:
    async with bench(mouth=FakeSynthesizer(first=0.45), stretcher=Skipping) as made:
        made.offer("one two three")
        await asyncio.sleep(3)
        assert [stage for stage, _ in made.reports.pressure] == ["tts"]
        assert made.chain.delivery.saved < 0
        assert made.heard == translated("es", "one two three")


async def test_a_translation_that_took_too_long_is_told() -> None:
    async with bench(FakeTranslator(delay=1.1, outcomes=deque(["hang"]))) as made:
        made.offer("good morning")
        await asyncio.sleep(4)
        assert [stage for stage, _ in made.reports.pressure] == ["mt"]
        assert made.heard == translated("es", "good morning")


async def test_a_synthesizer_faster_than_speech_is_held_at_the_booth() -> None:
    async with bench(mouth=FakeSynthesizer(first=0.0)) as made:
        made.offer(" ".join(f"w{i}" for i in range(50)))  # 10 s
        for _ in range(100):
            await asyncio.sleep(0.1)
            assert all(speech.ready < 2 * READY_FRAMES for speech in made.chain.delivery._playing)
        await asyncio.sleep(2)
        assert len(made.heard) == 50
        assert made.booth.underruns == 0


async def test_two_speakers_over_each_other_are_both_heard_in_full() -> None:
    async with bench() as made:
        other = made.make("cai")
        running = asyncio.create_task(other.run())
        first = made.offer("one two three")
        await asyncio.sleep(0.2)
        second = made.offer("uno dos", other)
        together = 0
        for _ in range(60):
            await asyncio.sleep(0.02)
            together += len(made.booth.speakers) == 2
        assert together > 15
        assert made.reports.of("spoken") == [first, second]
        other.close()
        await running
        loud = np.abs(np.concatenate(made.media.said["es"]).astype(int))
        assert loud.max() > 0


@pytest.mark.parametrize("seconds", [0.05, 0.15, 0.3, 0.6, 1.0])
async def test_a_cancelled_chain_is_silent_at_once_wherever_its_clauses_were(seconds: float) -> None:
    async with bench() as made:
        other = made.make("cai")
        running = asyncio.create_task(other.run())
        for text in ("one two three", "four five", "six"):
            made.offer(text, other)
        await asyncio.sleep(seconds)
        made.mixer = None  # as it is when its last listener left
        running.cancel()
        await settled()
        before = made.heard
        assert made.booth.speakers == () and made.booth.backlog == 0
        await asyncio.sleep(2)
        assert made.heard == before
        made.mixer = made.booth
        made.offer("somebody else")
        await asyncio.sleep(2)
        assert made.heard[len(before) :] == translated("es", "somebody else")


@pytest.mark.parametrize(
    ("seconds", "synthesis"), [(0.15, None), (0.15, "stall"), (0.3, None), (0.3, "stall-later"), (1.0, None)]
)
async def test_a_booth_that_goes_away_frees_the_chain_for_who_comes_next(seconds: float, synthesis: str | None) -> None:
    async with bench(mouth=FakeSynthesizer(first=0.1, outcomes=deque([synthesis]))) as made:
        first = made.offer("one two three four five")
        await asyncio.sleep(seconds)
        made.media.remove_booth("es")
        made.mixer = None
        made.booth.clear()
        await settled()
        begun = list(made.heard)
        told = made.reports.of("spoken")
        made.booth = made.mixer = BoothMixer()
        made.media.add_booth("es", ("::", 1), made.booth)
        later = [made.offer(f"later{i}") for i in range(MT_DEPTH)]
        await asyncio.sleep(8)
        assert made.heard[len(begun) :] == translated("es", *(f"later{i}" for i in range(MT_DEPTH)))
        assert made.reports.of("spoken") == [*told, *later]
        assert made.reports.reasons == ([] if told else [("nobody-listens", None)])
        assert made.reports.of("dropped") == ([] if told else [first])
        assert not made.chain.delivery._playing


async def test_a_clause_that_waits_at_a_booth_that_goes_away_holds_no_chain_that_closes() -> None:
    async with bench() as made:
        other = made.make("ann")  # waits for what ann says through the other chain
        running = asyncio.create_task(other.run())
        made.offer("one two three four five six seven")
        await asyncio.sleep(0.5)
        waiting = made.offer("short", other)
        other.close()
        await asyncio.sleep(0.5)
        assert not running.done()
        made.media.remove_booth("es")
        made.booth.clear()
        await running
        assert made.reports.of("dropped") == [waiting]


async def test_a_synthesizer_that_does_not_let_go_is_counted_and_holds_the_next_clause_for_a_moment_only() -> None:
    async with bench(mouth=FakeSynthesizer(close_hangs=True)) as made:
        made.offer("one two three four five six seven eight")
        await asyncio.sleep(0.5)
        made.mixer = None
        made.booth.clear()
        await settled()
        begun = len(made.heard)
        made.mixer = made.booth
        made.offer("later")
        await asyncio.sleep(CLOSE_DEADLINE + 2)
        assert made.heard[begun:] == translated("es", "later")
        assert [(stage, type(error)) for stage, error in made.reports.failed] == [("tts", EngineTimeout)]
        assert made.reports.reasons == []


async def test_a_bug_in_an_engine_is_a_crash_of_that_engine_and_costs_the_clause_only() -> None:
    async with bench(FakeTranslator(outcomes=deque([*["bug"] * 5, None]))) as made:
        lost, said = made.offer("one two"), made.offer("three")
    assert made.reports.of("dropped") == [lost]
    assert made.reports.of("spoken") == [said]
    ((reason, error),) = made.reports.reasons
    assert reason == "mt" and isinstance(error, EngineCrashed) and "ZeroDivisionError" in str(error)


def speeches() -> list[Speech]:
    """All there are, garbage too."""
    return [each for each in gc.get_objects() if type(each) is Speech]


async def test_what_was_spoken_is_no_cycle_that_only_a_garbage_collector_frees() -> None:
    async with bench() as made:
        others = speeches()  # of tests before, whoever holds them
        gc.disable()
        try:
            for text in ("one two", "three", "four"):
                made.offer(text)
            await asyncio.sleep(0.3)
            assert len(speeches()) > len(others)
            await asyncio.sleep(3)
            assert made.heard == translated("es", "one two", "three", "four")
            assert [each for each in speeches() if each not in others] == []
        finally:
            gc.enable()


@pytest.mark.parametrize("given", [None, "hola", Translation(None, "brain")])  # type: ignore[arg-type]  # the fault
async def test_a_translator_that_gives_no_translation_costs_the_clause_only(given: object) -> None:
    class Odd(FakeTranslator):
        async def translate(self, request: TranslationRequest) -> Translation:
            made = await super().translate(request)
            return cast("Translation", given) if request.text == "one two" else made

    async with bench(Odd()) as made:
        lost, said = made.offer("one two"), made.offer("three")
    assert made.reports.of("dropped") == [lost]
    assert made.reports.of("spoken") == [said]
    ((reason, error),) = made.reports.reasons
    assert reason == "mt" and isinstance(error, EngineCrashed) and "gave" in str(error)


@pytest.mark.parametrize("given", [b"no samples", [0] * 320, np.zeros(320), np.zeros((320, 2), np.int16)], ids=str)
async def test_a_synthesizer_that_gives_no_sound_costs_the_clause_only(given: object) -> None:
    class Odd(FakeSynthesizer):
        async def synthesize(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
            if "three" not in request.text:
                yield cast("Pcm", given)
            async for pcm in super().synthesize(request):
                yield pcm

    async with bench(mouth=Odd()) as made:
        lost, said = made.offer("one two"), made.offer("three")
        await asyncio.sleep(2 * TTS_DEADLINE + 2)
        assert made.reports.of("dropped") == [lost]
        assert made.reports.of("spoken") == [said]
        assert made.heard == translated("es", "three")
    ((reason, error),) = made.reports.reasons
    assert reason == "tts" and isinstance(error, EngineCrashed) and "not mono int16" in str(error)
