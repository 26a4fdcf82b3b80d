"""Pins the whole leg at cloud engines' latencies: what was committed is spoken, once, in order."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pipeline.cloud import CloudRecognizer, Manner, cloud_engines, said
from tests.pipeline.fakes import FakeRecognizer, crashed, rejected
from tests.pipeline.hall import Hall, hall, translated
from tests.pipeline.test_clause import Talk, utterances
from tests.pipeline.test_leg import Desk
from tests.virtual_time import run, virtual_time

from dragoman.engines.base import Hypothesis
from dragoman.media.format import SAMPLE_RATE
from dragoman.pipeline.captions import CaptionKind
from dragoman.pipeline.catchup import FAST
from dragoman.pipeline.clause import Clause, ClauseSegmenter
from dragoman.pipeline.options import PipelineOptions

SPEECH = (
    "Good morning everybody. We have moved all the boxes upstairs, because the cellar is wet, and nobody has told us "
    "when the pump will come. Could you call them today? I think that we must wait for another week at least."
)
WAYS = [
    PipelineOptions(),
    PipelineOptions(by_clause=False),
    PipelineOptions(speculate=False),
    PipelineOptions(finalize_after_ms=0),
    PipelineOptions(speculate=False, by_clause=False, finalize_after_ms=0),
]


async def speak(place: Hall, text: str, seed: int) -> None:
    tap = place.join("ann", "en")
    place.join("bea", "es")
    pcm = said(text, Random(seed))
    place.media.legs[tap.channel_id].coming = pcm
    await place.passes(len(pcm) / SAMPLE_RATE + 10)


@virtual_time
@pytest.mark.parametrize("options", WAYS)
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_every_word_is_heard_once_and_in_order_however_hastily(options: PipelineOptions, seed: int) -> None:
    manner = Manner(revises=0.0)
    async with hall(cloud_engines(seed, manner), options) as place:
        reader = place.read("en")
        await speak(place, SPEECH, seed)
        assert place.heard("es") == translated("es", SPEECH)
        clauses = reader.texts(CaptionKind.CLAUSE)
        assert " ".join(clauses) == SPEECH
        counts, totals = place.reporter.clauses, place.conference.totals()
        assert counts == dict.fromkeys(("committed", "translated", "spoken"), len(clauses))
        assert totals["revised_words"] == totals["merged_clauses"] == totals["recognizer_restarts"] == 0
        assert totals["speculations_made"] == totals["speculations_confirmed"] + totals["speculations_dropped"]
        assert (totals["speculations_confirmed"] > 0) == options.speculate
        assert len(place.engines.translator.requests) == len(clauses) + totals["speculations_dropped"]
        for _, _, times, _ in place.measures.spoken:
            assert min(times.stages().values()) >= 0
            assert sum(times.stages().values()) == pytest.approx(times.ear_voice_span)


@virtual_time
async def test_a_clause_is_spoken_while_the_speaker_goes_on() -> None:
    async with hall(cloud_engines(1, Manner(revises=0.0))) as place:
        tap = place.join("ann", "en")
        place.join("bea", "es")
        pcm = said("we have moved all the boxes upstairs because the cellar is wet and the pump is broken again today")
        place.media.legs[tap.channel_id].coming = pcm
        await place.passes(len(pcm) / SAMPLE_RATE)
        heard = place.heard("es")
        assert heard[:3] == translated("es", "we have moved")
        assert place.ears.streams[0].finalized == []  # no pause, and so no final yet
        await place.passes(12)
        assert place.conference.totals()["early_words"] >= 7


async def _tempos(text: str, fastest: float = FAST) -> tuple[list[float], list[float]]:
    """Tempo in steps of 100 ms while this is interpreted, and the ear-voice span of each clause, seconds."""
    async with hall(cloud_engines(1, Manner(revises=0.0)), PipelineOptions(max_tempo=fastest)) as place:
        tap = place.join("ann", "en")
        place.join("bea", "es")
        place.media.legs[tap.channel_id].coming = said(text, Random(1))
        tempos = []
        for _ in range(round(len(said(text, Random(1))) / SAMPLE_RATE * 10) + 60):
            await place.passes(0.1)
            tempos += [lag.tempo for lag in place.conference.lags()]
        assert place.heard("es") == translated("es", text)
        return tempos, [times.ear_voice_span or 0.0 for _, _, times, _ in place.measures.spoken]


LONG, SHORT = "Nobody remembered yesterday whether somebody answered those difficult questions.", "We must go now."


@virtual_time
async def test_a_long_clause_is_hurried_for_a_short_one_behind_it() -> None:
    tempos, hurried = await _tempos(f"{LONG} {SHORT}")
    _, waited = await _tempos(f"{LONG} {SHORT}", fastest=1.0)
    assert max(tempos) > 1.2
    assert hurried[0] == waited[0] and hurried[1] < waited[1] - 0.2


@virtual_time
@pytest.mark.parametrize("text", [LONG, SHORT])
async def test_the_last_clause_is_not_hurried(text: str) -> None:
    tempos, _ = await _tempos(text)
    assert set(tempos) == {1.0}


@virtual_time
async def test_the_final_is_asked_at_a_short_pause_of_engines_that_allow_it() -> None:
    for early in (True, False):
        async with hall(cloud_engines(1, early=early)) as place:
            await speak(place, "we are done here", 1)
            (_, _, times, _) = place.measures.spoken[0]
            assert (times.recognised - times.said < 0.5) is early


@virtual_time
async def test_a_chain_that_crashed_begins_nothing_more() -> None:
    async with hall(cloud_engines(1, Manner(revises=0.0))) as place:
        tap = place.join("ann", "en")
        place.join("bea", "es")
        await place.passes(0.1)
        (chain,) = place.conference.legs[tap.leg.id].speaking.chains
        chain._reports = None  # type: ignore[assignment]  # whatever is told to it is a bug
        place.media.legs[tap.channel_id].coming = said("It rains again. Could you call them today? I must go now.")
        await place.passes(12)
        assert place.measures.crashed == 1
        assert place.heard("es")[-3:] == translated("es", "must go now.")


@virtual_time
@pytest.mark.parametrize("failing", ["translator", "mouth"])
async def test_engines_that_fail_ahead_cost_no_clause(failing: str) -> None:
    engines = cloud_engines(4, Manner(revises=0.0))
    outcomes = deque([crashed(failing), None, rejected(failing), None] if failing == "translator" else ["empty", None])
    getattr(engines, failing).outcomes = outcomes
    async with hall(engines) as place:
        await speak(place, "we are done here.", 4)
        assert place.heard("es") == translated("es", "we are done here.")
        assert place.measures.dropped == []


@virtual_time
async def test_who_leaves_in_the_middle_of_a_speculation_is_still_heard_and_leaves_nothing_running() -> None:
    async with hall(cloud_engines(1, Manner(revises=0.0))) as place:
        tap = place.join("ann", "en")
        place.join("bea", "es")
        pcm = said("Could you call them today?")
        place.media.legs[tap.channel_id].coming = pcm
        await place.passes(len(pcm) / SAMPLE_RATE + 0.4)
        place.leave(tap)
        await place.passes(5)
        assert place.heard("es") == translated("es", "Could you call them today?")


@virtual_time
async def test_the_last_listener_leaving_ends_what_was_begun_ahead() -> None:
    async with hall(cloud_engines(1, Manner(revises=0.0))) as place:
        tap = place.join("ann", "en")
        bea = place.join("bea", "es")
        pcm = said("Could you call them today?")
        place.media.legs[tap.channel_id].coming = pcm
        await place.passes(len(pcm) / SAMPLE_RATE + 0.4)
        place.leave(bea)
        await place.passes(3)
        assert place.heard("es") == []


@virtual_time
async def test_an_engine_whose_partials_are_not_to_be_trusted_is_left_as_it_is() -> None:
    ears = CloudRecognizer(1, agreement=0, early=False)
    engines = replace(cloud_engines(1), ears=ears)
    async with hall(engines) as place:
        text = " ".join(SPEECH.split()[:20])
        await speak(place, text, 1)
        totals = place.conference.totals()
        assert totals["speculations_made"] == totals["early_words"] == 0
        assert place.heard("es") == translated("es", text)


class Recorded(Talk):
    """Keeps the hypotheses too."""

    def hear(self, hypothesis: Hypothesis) -> None:
        self.hypotheses = [*getattr(self, "hypotheses", []), hypothesis]
        super().hear(hypothesis)


async def play(hypotheses: list[Hypothesis], random: Random) -> tuple[list[str], list[Clause], dict[str, int]]:
    """What the booth said and what was committed, when a recogniser says these at any times."""
    recognizer = FakeRecognizer()
    recognizer.info = replace(recognizer.info, interim_agreement=2)
    made = Desk(recognizer)
    made.mouth.word = 1600
    running, ticking = asyncio.create_task(made.leg.run()), asyncio.create_task(made.media.run())
    made.leg.want({"es"}, False)
    await asyncio.sleep(0)
    loop = asyncio.get_running_loop()
    for hypothesis in hypotheses:
        await asyncio.sleep(random.choice((0.0, 0.0, 0.05, 0.2, 0.4)))
        made.leg._on_hypothesis(hypothesis, loop.time(), loop.time())
    await asyncio.sleep(14)
    totals = made.leg.totals()
    made.leg.close()
    await running
    ticking.cancel()
    assert made.mouth.closed == len(made.mouth.requests)
    assert asyncio.all_tasks() <= {asyncio.current_task(), ticking}
    return made.media.heard("es"), [clause for clause, _ in made.notes.clauses], totals


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32))
def test_whatever_the_recogniser_says_what_is_committed_is_spoken_once_and_in_order(seed: int) -> None:
    random = Random(seed)
    talk = Recorded(random, ClauseSegmenter("leg", "en", agreement=2, by_clause=True))
    for words in utterances(random):
        talk.utter(words)
    heard, clauses, totals = run(play(talk.hypotheses, random))
    assert [clause.text for clause in clauses] == [clause.text for clause in talk.clauses]
    assert heard == translated("es", *(clause.text for clause in clauses))
    assert totals["speculations_made"] == totals["speculations_confirmed"] + totals["speculations_dropped"]
