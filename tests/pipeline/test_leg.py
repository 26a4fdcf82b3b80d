from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.pipeline.fakes import Ears, FakeMedia, FakeRecognizer, FakeSynthesizer, FakeTranslator, crashed, spoken
from tests.pipeline.hall import translated
from tests.pipeline.test_chain import Reports
from tests.virtual_time import settled, virtual_time

from dragoman.engines.base import Hypothesis, Word
from dragoman.errors import EngineError
from dragoman.pipeline.booth import BoothMixer
from dragoman.pipeline.chain import Chain
from dragoman.pipeline.clause import Clause
from dragoman.pipeline.latency import ClauseTimes
from dragoman.pipeline.leg import SpeakingLeg
from dragoman.pipeline.pending import Pending
from dragoman.telephony.model import Leg

pytestmark = virtual_time

ANN = Leg("ann", 1, "1000", "en", "Ann")


@dataclass
class LegNotes:
    """LegReports."""

    partials: list[str] = field(default_factory=list)
    clauses: list[tuple[Clause, ClauseTimes]] = field(default_factory=list)
    failures: list[EngineError] = field(default_factory=list)
    crashes: int = 0
    lost: list[tuple[float, float]] = field(default_factory=list)

    def partial(self, leg: Leg, text: str) -> None:
        self.partials.append(text)

    def committed(self, leg: Leg, clause: Clause, times: ClauseTimes) -> None:
        self.clauses.append((clause, times))

    def recogniser_failed(self, leg: Leg, error: EngineError, behind_s: float) -> None:
        self.failures.append(error)

    def recogniser_changed(self, leg: Leg, before: str, after: str) -> None: ...

    def recogniser_missing(self, leg: Leg, error: EngineError) -> None: ...

    def pressed(self, leg: Leg, stage: str, seconds: float) -> None: ...

    def not_recognised(self, leg: Leg, start: float, end: float) -> None:
        self.lost.append((start, end))

    def chain_crashed(self, leg: Leg) -> None:
        self.crashes += 1


class Crashing(Reports):
    """Has a bug."""

    def translated(self, target: str, pending: Pending) -> None:
        raise ZeroDivisionError("a bug of ours")


class Desk:
    """One speaking leg; every language has a booth."""

    def __init__(self, recognizer: FakeRecognizer | None) -> None:
        loop = asyncio.get_running_loop()
        self.media = FakeMedia()
        self.mouth = FakeSynthesizer()
        self.translator = FakeTranslator()
        self.notes = LegNotes()
        self.reports: dict[str, Reports] = {}
        self.leg = SpeakingLeg(ANN, () if recognizer is None else (recognizer,), self._make, self.notes, loop.time)
        self.audio = self.media.add_leg("tap", ("::", 1), self.leg.recognition)
        self.leg.attach(self.audio)
        self.mixers: dict[str, BoothMixer] = {}
        for language in ("es", "ca"):
            self.mixers[language] = BoothMixer()
            self.media.add_booth(language, ("::", 1), self.mixers[language])

    def _make(self, leg: Leg, target: str) -> Chain:
        return Chain(
            leg.channel_id,
            target,
            self.translator,
            [self.mouth],
            lambda: self.mixers[target],
            self.reports.setdefault(target, Reports()),
            asyncio.get_running_loop().time,
        )

    def say(self, text: str) -> None:
        self.audio.coming = spoken(text)


@asynccontextmanager
async def desk(*ears: Ears, recognizer: bool = True) -> AsyncIterator[Desk]:
    """Ends with ``close``, after which the leg must end."""
    made = Desk(FakeRecognizer(*ears) if recognizer else None)
    running = asyncio.create_task(made.leg.run())
    ticking = asyncio.create_task(made.media.run())
    await settled()
    try:
        yield made
        made.leg.close()
        async with asyncio.timeout(30):
            await running
    finally:
        running.cancel()
        ticking.cancel()
        await asyncio.wait((running, ticking))


async def test_wanted_before_it_runs_it_begins_with_its_first_words() -> None:
    made = Desk(FakeRecognizer())
    made.leg.want({"es"}, source_captions=False)
    assert made.leg.chains == ()
    running, ticking = asyncio.create_task(made.leg.run()), asyncio.create_task(made.media.run())
    await settled()
    assert [chain.target for chain in made.leg.chains] == ["es"]
    made.say("hello")
    await asyncio.sleep(2)
    made.leg.close()
    await running
    assert made.media.heard("es") == translated("es", "hello")
    ticking.cancel()


async def test_each_wanted_language_has_one_chain() -> None:
    async with desk() as made:
        made.leg.want({"es"}, False)
        (es,) = made.leg.chains
        made.leg.want({"es", "ca"}, False)
        assert es in made.leg.chains
        assert {chain.target for chain in made.leg.chains} == {"es", "ca"}
        made.say("good morning")
        await asyncio.sleep(3)
        made.leg.want({"ca"}, False)
        assert [chain.target for chain in made.leg.chains] == ["ca"]
        made.say("good evening")
        await asyncio.sleep(3)
    assert made.media.heard("es") == translated("es", "good morning")
    assert made.media.heard("ca") == translated("ca", "good morning", "good evening")


async def test_targets_have_times_of_their_own() -> None:
    async with desk() as made:
        made.leg.want({"es", "ca"}, False)
        made.say("good morning")
        await asyncio.sleep(3)
        ((_, times),) = made.notes.clauses
        assert times.mt_begin is None  # the source's are not touched by any target


async def test_nothing_is_said_later_than_it_was_recognised() -> None:
    shifted = Ears(shift=32_000)  # a recogniser whose clock runs 2 s ahead
    async with desk(shifted) as made:
        made.leg.want({"es"}, False)
        made.say("good morning")
        await asyncio.sleep(3)
        ((_, times),) = made.notes.clauses
        assert times.said <= times.finalized <= times.recognised <= times.committed


async def test_a_failing_recogniser_is_reported() -> None:
    async with desk(Ears(open_error=crashed())) as made:
        made.leg.want({"es"}, False)
        made.say("good morning")
        await asyncio.sleep(3)
        assert len(made.notes.failures) == 1
        assert made.media.heard("es") == translated("es", "good morning")


async def test_a_chain_that_crashes_by_a_bug_begins_again_at_the_next_clause_and_touches_no_other_language() -> None:
    async with desk() as made:
        made.leg.want({"es", "ca"}, False)
        (crashing,) = [chain for chain in made.leg.chains if chain.target == "es"]
        crashing.mt_queue.merged = 2
        made.reports["es"] = Crashing()
        crashing._reports = made.reports["es"]
        made.say("good morning")
        await asyncio.sleep(3)
        assert made.notes.crashes == 1
        assert [chain.target for chain in made.leg.chains] == ["ca"]
        made.reports["es"] = Reports()
        made.say("good evening")
        await asyncio.sleep(1.7)
        assert crashing not in made.leg.chains
        assert {chain.target for chain in made.leg.chains} == {"es", "ca"}
        assert made.leg.totals()["merged_clauses"] == 2
    assert made.media.heard("es") == translated("es", "good evening")
    assert made.media.heard("ca") == translated("ca", "good morning", "good evening")
    assert made.notes.crashes == 1


async def test_a_chain_that_crashed_speaks_the_last_words_of_one_who_left() -> None:
    async with desk() as made:
        made.leg.want({"es"}, False)
        (crashing,) = made.leg.chains
        crashing._reports = Crashing()
        made.say("good morning")
        await asyncio.sleep(3)
        made.say("good bye")
        await asyncio.sleep(0.7)
    assert made.media.heard("es") == translated("es", "good bye")


async def test_who_left_is_wanted_as_he_was() -> None:
    async with desk() as made:
        made.leg.want({"es"}, False)
        made.say("good bye")
        await asyncio.sleep(0.7)
        made.leg.close()
        made.leg.close()
        made.leg.want((), False)  # the room is refreshed without him
        assert not made.leg.speaking
    assert made.media.heard("es") == translated("es", "good bye")


async def test_words_that_no_final_will_ever_confirm_are_spoken_as_they_are_known() -> None:
    async with desk(*[Ears(crash_on_finalize=True)] * 100) as made:
        made.leg.want({"es"}, False)
        made.say("good bye everybody")
        await asyncio.sleep(0.7)  # the third word has begun
    assert made.media.heard("es") == translated("es", "good bye")


async def test_a_hypothesis_that_comes_when_nobody_wants_it_any_more_is_not_kept() -> None:
    made = Desk(recognizer := FakeRecognizer())
    made.leg.want({"es"}, False)
    running, ticking = asyncio.create_task(made.leg.run()), asyncio.create_task(made.media.run())
    made.say("good morning everybody")
    await asyncio.sleep(0.5)
    (stream,) = recognizer.streams
    stream._queue.put_nowait(Hypothesis((Word("good", 0, 4800),), True, True, 4800))
    made.leg.want((), False)
    await settled()
    made.leg.want({"es"}, False)
    made.leg.close()
    await running
    assert [clause.text for clause, _ in made.notes.clauses] == ["morning"]  # said when it was wanted again
    ticking.cancel()


async def test_a_leg_without_a_recogniser_only_listens() -> None:
    async with desk(recognizer=False) as made:
        made.leg.want({"es"}, True)
        assert made.leg.chains == ()
        assert not made.leg.speaking


async def test_a_leg_that_ended_takes_no_new_wishes() -> None:
    made = Desk(FakeRecognizer())
    running = asyncio.create_task(made.leg.run())
    await settled()
    running.cancel()
    await asyncio.wait((running,))
    made.leg.want({"es"}, False)
    assert made.leg.chains == ()
    made.leg.close()
