"""What is under way when who speaks, listens or interprets goes: it is spoken, or told to be missing, each once."""

from __future__ import annotations

import pytest
from tests.pipeline.fakes import Ears, FakeEngines, FakeRecognizer, FakeSynthesizer, FakeTranslator
from tests.pipeline.hall import ROOM, Hall, Reader, hall, translated
from tests.virtual_time import virtual_time

from dragoman.media.format import SAMPLE_RATE, ms_to_samples
from dragoman.pipeline.captions import CaptionKind, GapCause
from dragoman.pipeline.chain import Chain
from dragoman.pipeline.journey import Outcome
from dragoman.pipeline.mending import LONGEST_S

pytestmark = virtual_time


async def talk(place: Hall, tap: object, clauses: int, seconds: float = 1.5) -> None:
    for number in range(clauses):
        place.say(tap, f"w{number} x{number}")  # type: ignore[arg-type]  # a Tap
        await place.passes(seconds)


def cut_off(reader: Reader) -> list[str]:
    told = reader.of(CaptionKind.DROPPED)
    assert {caption.note for caption in told} <= {"not spoken, or not whole: the interpretation ended before it"}
    return [caption.clause for caption in told]


async def test_what_a_speaker_said_in_an_outage_in_which_he_left_is_a_gap() -> None:
    ears = FakeRecognizer(Ears(crash_reader_at=2 * SAMPLE_RATE), *[Ears(open_hangs=True)] * 50)
    async with hall(FakeEngines(ears)) as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        reader = place.read("es")
        place.say(ann, "good")
        await place.passes(1.5)
        place.say(ann, "morning to you all")
        await place.passes(2)
        place.leave(ann)
        await place.passes(60)
        (gap,) = [gap for gap in reader.of(CaptionKind.GAP) if gap.cause is GapCause.NOT_RECOGNISED]
        assert gap.start_unix <= 1_001_001.5 and gap.end_unix >= 1_001_003.4, "all of it"
        assert place.heard("es") == translated("es", "good")


async def test_what_is_not_spoken_when_the_time_for_a_speaker_who_left_is_over_is_told() -> None:
    async with hall(FakeEngines(translator=FakeTranslator(delay=5.0))) as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        reader = place.read("es")
        await talk(place, ann, 8)
        place.leave(ann)
        await place.passes(60)
        assert place.heard("es") == translated("es", *(f"w{n} x{n}" for n in range(6)))
        assert cut_off(reader) == ["ann.1/7", "ann.1/8"]
        assert [trace.outcome for trace in place.traces.last(ROOM)] == [Outcome.SPOKEN] * 6 + [Outcome.DROPPED] * 2


async def test_what_a_chain_that_crashed_had_not_spoken_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    mouth = FakeSynthesizer(word=ms_to_samples(1500))
    async with hall(FakeEngines(mouth=mouth)) as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        reader = place.read("es")
        await talk(place, ann, 3)

        def bug(*_: object) -> None:
            raise ZeroDivisionError("a bug")

        with monkeypatch.context() as patch:
            patch.setattr(Chain, "_hand_on", bug)
            place.say(ann, "w3 x3")
            await place.passes(1.5)
        place.say(ann, "well done")
        await place.passes(6)
        assert cut_off(reader) == ["ann.1/2", "ann.1/3", "ann.1/4"], "in the middle, waiting, and being translated"
        assert place.heard("es")[:3] == translated("es", "w0 x0 w1")
        assert place.heard("es")[-2:] == translated("es", "well done")


async def test_no_trace_stays_open_when_the_last_listener_leaves() -> None:
    async with hall(FakeEngines(mouth=FakeSynthesizer(word=ms_to_samples(2500)))) as place:
        ann, bea = place.join("ann", "en"), place.join("bea", "es")
        await talk(place, ann, 5)
        place.leave(bea)
        await place.passes(1)
        traces = place.traces.last(ROOM)
        assert [trace.outcome for trace in traces] == [Outcome.SPOKEN] * 2 + [Outcome.DROPPED] * 3
        assert {trace.why for trace in traces[2:]} == {"nobody-listens"}
        assert place.measures.dropped == ["nobody-listens"] * 3


@pytest.mark.parametrize("at", [0.5, 1.2, 1.6, 2.0, 2.4])
@pytest.mark.parametrize("takes", [0.0, 0.15, 1.5])
async def test_a_listener_whose_tap_is_made_anew_misses_nothing(at: float, takes: float) -> None:
    async with hall(FakeEngines(mouth=FakeSynthesizer(word=ms_to_samples(400)))) as place:
        ann, bea = place.join("ann", "en"), place.join("bea", "es")
        place.say(ann, "w0 x0 y0 z0")
        await place.passes(at)
        bea = await place.repair(bea, takes)
        await place.passes(8)
        assert place.heard("es") == translated("es", "w0 x0 y0 z0")
        place.leave(bea)
        await place.passes(1)
        assert place.conference.legs[ann.leg.id].speaking.chains == (), "who leaves is waited for no more"


async def test_a_speaker_whose_tap_is_made_anew_was_not_heard_meanwhile_and_that_is_told() -> None:
    async with hall() as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        reader = place.read("es")
        await place.passes(1)
        again = await place.repair(ann, 1.5)
        place.say(again, "here again")
        await place.passes(4)
        (gap,) = reader.of(CaptionKind.GAP)
        assert (gap.note, gap.end_unix - gap.start_unix) == ("Ann was not heard for 1.5 s", pytest.approx(1.5))
        assert gap.cause == GapCause.NOT_HEARD
        assert place.heard("es") == translated("es", "here again")


async def test_who_leaves_while_his_tap_is_made_anew_is_not_waited_for_for_ever() -> None:
    async with hall() as place:
        ann, bea = place.join("ann", "en"), place.join("bea", "es")
        await place.passes(0.1)
        speaking = place.conference.legs[ann.leg.id].speaking
        place.conference.tap_closed(bea, lost=True)
        await place.passes(LONGEST_S - 0.1)
        assert [chain.target for chain in speaking.chains] == ["es"]
        await place.passes(0.2)
        assert speaking.chains == ()
        reader = place.read("en")
        await place.repair(ann, LONGEST_S + 2)
        await place.passes(0.1)
        assert [gap.note for gap in reader.of(CaptionKind.GAP)] == ["Ann was not heard for 7.0 s"], "of him who is back"
