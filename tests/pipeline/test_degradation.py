"""The ladder in a whole conference: engines fail and come back; what listeners then get, and what they are told."""

from __future__ import annotations

from collections import deque

import pytest
from tests.pipeline.fakes import (
    WORD,
    Ears,
    FakeEngines,
    FakeRecognizer,
    FakeSynthesizer,
    FakeTranslator,
    crashed,
    spoken,
)
from tests.pipeline.hall import ROOM, Hall, hall, translated, words
from tests.virtual_time import virtual_time

from dragoman.engines.base import EngineInfo, Stage
from dragoman.errors import EngineCutShort, EngineDenied, EngineError
from dragoman.media.format import Pcm
from dragoman.pipeline.captions import CaptionKind
from dragoman.pipeline.degradation import prompt_of
from dragoman.pipeline.journey import Outcome
from dragoman.recovery.ladder import PAUSE_S, Change, Rung
from dragoman.telephony.booth_prompts import NAMES
from dragoman.telephony.model import Leg

pytestmark = virtual_time

OWN = EngineInfo("own", Stage.TTS, ("en", "es"), True, "0BSD", True, "tests", clones=True)
FOREVER = 10_000


def broken(*error: Exception, times: int = FOREVER) -> deque[object]:
    return deque(error * times)


class Prompts:
    """What booths say of themselves: asked for, and short."""

    def __init__(self, sound: bool = False) -> None:
        self.said: list[str] = []
        self.sound = sound

    def get(self, language: str, name: str) -> Pcm | None:
        self.said.append(f"{language}/{name}")
        return spoken(self.said[-1]) if self.sound else None


class Changes:
    """What a conference told of its ladders."""

    def __init__(self, place: Hall) -> None:
        self.told: list[tuple[str, str, Rung]] = []
        place.conference.on_degraded = self.take

    def take(self, leg: Leg, target: str, change: Change) -> None:
        self.told.append((leg.channel_id, target, change.after))


def rungs(place: Hall) -> dict[tuple[str, str], Rung]:
    return {(each.leg.channel_id, each.target): each.rung for each in place.conference.degradation.standings(ROOM)}


async def talk(place: Hall, tap: object, clauses: int, first: int = 0) -> None:
    for number in range(first, first + clauses):
        place.say(tap, f"w{number}")  # type: ignore[arg-type]  # a Tap
        await place.passes(4)


async def test_a_synthesizer_that_fails_leaves_captions_and_is_back_when_it_works_again() -> None:
    mouth = FakeSynthesizer(outcomes=broken(crashed("mouth")))  # type: ignore[arg-type]  # errors
    prompts = Prompts(sound=True)
    async with hall(FakeEngines(mouth=mouth), prompts=prompts.get) as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        changes, reader = Changes(place), place.read("es")
        await talk(place, ann, 2)
        assert rungs(place)["ann", "es"] is Rung.CAPTIONS
        assert place.heard("es") == ["es/captions-only"]
        asked = len(mouth.requests)
        await talk(place, ann, 2, 2)
        assert len(mouth.requests) == asked, "on this rung nobody asks for a voice"
        assert reader.texts() == translated("es", "w0 w1 w2 w3")
        told = [caption.note for caption in reader.of(CaptionKind.DROPPED)]
        assert told[2:] == ["not spoken: there are captions only just now"] * 2, "who listens misses them"
        mouth.outcomes.clear()
        await talk(place, ann, 12, 4)
        assert rungs(place)["ann", "es"] is Rung.STOCK
        assert changes.told == [("ann", "es", Rung.CAPTIONS), ("ann", "es", Rung.STOCK)]
        assert place.heard("es").count("es/voice-again") == 1
        assert place.heard("es")[-1] == "es:w15"


async def test_a_translator_that_fails_leaves_the_original_at_full_level_until_it_works_again() -> None:
    translator = FakeTranslator(outcomes=broken(EngineDenied("brain", "403")))  # type: ignore[arg-type]  # errors
    prompts = Prompts()
    async with hall(FakeEngines(translator=translator), prompts=prompts.get) as place:
        ann, bea = place.join("ann", "en"), place.join("bea", "es")
        assert place.media.loud[place.booth_id("es")] == frozenset()
        await talk(place, ann, 2)
        assert rungs(place)["ann", "es"] is Rung.ORIGINAL
        assert place.media.loud[place.booth_id("es")] == {ann.channel_id}
        assert place.media.loud[place.booth_id("en")] == frozenset(), "only for those who do not understand him"
        assert prompts.said == ["es/original"]
        translator.outcomes.clear()
        place.engines.circuits.of(translator).succeeded()
        await talk(place, ann, 10, 2)
        assert rungs(place)["ann", "es"] is Rung.STOCK
        assert place.media.loud[place.booth_id("es")] == frozenset()
        assert place.conference.degradation.relays(bea.leg, "en") is False


async def test_a_speaker_without_a_recogniser_is_relayed_and_his_next_clause_brings_him_back() -> None:
    ears = FakeRecognizer(*[Ears(open_error=EngineDenied("ears", "402"))] * 3)
    prompts = Prompts()
    async with hall(FakeEngines(ears), prompts=prompts.get) as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        place.say(ann, "nobody hears this")
        await place.passes(8)
        assert rungs(place)["ann", "es"] is Rung.ORIGINAL
        assert place.media.loud[place.booth_id("es")] == {ann.channel_id}
        place.engines.circuits.of(ears).succeeded()
        ears.ears.clear()
        await place.passes(400)
        place.say(ann, "good morning")
        await place.passes(4)
        assert rungs(place)["ann", "es"] is Rung.STOCK
        assert place.media.loud[place.booth_id("es")] == frozenset()
        assert place.heard("es") == translated("es", "good morning")
        assert prompts.said == ["es/original", "es/voice-again"]


def deaf(*before: Ears) -> FakeRecognizer:
    """It refuses us, from the stream behind ``before`` on."""
    return FakeRecognizer(*before, *[Ears(open_error=EngineDenied("ears", "402"))] * 300)


async def test_what_was_recognised_before_the_recogniser_was_lost_is_no_sign_that_it_is_back() -> None:
    engines = FakeEngines(deaf(Ears(crash_reader_at=2 * WORD + 16_000)), FakeTranslator(delay=1.0))
    prompts = Prompts(sound=True)
    async with hall(engines, prompts=prompts.get) as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        changes = Changes(place)
        place.say(ann, "good")
        await place.passes(1.0)
        place.say(ann, "morning to you all")
        await place.passes(10)
        assert place.heard("es") == ["es/original", "es:good"], "what is still spoken does not bring a prompt"
        assert changes.told == [("ann", "es", Rung.ORIGINAL)]
        assert place.media.loud[place.booth_id("es")] == {ann.channel_id}


async def test_who_comes_to_listen_while_a_speaker_has_no_recogniser_hears_himself_too() -> None:
    ears = deaf()
    async with hall(FakeEngines(ears)) as place:
        ann, bea = place.join("ann", "en"), place.join("bea", "es")
        place.say(ann, "nobody hears this")
        await place.passes(8)
        place.join("cai", "ca")
        await place.passes(1)
        assert place.media.loud[place.booth_id("ca")] == {ann.channel_id}, "in a language that nobody listened in"
        place.leave(bea)
        await place.passes(1)
        place.join("bob", "es")
        await place.passes(1)
        assert place.media.loud[place.booth_id("es")] == {ann.channel_id}, "in one that nobody listened in any more"
        place.engines.circuits.of(ears).succeeded()
        ears.ears.clear()
        await place.passes(400)
        place.say(ann, "good morning")
        await place.passes(4)
        assert place.media.loud[place.booth_id("ca")] == place.media.loud[place.booth_id("es")] == frozenset()


async def test_who_is_recognised_again_while_nobody_needs_a_translation_is_interpreted_for_those_who_come() -> None:
    ears = deaf()
    prompts = Prompts()
    async with hall(FakeEngines(ears), prompts=prompts.get) as place:
        ann, reader = place.join("ann", "en"), place.read("en")
        await talk(place, ann, 1)
        place.engines.circuits.of(ears).succeeded()
        ears.ears.clear()
        await place.passes(400)
        await talk(place, ann, 3, 1)
        assert words(each.text for each in reader.of(CaptionKind.CLAUSE)) == ["w1", "w2", "w3"]
        place.join("bea", "es")
        await place.passes(1)
        assert rungs(place)["ann", "es"] is Rung.STOCK
        assert place.media.loud[place.booth_id("es")] == frozenset()
        await talk(place, ann, 1, 4)
        assert place.heard("es") == ["es:w4"] and prompts.said == []


async def test_who_comes_to_listen_to_a_leg_that_ended_by_a_bug_hears_it_itself() -> None:
    async with hall() as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        await talk(place, ann, 1)

        def bug(*_: object) -> None:
            raise ZeroDivisionError("a bug")

        place.conference.legs[ann.leg.id].speaking._segmenter.feed = bug  # type: ignore[assignment,method-assign]
        await talk(place, ann, 1, 1)
        assert place.media.loud[place.booth_id("es")] == {ann.channel_id}
        place.join("cai", "ca")
        await place.passes(1)
        assert place.media.loud[place.booth_id("ca")] == {ann.channel_id}


@pytest.mark.parametrize("outcome", ["stall-later", EngineCutShort("mouth", "broke off", "the rest")], ids=str)
async def test_a_voice_that_breaks_off_in_every_clause_gives_way_to_captions(outcome: EngineError | str) -> None:
    mouth = FakeSynthesizer(outcomes=deque([outcome] * FOREVER))
    prompts = Prompts(sound=True)
    async with hall(FakeEngines(mouth=mouth), prompts=prompts.get) as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        for number in range(2):
            place.say(ann, f"w{number} and more")
            await place.passes(6)
        assert rungs(place)["ann", "es"] is Rung.CAPTIONS
        assert place.heard("es") == ["es:w0", "es:w1", "es/captions-only"]
        traces = place.traces.last(ROOM)
        assert [trace.outcome for trace in traces] == [Outcome.DROPPED] * 2, "not spoken: half of it is missing"


async def test_a_prompt_is_said_again_at_once_where_the_opposite_was_said_since() -> None:
    prompts = Prompts(sound=True)
    async with hall(prompts=prompts.get) as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        await place.passes(0.1)
        for number in range(2):
            place.conference.degradation.lost(ann.leg, "gone")
            await place.passes(0.1)
            await talk(place, ann, 1, number)
        assert place.heard("es") == ["es/original", "es:w0", "es/voice-again", "es/original", "es:w1"]


async def test_a_language_that_no_engine_hears_is_relayed_from_the_start_without_a_word() -> None:
    prompts = Prompts()
    async with hall(FakeEngines(FakeRecognizer(languages="en")), prompts=prompts.get) as place:
        place.join("bea", "en")
        eva = place.join("eva", "es")
        assert place.media.loud[place.booth_id("en")] == {eva.channel_id}
        await place.passes(2)
        assert prompts.said == []


async def test_the_own_voice_gives_way_to_another_and_comes_back() -> None:
    own = FakeSynthesizer(info=OWN, outcomes=deque())
    spare = FakeSynthesizer()
    engines = FakeEngines(mouth=own, spare=(spare,))
    prompts = Prompts()
    async with hall(engines, prompts=prompts.get) as place:
        place.voiced.add("ann")
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        changes = Changes(place)
        await talk(place, ann, 1)
        assert rungs(place)["ann", "es"] is Rung.CLONED
        own.outcomes.extend([crashed("own")] * FOREVER)
        await talk(place, ann, 2, 1)
        assert rungs(place)["ann", "es"] is Rung.STOCK
        assert place.heard("es") == translated("es", "w0 w1 w2")
        asked = len(own.requests)
        await talk(place, ann, 1, 3)
        assert len(own.requests) == asked, "the other voice is asked first by now"
        own.outcomes.clear()
        engines.circuits.of(own).succeeded()
        await talk(place, ann, round(PAUSE_S), 4)
        assert rungs(place)["ann", "es"] is Rung.CLONED
        assert [rung for _, _, rung in changes.told] == [Rung.STOCK, Rung.CLONED]
        assert prompts.said == ["es/other-voice", "es/own-voice"]


async def test_without_a_profile_it_begins_with_another_voice_and_nobody_is_told_when_one_comes() -> None:
    own = FakeSynthesizer(info=OWN)
    prompts = Prompts()
    async with hall(FakeEngines(mouth=own), prompts=prompts.get) as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        changes = Changes(place)
        await talk(place, ann, 3)
        assert rungs(place)["ann", "es"] is Rung.STOCK
        place.voiced.add("ann")
        await talk(place, ann, 1, 3)
        assert rungs(place)["ann", "es"] is Rung.CLONED
        place.voiced.clear()
        await talk(place, ann, 1, 4)
        assert rungs(place)["ann", "es"] is Rung.STOCK
        assert changes.told == [] and prompts.said == []


async def test_an_engine_that_fails_for_all_is_told_once_at_each_booth() -> None:
    translator = FakeTranslator(outcomes=broken(EngineDenied("brain", "403")))  # type: ignore[arg-type]  # errors
    prompts = Prompts(sound=True)
    async with hall(FakeEngines(translator=translator), prompts=prompts.get) as place:
        taps = [place.join(name, "en") for name in ("ann", "amy", "abe")]
        place.join("bea", "es")
        for number in range(2):
            for tap in taps:
                place.say(tap, f"w{number}")
            await place.passes(4)
        assert set(rungs(place).values()) == {Rung.ORIGINAL, Rung.STOCK}  # bea has said nothing
        assert place.media.loud[place.booth_id("es")] == {tap.channel_id for tap in taps}
        assert place.heard("es") == ["es/original"]
        assert prompts.said == ["es/original"] * 3, "each asked for, said once"


async def test_who_leaves_takes_his_ladders_with_him() -> None:
    async with hall() as place:
        ann, bea = place.join("ann", "en"), place.join("bea", "es")
        await talk(place, ann, 1)
        assert set(rungs(place)) == {("ann", "es"), ("bea", "en")}
        place.leave(bea)
        assert set(rungs(place)) <= {("bea", "en")}
        place.leave(ann)
        await place.passes(60)
        assert rungs(place) == {}


@pytest.mark.parametrize("before", Rung)
@pytest.mark.parametrize("after", Rung)
def test_every_change_has_a_prompt(before: Rung, after: Rung) -> None:
    assert prompt_of(Change(before, after, "")) in NAMES
