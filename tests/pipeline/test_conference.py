from __future__ import annotations

import asyncio
import gc
import weakref
from collections import deque

import pytest
from tests.pipeline.fakes import (
    Ears,
    FakeEngines,
    FakeMeasures,
    FakeRecognizer,
    FakeStream,
    FakeSynthesizer,
    runs,
    word_of,
)
from tests.pipeline.hall import ROOM, hall, translated, words
from tests.virtual_time import settled, virtual_time

from dragoman.engines.base import EngineInfo, Stage, StreamRequest
from dragoman.errors import EngineBusy, EngineCrashed
from dragoman.media.format import SAMPLE_RATE, Pcm
from dragoman.pipeline.captions import CaptionKind, GapCause, up_to
from dragoman.pipeline.feed import PREROLL
from dragoman.pipeline.leg import DRAIN_DEADLINE
from dragoman.pipeline.recognition import RESTART_DELAYS
from dragoman.telephony.model import Booth

PREROLL_S = PREROLL / SAMPLE_RATE

pytestmark = virtual_time


def said_in(frame: Pcm) -> list[str]:
    return [word_of(value) for value, _, _ in runs(frame)]


async def test_what_one_says_is_spoken_in_the_language_of_the_other() -> None:
    async with hall() as place:
        ann, bea = place.join("ann", "en"), place.join("bea", "es")
        place.say(ann, "good morning everybody")
        await place.passes(4)
        assert place.heard("es") == translated("es", "good morning everybody")
        assert place.heard("en") == []
        place.say(bea, "buenos dias")
        await place.passes(4)
        assert place.heard("en") == translated("en", "buenos dias")
        assert place.reporter.clauses == {"committed": 2, "translated": 2, "spoken": 2}


async def test_the_audio_of_who_left_is_not_kept_until_a_garbage_collector_comes() -> None:
    async with hall() as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        audio = weakref.ref(place.media.legs[ann.channel_id])
        place.say(ann, "good morning everybody")
        await place.passes(4)
        assert place.heard("es") == translated("es", "good morning everybody")
        gc.disable()
        try:
            place.leave(ann)
            await place.passes(DRAIN_DEADLINE)
            assert audio() is None
        finally:
            gc.enable()


async def test_a_room_of_one_language_opens_no_recogniser() -> None:
    async with hall() as place:
        ann, _ = place.join("ann", "en"), place.join("amy", "en")
        place.say(ann, "good morning")
        await place.passes(4)
        assert place.ears.streams == []
        assert place.reporter.clauses == {}


async def test_two_rooms_do_not_hear_each_other() -> None:
    async with hall() as place:
        ann = place.join("ann", "en", "1000")
        place.join("bea", "es", "2000")
        place.say(ann, "good morning")
        await place.passes(4)
        assert place.ears.streams == []
        place.join("eva", "es", "1000")
        place.say(ann, "good evening")
        await place.passes(4)
        assert place.heard("es", "1000") == translated("es", "good evening")
        assert place.heard("es", "2000") == []


async def test_a_second_language_gets_what_is_said_from_then_on() -> None:
    async with hall() as place:
        ann = place.join("ann", "en")
        place.say(ann, "nobody needs this one")
        await place.passes(4)
        place.join("bea", "es")
        place.say(ann, "but this one")
        await place.passes(4)
        assert place.heard("es") == translated("es", "but this one")
        place.join("cai", "ca")
        place.say(ann, "and this one")
        await place.passes(4)
        assert place.heard("ca") == translated("ca", "and this one")
        assert place.heard("es") == translated("es", "but this one", "and this one")
        assert len(place.ears.streams) == 1


async def test_who_comes_into_a_monologue_hears_the_rest_of_it() -> None:
    text = [f"m{i}" for i in range(180)]  # a minute in one breath
    async with hall() as place:
        ann = place.join("ann", "en")
        place.say(ann, " ".join(text))
        await place.passes(20)
        place.join("bea", "es")
        await place.passes(20)
        assert place.heard("es"), "she is still waiting for the end of the sentence"
        await place.passes(40)
        heard = place.heard("es")
        assert heard == translated("es", " ".join(text[180 - len(heard) :]))
        assert len(heard) in (118, 119)  # 20 s less the pre-roll, of 62.5 words


async def test_one_translation_per_language_however_many_listen() -> None:
    async with hall() as place:
        ann = place.join("ann", "en")
        for name in ("bea", "eva", "pau"):
            place.join(name, "es")
        place.say(ann, "good morning")
        await place.passes(4)
        assert len(place.engines.translator.requests) == 1
        assert len(place.engines.mouth.requests) == 1


async def test_who_reads_counts_as_a_listener_but_nothing_is_spoken_for_him() -> None:
    async with hall() as place:
        ann = place.join("ann", "en")
        reader = place.read("es")
        place.say(ann, "good morning")
        await place.passes(4)
        assert words(reader.texts()) == translated("es", "good morning")
        assert place.engines.mouth.requests == []
        reader.subscription.close()
        place.say(ann, "good evening")
        await place.passes(4)
        assert place.ears.open_streams == []
        assert len(place.engines.translator.requests) == 1


async def test_who_reads_the_speakers_own_language_sees_his_words_without_any_translation() -> None:
    async with hall() as place:
        ann = place.join("ann", "en")
        reader = place.read("en")
        place.say(ann, "good morning everybody")
        await place.passes(4)
        assert reader.texts() == ["good morning everybody"]
        assert reader.texts(CaptionKind.PARTIAL)[:2] == ["good", "good morning"]
        assert place.engines.translator.requests == []


async def test_captions_tell_when_it_was_said_and_when_it_was_heard() -> None:
    async with hall() as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        reader = place.read("es")
        await place.passes(1)
        place.say(ann, "good morning")
        await place.passes(4)
        clause, sounded = reader.captions
        assert (clause.kind, sounded.kind) == (CaptionKind.CLAUSE, CaptionKind.SPOKEN)
        assert clause.clause == sounded.clause
        assert clause.speaker == "Ann"
        assert clause.source_text == "good morning"
        assert clause.engine == "brain"
        assert sounded.ear_voice_span_ms is not None
        assert round(sounded.end_unix - sounded.start_unix, 3) == 0.62  # two words of 300 ms and 20 ms between them
        _, _, times, engines = place.measures.spoken[0]
        assert engines == {"asr": "ears", "mt": "brain", "tts": "mouth"}
        assert times.sent is not None
        assert abs(times.said + 1_000_000 - sounded.end_unix) < 1e-6


async def test_the_last_listener_leaving_cancels_what_is_unspoken() -> None:
    async with hall() as place:
        ann, bea = place.join("ann", "en"), place.join("bea", "es")
        place.say(ann, "one two three four five six seven eight")
        await place.passes(4.2)  # he stopped at 2.56 and is being spoken
        place.leave(bea)
        await settled()
        begun = place.heard("es")
        assert 1 < len(begun) < 8
        await place.passes(4)
        assert place.heard("es") == begun
        assert place.ears.open_streams == []


async def test_a_listener_who_comes_after_the_last_one_left_hears_new_clauses_in_full() -> None:
    async with hall() as place:
        ann, bea = place.join("ann", "en"), place.join("bea", "es")
        place.say(ann, "one two three four five six seven eight")
        await place.passes(4.2)
        place.leave(bea)  # the booth stays, with a sentence cut in the middle
        await place.passes(0.1)
        before = len(place.heard("es"))
        place.join("eva", "es")
        place.say(ann, "hello eva")
        await place.passes(4)
        assert place.heard("es")[before:] == translated("es", "hello eva")
        place.say(ann, "how are you")
        await place.passes(4)
        assert place.heard("es")[before:] == translated("es", "hello eva", "how are you")
        assert place.conference.mixer(ROOM, "es").speakers == ()


async def test_who_comes_back_to_a_language_that_was_only_read_meanwhile_hears_the_next_clause() -> None:
    async with hall() as place:
        ann, bea = place.join("ann", "en"), place.join("bea", "es")
        reader = place.read("es")
        place.say(ann, "one two three four five six seven eight")
        await place.passes(4.2)  # he is being spoken
        place.leave(bea)
        place.conference.booth_closed(place.conference.booths[place.booth_id("es")])
        await settled()
        begun = place.heard("es")
        assert 1 < len(begun) < 8
        place.say(ann, "nobody hears this one")
        await place.passes(4)
        place.join("eva", "es")
        for i in range(6):  # more than fit into the queues
            place.say(ann, f"hello eva{i}")
            await place.passes(3)
        assert place.heard("es")[len(begun) :] == translated("es", *(f"hello eva{i}" for i in range(6)))
        assert len(reader.of(CaptionKind.CLAUSE)) == 8
        assert place.measures.dropped == []  # what was begun counts as spoken
        assert place.conference.queue_depths() == {"mt": 0, "tts": 0, "playback": 0}


async def test_words_known_but_not_committed_when_the_last_listener_leaves_are_not_said_to_a_later_one() -> None:
    async with hall() as place:
        ann, bea = place.join("ann", "en"), place.join("bea", "es")
        place.say(ann, "only for bea is this long sentence")
        await place.passes(1.5)
        place.leave(bea)
        await place.passes(4)
        place.join("eva", "es")
        place.say(ann, "hello eva")
        await place.passes(4)
        assert place.heard("es") == translated("es", "hello eva")


async def test_two_who_speak_at_once_are_both_heard_and_each_in_order() -> None:
    async with hall() as place:
        ann, cai, _ = place.join("ann", "en"), place.join("cai", "ca"), place.join("bea", "es")
        reader = place.read("es")
        for round_ in range(2):
            place.say(ann, f"first {round_}a second{round_}a third{round_}a")
            place.say(cai, f"first{round_}c second{round_}c")
            await place.passes(3)
        await place.passes(3)
        spoken = [caption.text for caption in reader.of(CaptionKind.SPOKEN)]
        assert len(spoken) == 4
        assert spoken.index("es:first es:0a es:second0a es:third0a") < spoken.index(
            "es:first es:1a es:second1a es:third1a"
        )
        assert place.conference.queue_depths() == {"mt": 0, "tts": 0, "playback": 0}


async def test_what_a_caller_said_before_he_left_is_still_spoken_and_then_all_of_him_is_freed() -> None:
    async with hall() as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        place.say(ann, "I have to go now good bye")
        await place.passes(1.7)  # in the middle of "now"
        place.leave(ann)
        assert place.media.removed == [ann.channel_id]  # its address may come again at once
        assert [state.leg.name for state in place.conference.legs.values()] == ["Bea"]
        await place.passes(5)
        assert place.heard("es") == translated("es", "I have to go now")
        assert place.ears.open_streams == []
        assert [leg.leg.name for leg in place.conference._running] == ["Bea"]


async def test_who_leaves_silent_is_freed_at_once() -> None:
    async with hall() as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        await place.passes(1)
        place.leave(ann)
        await settled()
        assert [leg.leg.name for leg in place.conference._running] == ["Bea"]


async def test_a_leaver_whose_words_never_come_is_given_up_at_the_deadline() -> None:
    ears = FakeRecognizer(*[Ears(open_hangs=True)] * 100)
    async with hall(FakeEngines(ears)) as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        place.say(ann, "good bye")
        await place.passes(2)
        place.leave(ann)
        await place.passes(DRAIN_DEADLINE - 1)
        assert len(place.conference._running) == 2
        await place.passes(1.1)
        assert len(place.conference._running) == 1


async def test_another_language_is_another_epoch_of_the_same_speaker() -> None:
    async with hall() as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        place.say(ann, "hello")
        await place.passes(3)
        place.leave(ann)
        again = place.join("ann", "ca")
        place.say(again, "bon dia")
        await place.passes(4)
        assert place.heard("es") == translated("es", "hello", "bon dia")
        assert [request.language for request in (stream.request for stream in place.ears.streams)] == ["en", "ca"]
        assert {request.speaker for request in place.engines.mouth.requests} == {"ann"}  # one person, one voice


async def test_a_repaired_tap_begins_anew_and_no_clause_id_comes_twice() -> None:
    async with hall() as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        reader = place.read("es")
        place.say(ann, "before the repair")
        await place.passes(4)
        place.say(ann, "while it broke")
        await place.passes(0.4)
        again = await place.repair(ann)
        assert again.channel_id in place.media.legs and ann.channel_id not in place.media.legs
        place.say(again, "after the repair")
        await place.passes(6)
        heard = place.heard("es")
        assert heard == translated("es", "before the repair", "while", "after the repair")
        ids = [caption.clause for caption in reader.of(CaptionKind.CLAUSE)]
        assert len(ids) == len(set(ids)) == 3
        assert len(place.conference._running) == 2


async def test_a_tap_that_comes_again_without_having_been_closed_replaces_the_first() -> None:
    async with hall() as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        other = type(ann)(ann.leg, "tap-other", ("::", 9))
        place.conference.tap_ready(other)
        place.conference.tap_closed(ann)  # the news of its end come late: it is not the one that is there
        place.say(other, "still here")
        await place.passes(4)
        assert place.heard("es") == translated("es", "still here")
        assert len(place.conference._running) == 2


async def test_mute_gates_and_unmute_opens() -> None:
    async with hall() as place:
        ann, _ = place.join("ann", "en", muted=True), place.join("bea", "es")
        place.say(ann, "nobody may hear this")
        await place.passes(3)
        place.conference.leg_muted(ann.leg.id, False)
        place.say(ann, "hello")
        await place.passes(3)
        place.conference.leg_muted(ann.leg.id, True)
        place.say(ann, "a secret")
        await place.passes(3)
        assert place.heard("es") == translated("es", "hello")


async def test_what_was_said_before_a_mute_in_mid_sentence_is_spoken() -> None:
    async with hall() as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        place.say(ann, "public secret secret")
        await place.passes(0.33)
        place.conference.leg_muted(ann.leg.id, True)
        await place.passes(4)
        assert place.heard("es") == translated("es", "public")


async def test_hold_and_mute_gate_independently() -> None:
    async with hall() as place:
        ann = place.join("ann", "en")
        audio, leg_id = place.media.legs[ann.channel_id], ann.leg.id
        place.conference.leg_held(leg_id, True)
        place.conference.leg_muted(leg_id, True)
        place.conference.leg_held(leg_id, False)
        assert audio.gated
        place.conference.leg_muted(leg_id, False)
        assert not audio.gated
        place.conference.leg_held("nobody", True)
        place.conference.leg_muted("nobody", True)
        assert not audio.gated


async def test_a_leg_that_crashes_by_a_bug_does_not_touch_the_others() -> None:
    async with hall() as place:
        ann, amy, bea = place.join("ann", "en"), place.join("amy", "en"), place.join("bea", "es")
        count = place.measures.clause_committed

        def bug() -> None:
            place.measures.clause_committed = count
            raise ZeroDivisionError("a bug of ours")

        place.measures.clause_committed = bug
        place.say(ann, "this one dies")
        await place.passes(4)
        assert place.measures.crashed == 1
        assert ann.channel_id in place.media.legs  # her original is still heard under the booth
        place.say(amy, "this one lives")
        cai = place.join("cai", "ca")  # a new language is wanted of all, the dead leg too
        await place.passes(4)
        assert place.heard("es") == translated("es", "this one lives")
        place.say(bea, "igual")
        await place.passes(4)
        assert place.heard("en") == translated("en", "igual")
        place.leave(cai)
        place.leave(ann)
        await settled()
        assert {leg.leg.name for leg in place.conference._running} == {"Amy", "Bea"}


async def test_a_language_that_nobody_can_recognise_listens_only() -> None:
    async with hall(FakeEngines(FakeRecognizer(languages="en"))) as place:
        xin = place.join("xin", "zh")
        ann = place.join("ann", "en")
        place.join("bea", "es")
        place.say(xin, "nobody knows")
        place.say(ann, "hello")
        await place.passes(4)
        assert place.heard("es") == translated("es", "hello")
        assert place.measures.dropped == ["no-voice"]  # and the mouth does not speak zh
        place.leave(xin)
        await settled()
        assert len(place.conference._running) == 2


async def test_stop_ends_all_at_once() -> None:
    async with hall() as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        place.say(ann, "one two three four five")
        await place.passes(2.8)
        assert place.conference.streams == 1
        place.conference.stop()
        await settled()
        assert place.conference._running == {}
        assert place.media.legs == {}
        assert place.conference.mixer(ROOM, "es").speakers == ()
        place.conference.stop()
        place.join("too", "late", booth=False)  # an event that was on its way
        assert place.media.legs == {}


async def test_a_full_media_plane_is_reported_and_hurts_nobody() -> None:
    async with hall() as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        place.media.full = True
        late = place.join("pau", "ca")
        assert late.leg.id not in place.conference.legs
        assert place.booth_id("ca") not in place.conference.booths
        assert place.measures.crashed == 1
        place.leave(late)
        place.conference.booth_closed(Booth(ROOM, "ca", place.booth_id("ca"), ("::", 2)))
        place.media.full = False
        place.say(ann, "hello")
        await place.passes(4)
        assert place.heard("es") == translated("es", "hello")


async def test_each_booth_has_the_originals_of_those_who_speak_another_language_under_it() -> None:
    async with hall() as place:
        ann, bea = place.join("ann", "en"), place.join("bea", "es")
        amy = place.join("amy", "en")
        assert set(place.media.floors[place.booth_id("es")]) == {ann.channel_id, amy.channel_id}
        assert place.media.floors[place.booth_id("en")] == (bea.channel_id,)
        place.leave(ann)
        assert place.media.floors[place.booth_id("es")] == (amy.channel_id,)


async def test_a_booth_that_comes_again_goes_on_where_the_other_stopped() -> None:
    async with hall() as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        place.say(ann, "one two three four")
        await place.passes(2.6)
        booth = place.conference.booths[place.booth_id("es")]
        place.conference.booth_closed(booth)
        await place.passes(1)
        place.conference.booth_ready(booth)
        await place.passes(4)
        assert place.heard("es") == translated("es", "one two three four")


async def test_a_second_booth_of_a_language_replaces_the_first() -> None:
    async with hall() as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        place.say(ann, "one two three four")
        await place.passes(2.6)
        place.conference.booth_ready(Booth(ROOM, "es", "another", ("::", 4)))
        assert place.booth_id("es") not in place.media.booths
        await place.passes(4)
        both = [frame for booth in (place.booth_id("es"), "another") for frame in place.media.said[booth]]
        assert list(dict.fromkeys(word for frame in both for word in said_in(frame))) == translated(
            "es", "one two three four"
        )
        assert sum(frame.any() for frame in both) == 4 * 10  # 200 ms a word


async def test_nothing_is_kept_of_a_room_that_ended() -> None:
    async with hall() as place:
        ann, bea = place.join("ann", "en"), place.join("bea", "es")
        place.say(ann, "good bye for ever")
        await place.passes(0.8)
        place.leave(bea)
        place.leave(ann)
        for language in ("en", "es"):
            place.conference.booth_closed(place.conference.booths[place.booth_id(language)])
        await place.passes(30)
        assert place.conference.rooms == frozenset()
        assert place.conference._running == {}
        assert place.conference._mixers == {}
        late = place.captions.subscribe(ROOM, "en", after=0)
        late.close()
        assert [caption async for caption in late] == []


async def test_a_gap_is_told_to_the_readers() -> None:
    async with hall() as place:
        place.join("ann", "en")
        reader = place.read("en")
        await place.passes(5)
        place.conference.gap(since=1003.0, unspoken_s=7.0)
        await settled()
        (gap,) = reader.captions
        assert gap.kind is CaptionKind.GAP
        assert gap.note == "interpretation was away for 2.0 s"
        assert gap.end_unix - gap.start_unix == 2.0, "he is still there: what he said is still spoken"


async def test_a_standstill_is_told_to_the_readers_of_what_was_being_said_and_to_nobody_else() -> None:
    async with hall() as place:
        ann = place.join("ann", "en")
        place.join("bea", "es")
        readers = {language: place.read(language) for language in ("en", "es")}
        place.conference.stood_still(1_000.0, 1_000.5)
        place.say(ann, "good morning dear friends how do you do")
        while not place.conference.mixer(ROOM, "es").speakers:
            await place.passes(0.1)
        now = asyncio.get_running_loop().time()
        place.conference.stood_still(now - 0.5, now)
        await settled()
        gaps = {language: reader.of(CaptionKind.GAP) for language, reader in readers.items()}
        assert gaps["en"] == []
        (gap,) = gaps["es"]
        assert (gap.cause, gap.note) == (GapCause.STOOD_STILL, "the interpretation stood still for up to 0.5 s")
        assert gap.end_unix - gap.start_unix == pytest.approx(0.5)


async def test_a_standstill_before_the_last_of_what_was_being_said_is_told() -> None:
    async with hall() as place:
        ann = place.join("ann", "en")
        place.join("bea", "es")
        reader = place.read("es")
        place.say(ann, "good morning")
        mixer = place.conference.mixer(ROOM, "es")
        while not mixer.speakers:
            await place.passes(0.005)
        while mixer.speakers:
            await place.passes(0.005)
        ended = mixer.sounded
        place.conference.stood_still(ended + 0.01, ended + 0.5)
        await settled()
        assert reader.of(CaptionKind.GAP) == [], "it had been said"
        place.conference.stood_still(ended - 0.1, ended)  # the tick that came late took the last frame
        await settled()
        assert [gap.cause for gap in reader.of(CaptionKind.GAP)] == [GapCause.STOOD_STILL]


async def test_what_came_and_was_not_heard_is_told_to_all_readers_whoever_spoke() -> None:
    async with hall() as place:
        place.join("ann", "en")
        place.join("bea", "es")
        readers = [place.read("en"), place.read("fr")]
        now = asyncio.get_running_loop().time()
        place.conference.unheard(now - 0.62, now)
        late = place.captions.subscribe(ROOM, "es", after=0)
        late.close()
        kept = [caption async for _, caption in late]
        await settled()
        for gaps in (*(reader.of(CaptionKind.GAP) for reader in readers), kept):
            (gap,) = gaps
            assert (gap.cause, gap.speaker) == (GapCause.NOT_HEARD, "")
            assert gap.note == "some of what was said for up to 0.7 s was not heard by the daemon"
            assert gap.end_unix - gap.start_unix == pytest.approx(0.62)


async def test_where_nobody_could_be_heard_nothing_was_unheard() -> None:
    async with hall() as place:
        ann, bea = place.join("ann", "en"), place.join("bea", "es")
        reader = place.read("en")
        now = asyncio.get_running_loop().time()
        place.conference.leg_muted(ann.leg.id, True)
        place.conference.leg_held(bea.leg.id, True)
        place.conference.unheard(now - 0.7, now)
        await settled()
        assert reader.of(CaptionKind.GAP) == []
        place.conference.leg_held(bea.leg.id, False)
        place.conference.unheard(now - 0.7, now)
        await settled()
        assert len(reader.of(CaptionKind.GAP)) == 1


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.02, "up to 0.1 s"), (0.1, "up to 0.1 s"), (0.14, "up to 0.2 s"), (0.3, "up to 0.3 s")]
)
def test_a_hole_is_told_to_be_no_shorter_than_it_is(seconds: float, said: str) -> None:
    assert up_to(seconds) == said
    assert up_to(1000.0 + seconds - 1000.0) == said


async def test_a_reader_who_comes_after_the_gap_learns_of_it_where_he_left_off() -> None:
    async with hall() as place:
        place.conference.away(ROOM, frozenset({"en", "es"}), since=970.0, unspoken_s=7.0)
        place.join("ann", "en")
        for language in ("en", "es"):
            late = place.captions.subscribe(ROOM, language, after=0)
            late.close()
            (gap,) = [caption async for _, caption in late]
            assert (gap.kind, gap.cause) == (CaptionKind.GAP, GapCause.DAEMON_AWAY)
            assert gap.end_unix - gap.start_unix == 37.0
            assert gap.note == (
                "interpretation was away for 30.0 s; of what was said up to 7 s before, some may be missing"
            )


async def test_how_far_back_something_is_not_spoken_yet_is_known_from_its_first_sound_to_its_last() -> None:
    async with hall() as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        loop = asyncio.get_running_loop()
        await place.passes(1)
        assert place.conference.unspoken_s() == 0.0
        began = loop.time()
        for sentence in ("good morning dear friends", "how do you do"):
            place.say(ann, sentence)
            await place.passes(2)
        silent = 0.0
        while unspoken := place.conference.unspoken_s():
            silent = loop.time() - began - unspoken
            assert -PREROLL_S - 0.1 <= silent
            await place.passes(0.02)
        assert silent > 1, "the first clause was spoken before the second"
        assert place.heard("es") == translated("es", "good morning dear friends", "how do you do")
        place.say(ann, "and so")
        await place.passes(0.3)
        assert 0.0 < place.conference.unspoken_s() < 0.3 + PREROLL_S + 0.1, "what was spoken before is no part of it"


async def test_a_lost_recogniser_leaves_unspoken_what_it_did_not_tell() -> None:
    async with hall(FakeEngines(FakeRecognizer(Ears(never_final=True)))) as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        began = asyncio.get_running_loop().time()
        place.say(ann, "good morning")
        for passed in (1.0, 2.0):
            await place.passes(1.0)
            assert place.conference.unspoken_s() == pytest.approx(
                asyncio.get_running_loop().time() - began, abs=PREROLL_S + 0.1
            ), passed
        await place.passes(6.0)
        assert place.conference.unspoken_s() == 0.0


async def test_what_no_recogniser_got_in_time_is_marked_as_a_gap_of_its_speaker() -> None:
    ears = FakeRecognizer(*[Ears(open_error=EngineBusy("ears", "full"))] * 20)
    async with hall(FakeEngines(ears)) as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        reader = place.read("es")
        began = asyncio.get_running_loop().time()
        place.say(ann, "lost words at the beginning")
        await place.passes(60)
        place.say(ann, "good morning")
        await place.passes(6)
        assert words(reader.texts()) == translated("es", "good morning")
        (gap,) = [each for each in reader.of(CaptionKind.GAP) if each.cause is GapCause.NOT_RECOGNISED]
        assert gap.speaker == "Ann"
        assert gap.start_unix - 1_000_000.0 == pytest.approx(began, abs=0.1)
        assert 1.6 < gap.end_unix - gap.start_unix < 2.2


async def test_who_leaves_while_no_recogniser_can_be_had_leaves_a_gap() -> None:
    ears = FakeRecognizer(*[Ears(open_error=EngineBusy("ears", "full"))] * 1000)
    async with hall(FakeEngines(ears)) as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        reader = place.read("es")
        place.say(ann, "lost words")
        await place.passes(2)
        place.leave(ann)
        await place.passes(40)
        (gap,) = [each for each in reader.of(CaptionKind.GAP) if each.cause is GapCause.NOT_RECOGNISED]
        assert 0.5 < gap.end_unix - gap.start_unix < 2.5


async def test_of_one_who_left_the_same_loss_is_told_once_however_long_his_last_words_take() -> None:
    ears = FakeRecognizer(Ears(), *[Ears(open_error=EngineBusy("ears", "full"))] * 1000)
    async with hall(FakeEngines(ears)) as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        reader = place.read("es")
        place.conference.booth_closed(place.conference.booths[place.booth_id("es")])  # nobody plays what is spoken
        place.say(ann, "good morning")
        await place.passes(3)
        ears.open_streams[0]._queue.put_nowait(EngineCrashed("ears", "connection lost"))
        await place.passes(0.1)
        place.say(ann, "lost words")
        await place.passes(0.8)
        place.leave(ann)
        await place.passes(DRAIN_DEADLINE - 1)
        assert len(place.conference._running) == 2, "his last words are being spoken"
        await place.passes(2)
        assert len(place.conference._running) == 1
        (gap,) = [each for each in reader.of(CaptionKind.GAP) if each.cause is GapCause.NOT_RECOGNISED]
        assert 0.5 < gap.end_unix - gap.start_unix < 1.5


async def test_what_was_told_to_be_lost_is_not_told_again_when_he_leaves() -> None:
    ears = FakeRecognizer(*[Ears(open_error=EngineBusy("ears", "full"))] * 1000)
    async with hall(FakeEngines(ears)) as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        reader = place.read("es")
        place.say(ann, "lost words")
        await place.passes(60)
        place.say(ann, "and more")
        await place.passes(1)
        place.leave(ann)
        await place.passes(40)
        gaps = [each for each in reader.of(CaptionKind.GAP) if each.cause is GapCause.NOT_RECOGNISED]
        assert len(gaps) == 2
        assert all(0.5 < gap.end_unix - gap.start_unix < 2.5 for gap in gaps), gaps


async def test_what_the_last_stream_of_one_who_leaves_died_of_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    ears = FakeRecognizer(*[Ears(crash_on_finalize=True)] * 100)
    async with hall(FakeEngines(ears)) as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        reader, really = place.read("es"), ears.open

        async def leaving(request: StreamRequest) -> FakeStream:
            stream = await really(request)
            if len(ears.streams) == len(RESTART_DELAYS) + 1:
                place.leave(ann)
            return stream

        monkeypatch.setattr(ears, "open", leaving)
        place.say(ann, "poison")
        await place.passes(40)
        assert len(ears.streams) == len(RESTART_DELAYS) + 1
        (gap,) = [each for each in reader.of(CaptionKind.GAP) if each.cause is GapCause.NOT_RECOGNISED]
        assert gap.end_unix - gap.start_unix == pytest.approx(0.3 + 0.1, abs=0.01), "the word and the tail behind it"


async def test_stages_add_up_to_the_ear_voice_span() -> None:
    async with hall() as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        place.say(ann, "one two three")
        await place.passes(5)
        measures: FakeMeasures = place.measures
        ((source, target, times, _),) = measures.spoken
        assert (source, target) == ("en", "es")
        stages = times.stages()
        assert abs(sum(stages.values()) - (times.ear_voice_span or 0)) < 1e-9
        assert all(seconds >= 0 for seconds in stages.values())
        assert abs(stages["asr"] - 0.25) < 1e-9
        assert abs(stages["mt"] - 0.1) < 1e-9
        assert abs(stages["tts"] - 0.1) < 1e-9
        assert times.own_share is not None and times.own_share <= 0.02 + 1e-9


@pytest.mark.parametrize("leaves", [(), ("ann",), ("bea",), ("ann", "bea")])
async def test_totals_outlive_those_of_whom_they_tell(leaves: tuple[str, ...]) -> None:
    ears = FakeRecognizer(Ears(crash_on_finalize=True), Ears(final_twice=True))
    late = FakeSynthesizer(outcomes=deque(["stall-later"]))
    async with hall(FakeEngines(ears, mouth=late)) as place:
        taps = {"ann": place.join("ann", "en"), "bea": place.join("bea", "es")}
        assert set(place.conference.totals().values()) == {0}
        place.say(taps["ann"], "one two")
        await place.passes(4)
        (chain,) = next(leg for leg in place.conference._running if leg.leg.name == "Ann").chains
        chain.mt_queue.merged = 3
        before = place.conference.totals()
        for name in leaves:
            place.leave(taps[name])
            language = taps[name].leg.language
            place.conference.booth_closed(place.conference.booths[place.booth_id(language)])
        await place.passes(1)
        after = place.conference.totals()
        assert after == before
        assert after["recognizer_restarts"] == 1
        assert after["repeated_words"] == 2
        assert after["merged_clauses"] == 3
        assert after["booth_underruns"] > 0
        assert after["recognizer_dropped_ms"] == 0


async def test_totals_tell_how_much_speech_no_recogniser_got() -> None:
    ears = FakeRecognizer(*[Ears(crash_on_finalize=True)] * (len(RESTART_DELAYS) + 1))
    async with hall(FakeEngines(ears)) as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        place.say(ann, "poison")
        await place.passes(15)
        assert place.conference.totals()["recognizer_dropped_ms"] == 300 + 100  # the word and the tail behind it


async def test_the_synthesizer_that_stood_in_for_another_is_named_and_the_failures_are_counted() -> None:
    info = EngineInfo("spare", Stage.TTS, ("es",), True, "0BSD", True, "tests")
    broken = FakeSynthesizer(outcomes=deque(["stall", "stall"]))
    async with hall(FakeEngines(mouth=broken, spare=(FakeSynthesizer(info=info),))) as place:
        ann, _ = place.join("ann", "en"), place.join("bea", "es")
        place.say(ann, "good morning")
        await place.passes(5)
        assert place.heard("es") == translated("es", "good morning")
        ((_, _, _, engines),) = place.measures.spoken
        assert engines == {"asr": "ears", "mt": "brain", "tts": "spare"}
        assert [(stage, error.engine) for stage, error in place.measures.gave_way] == [("tts", "mouth")] * 2


async def test_a_gap_is_told_to_those_whose_room_did_not_survive_it() -> None:
    async with hall() as place:
        ann = place.join("ann", "en")
        reader = place.read("en")
        await place.passes(5)
        place.leave(ann)
        place.conference.gap(since=1003.0, unspoken_s=7.0)
        await settled()
        (gap,) = reader.captions
        assert (gap.kind, gap.end_unix - gap.start_unix) == (CaptionKind.GAP, 9.0), (
            "nor was what was said before it spoken"
        )
        assert gap.note == "interpretation was away for 2.0 s; of what was said up to 7 s before, some may be missing"
