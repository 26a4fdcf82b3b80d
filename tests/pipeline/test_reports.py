"""What is told of every clause: one line in the log with its room and leg, one trace, and no word of what was said."""

from __future__ import annotations

import asyncio
from collections import deque

import pytest
import structlog
from structlog.testing import capture_logs
from tests.pipeline.fakes import FakeEngines, FakeTranslator, crashed
from tests.pipeline.hall import ROOM, hall
from tests.virtual_time import virtual_time

from dragoman.engines.mt.chain import TranslatorChain
from dragoman.pipeline.journey import Outcome

pytestmark = virtual_time


@pytest.fixture(autouse=True)
def _bare() -> None:
    structlog.contextvars.clear_contextvars()


async def test_a_spoken_clause_is_one_line_and_one_trace() -> None:
    with capture_logs() as lines:
        async with hall() as place:
            ann = place.join("ann", "en")
            place.join("bea", "es")
            place.say(ann, "good morning everybody")
            await place.passes(8)
            (trace,) = place.traces.last(ROOM)
    (line,) = [line for line in lines if line["event"] == "clause"]
    journey = trace.journey
    assert trace.outcome is Outcome.SPOKEN
    assert (line["outcome"], line["room"], line["leg"]) == ("spoken", ROOM, ann.leg.id)
    assert (line["clause"], line["source"], line["target"], line["trace"]) == (
        journey.clause, "en", "es", journey.trace_id,
    )  # fmt: skip
    assert line["engines"] == {"asr": "ears", "mt": "brain", "tts": "mouth"}
    assert sum(line["stages_ms"].values()) == pytest.approx(line["ear_voice_span_ms"], abs=8)  # each is rounded
    assert [span.name for span in trace.spans if not span.name.endswith("_wait")] == [
        "speech", "hangover", "asr", "segment", "mt", "tts", "playback", "booth",
    ]  # fmt: skip
    assert "morning" not in repr(lines) and "morning" not in repr(journey)


async def test_a_clause_for_readers_alone_and_one_that_nobody_could_translate() -> None:
    engines = FakeEngines(translator=FakeTranslator())
    with capture_logs() as lines:
        async with hall(engines) as place:
            ann = place.join("ann", "en")
            place.read("es")
            place.say(ann, "good morning")
            await place.passes(8)
            engines.translator.outcomes.append(crashed("brain"))
            place.say(ann, "good evening")
            await place.passes(8)
            outcomes = [trace.outcome for trace in place.traces.last(ROOM)]
    assert outcomes == [Outcome.READ, Outcome.DROPPED]
    read, dropped = [line for line in lines if line["event"] == "clause"]
    assert (read["outcome"], read["log_level"]) == ("read", "info")
    assert (dropped["outcome"], dropped["log_level"]) == ("dropped", "warning")
    assert "died" in dropped["why"]


async def test_the_trace_of_a_clause_that_failed_shows_the_engines_that_were_asked_in_vain() -> None:
    brain = FakeTranslator(outcomes=deque([crashed("brain")]))
    engines = FakeEngines(translator=TranslatorChain([brain]))  # type: ignore[arg-type]  # it translates as well
    engines.mouth.outcomes.append("stall")
    async with hall(engines) as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        place.say(ann, "good morning")
        await place.passes(8)
        engines.mouth.outcomes.extend(["stall"] * 20)
        place.say(ann, "good evening")
        await place.passes(8)
        brain.outcomes.extend([crashed("brain")] * 20)
        place.say(ann, "good night")
        await place.passes(8)
        late, unspoken, untranslated = place.traces.last(ROOM)
    assert [span.name for span in late.spans if "failed" in span.name] == ["mt_failed", "tts_failed"]
    assert [trace.outcome for trace in (unspoken, untranslated)] == [Outcome.DROPPED] * 2
    assert {span.name for span in unspoken.spans[-3:]} == {"tts_failed"}
    assert {span.name for span in untranslated.spans[-3:]} == {"mt_failed"}
    assert untranslated.end - untranslated.journey.times.committed > 1.5, "the seconds that it cost are seen"


async def test_a_clause_into_two_languages_has_two_traces() -> None:
    async with hall() as place:
        ann = place.join("ann", "en")
        place.join("bea", "es")
        place.join("cai", "ca")
        place.say(ann, "good morning")
        await place.passes(8)
        traces = place.traces.last(ROOM)
    assert {trace.journey.target for trace in traces} == {"es", "ca"}
    assert len({trace.journey.trace_id for trace in traces}) == 2
    assert len({trace.journey.clause for trace in traces}) == 1
    await asyncio.sleep(0)
