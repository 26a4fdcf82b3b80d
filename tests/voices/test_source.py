"""Who gets which voice in a call, and that whatever is wrong with a profile ends in the neutral voice and an event."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from tests.voices.test_make import ALL, made, spoken
from tests.voices.vectors import tone_voice

from dragoman.errors import ProfileInvalid, StoreLocked, StoreUnavailable
from dragoman.media.format import Pcm
from dragoman.telephony.model import Leg
from dragoman.voices.assign import normalize_caller
from dragoman.voices.embedders import Encoders
from dragoman.voices.profile import VoiceProfile
from dragoman.voices.source import LiveVoices, VoiceEvent
from dragoman.voices.watch import LOOK_S, SETTLED_S, VoiceWatch, speech_of

OWNER = made(spoken(110), spoken(112, level=0.1), spoken(108)).profile


class Shelf:
    """A store of one profile, whose answers a test may spoil."""

    def __init__(self, profile: VoiceProfile | None = OWNER) -> None:
        self.profile = profile
        self.trouble: Exception | None = None
        self.asked = 0

    async def get(self, key: str) -> VoiceProfile | None:
        self.asked += 1
        if self.trouble is not None:
            raise self.trouble
        return self.profile if self.profile is not None and key == self.profile.id else None

    async def profile_of(self, caller: str) -> str | None:
        self.asked += 1
        if self.trouble is not None:
            raise self.trouble
        return OWNER.id if normalize_caller(caller) == "+34600123456" else None


def live(shelf: Shelf, encoders: Encoders = ALL) -> tuple[LiveVoices, list[VoiceEvent]]:
    events: list[VoiceEvent] = []
    return LiveVoices(shelf, encoders, events.append), events


def kinds(events: list[VoiceEvent]) -> list[str]:
    return [event.kind.value for event in events]


async def test_a_caller_with_a_profile_is_spoken_in_his_voice() -> None:
    voices, events = live(Shelf())
    assert await voices.enter("a", "+34 600 123 456")
    assert not await voices.enter("b", "+34600999999")
    assert not await voices.enter("c", "anonymous")
    assert not await voices.enter("d")
    assert await voices.enter("e", "", OWNER.id), "the dialplan may name it"
    assert voices.conditioning("a") is not None and voices.conditioning("b") is None
    assert voices.speakers == {"a": OWNER.id, "e": OWNER.id}
    assert kinds(events) == ["assigned", "assigned"]
    voices.leave("a")
    assert voices.conditioning("a") is None
    assert (voices.counts()["cloned"], voices.counts()["neutral"]) == (1, 2)


@pytest.mark.parametrize("trouble", [StoreUnavailable("down"), StoreLocked("no key"), ProfileInvalid("damaged"), None])
async def test_a_broken_profile_is_the_neutral_voice_and_an_event(trouble: Exception | None) -> None:
    shelf = Shelf(None)
    shelf.trouble = trouble
    voices, events = live(shelf)
    assert not await voices.enter("a", "", OWNER.id)
    assert voices.conditioning("a") is None
    assert kinds(events) == ["broken"]
    assert str(trouble or "no such profile") in events[0].text


async def test_a_store_that_comes_back_brings_the_voice() -> None:
    shelf = Shelf()
    shelf.trouble = StoreUnavailable("down")
    voices, events = live(shelf)
    assert not await voices.enter("a", "", OWNER.id)
    shelf.trouble = None
    await voices.refresh()
    assert voices.conditioning("a") is not None
    assert kinds(events) == ["broken", "assigned"]


async def test_an_outage_is_told_once_and_the_store_asked_once_a_look_however_many_wait() -> None:
    shelf = Shelf()
    shelf.trouble = StoreUnavailable("no answer within 5 s")
    voices, events = live(shelf)
    for name in ("a", "b", "c"):
        await voices.enter(name, "", OWNER.id)
        await voices.enter(f"{name}2", "+34600123456")
    assert kinds(events) == ["broken"] * 6
    shelf.asked = 0
    for _ in range(4):
        await voices.refresh()
    assert shelf.asked == 4 and len(events) == 6
    shelf.trouble = None
    await voices.refresh()
    assert all(voices.cloned(name) for name in ("a", "b", "c", "a2", "b2", "c2"))
    assert kinds(events[6:]) == ["assigned"] * 6


async def test_a_profile_deleted_while_anothers_is_read_stops_nobody() -> None:
    shelf = Shelf()
    voices, events = live(shelf)
    for name in ("a", "b"):
        await voices.enter(name, "", OWNER.id)
    voices.changed(OWNER.id, gone=False)
    ask = shelf.get

    async def slow(key: str) -> VoiceProfile | None:
        voices.changed(OWNER.id, gone=True)
        return await ask(key)

    shelf.get = slow  # type: ignore[method-assign]  # by the test
    await voices.refresh()
    assert not voices.cloned("a") and not voices.cloned("b")
    assert kinds(events) == ["assigned", "assigned", "gone", "gone"]


async def test_a_store_that_goes_leaves_the_voice() -> None:
    shelf = Shelf()
    voices, _ = live(shelf)
    await voices.enter("a", "", OWNER.id)
    voices.changed(OWNER.id, gone=False)
    shelf.trouble = StoreUnavailable("down")
    await voices.refresh()
    assert voices.conditioning("a") is not None


async def test_a_deleted_profile_speaks_no_further_clause() -> None:
    voices, events = live(Shelf())
    await voices.enter("a", "", OWNER.id)
    voices.changed(OWNER.id, gone=True)
    assert voices.conditioning("a") is None
    await voices.refresh()
    assert voices.conditioning("a") is None
    assert kinds(events) == ["assigned", "gone"]


async def test_a_number_that_is_given_a_profile_in_the_call_is_spoken_for_from_then_on() -> None:
    shelf = Shelf()
    mapped: dict[str, str] = {}

    async def profile_of(caller: str) -> str | None:
        if shelf.trouble is not None:
            raise shelf.trouble
        return mapped.get(caller)

    shelf.profile_of = profile_of  # type: ignore[method-assign]  # by the test
    voices, events = live(shelf)
    assert not await voices.enter("a", "7")
    assert await voices.enter("named", "7", OWNER.id), "the dialplan's word stands over the number's"
    mapped["7"] = OWNER.id
    await voices.refresh()
    assert voices.conditioning("a") is None, "nobody told of it yet"
    voices.remapped()
    shelf.trouble = StoreUnavailable("down")
    await voices.refresh()
    assert voices.conditioning("a") is None
    shelf.trouble = None
    await voices.refresh()
    assert voices.conditioning("a") is not None
    mapped.clear()
    voices.remapped()
    await voices.refresh()
    assert voices.conditioning("a") is None and voices.conditioning("named") is not None
    assert kinds(events) == ["assigned", "assigned", "gone"]
    mapped["7"] = OWNER.id
    voices.leave("a")
    voices.remapped()
    await voices.refresh()
    assert "a" not in voices.speakers


async def test_a_deleted_profile_leaves_room_for_another_one_in_the_same_call() -> None:
    shelf = Shelf()
    voices, events = live(shelf)
    await voices.enter("a", "+34600123456")
    voices.changed(OWNER.id, gone=True)
    assert voices.conditioning("a") is None
    voices.remapped()
    await voices.refresh()
    assert voices.conditioning("a") is not None
    assert kinds(events) == ["assigned", "gone", "assigned"]


async def test_a_voice_that_is_lent_lasts_for_the_call_and_nothing_in_the_store_changes_it() -> None:
    voices, events = live(Shelf())
    assert not await voices.enter("a", "+34600999999")
    lent = replace(OWNER, id="v_" + "L" * 22)
    voices.lend("a", lent)
    assert voices.conditioning("a") is not None
    voices.changed(lent.id, gone=False)
    voices.remapped()
    await voices.refresh()
    assert voices.conditioning("a") is not None
    voices.lend("a", replace(lent, version=2))
    first = voices.voice("a")
    assert first is not None and first[0].endswith(".2")
    voices.take_back("a")
    assert voices.conditioning("a") is None
    voices.lend("a", lent)
    voices.leave("a")
    assert voices.conditioning("a") is None
    assert kinds(events) == ["assigned", "assigned"]


async def test_latents_of_another_model_are_not_spoken() -> None:
    voices, events = live(Shelf())
    voices.latents_model = "xtts-other"
    assert not await voices.enter("a", "", OWNER.id)
    assert "enrol" in events[0].text


async def test_a_stranger_on_the_owners_phone_gets_the_neutral_voice_and_the_owner_his_own() -> None:
    voices, events = live(Shelf())
    await voices.enter("a", "", OWNER.id)
    for _ in range(2):
        await voices.hear("a", tone_voice(230, 3), 3.0)
    assert voices.conditioning("a") is None
    for _ in range(5):
        await voices.hear("a", tone_voice(110, 3), 3.0)
    assert voices.conditioning("a") is not None
    assert kinds(events) == ["assigned", "stranger", "owner"]
    assert voices.counts()["stranger"] == 1


async def test_the_live_style_chooses_the_clips() -> None:
    voices, _ = live(Shelf(), Encoders(None, ALL.style, ALL.latents))
    await voices.enter("a", "", OWNER.id)
    plain = voices.conditioning("a")
    for _ in range(3):
        await voices.hear("a", tone_voice(112, 3, level=0.1), 3.0)
    quiet = voices.conditioning("a")
    assert plain is not None and quiet is not None
    assert quiet.shares[1] > plain.shares[1], "the quiet clip weighs more when he speaks softly"
    assert quiet.gain_db < plain.gain_db == 0
    assert np.array_equal(quiet.speaker, plain.speaker)


async def test_without_encoders_the_voice_is_spoken_unguarded() -> None:
    voices, _ = live(Shelf(), Encoders())
    await voices.enter("a", "", OWNER.id)
    assert await voices.hear("a", tone_voice(230, 3), 3.0) is None
    assert voices.conditioning("a") is not None
    assert await voices.likeness("a", tone_voice(110, 3)) is None


async def test_the_likeness_of_what_was_spoken() -> None:
    voices, _ = live(Shelf())
    await voices.enter("a", "", OWNER.id)
    near, far = [await voices.likeness("a", tone_voice(pitch, 2)) for pitch in (110, 230)]
    assert near is not None and far is not None and near > 0.95 > far
    assert await voices.likeness("nobody", tone_voice(110, 2)) is None


async def test_who_leaves_while_he_is_listened_to_is_forgotten() -> None:
    voices, _ = live(Shelf())
    await voices.enter("a", "", OWNER.id)
    hearing = asyncio.ensure_future(voices.hear("a", tone_voice(110, 3), 3.0))
    await asyncio.sleep(0)
    voices.leave("a")
    assert await hearing is None and voices.speakers == {}


class Line:
    """A caller's audio: what was said so far."""

    def __init__(self) -> None:
        self.pcm = np.zeros(0, np.int16)

    @property
    def heard_until(self) -> int:
        return len(self.pcm)

    def read(self, start: int, stop: int) -> Pcm:
        return self.pcm[start:stop]

    def say(self, pitch: float, seconds: float) -> None:
        said = (tone_voice(pitch, seconds) * 32767).astype(np.int16)
        self.pcm = np.concatenate([self.pcm, said, np.zeros(8000, np.int16)])


class Somebody:
    def __init__(self, channel: str = "ch1", epoch: int = 1, caller: str = "+34600123456") -> None:
        self.leg = Leg(channel, epoch, "1000", "en", "Ada", caller=caller)
        self.audio = Line()


def watching(
    *present: Somebody,
) -> tuple[VoiceWatch, LiveVoices, list[VoiceEvent], dict[str, Somebody], Callable[[float], None]]:
    voices, events = live(Shelf())
    there = {each.leg.id: each for each in present}
    now = [0.0]
    watch = VoiceWatch(voices, lambda: there, lambda: now[0])
    return watch, voices, events, there, lambda seconds: now.__setitem__(0, now[0] + seconds)


async def test_the_watch_follows_who_comes_speaks_and_goes() -> None:
    ada = Somebody()
    watch, voices, events, there, _ = watching(ada, Somebody("ch2", caller=""))
    await watch.look()
    assert voices.speakers == {"ch1": OWNER.id}
    for _ in range(3):
        ada.audio.say(230, 4)
        await watch.look()
    assert kinds(events) == ["assigned", "stranger"]
    there.clear()
    await watch.look()
    assert voices.speakers == {}


async def test_who_comes_back_in_a_new_epoch_keeps_his_voice() -> None:
    watch, voices, _, there, _ = watching(Somebody())
    await watch.look()
    there.clear()
    again = Somebody(epoch=2)
    there[again.leg.id] = again
    await watch.look()
    assert voices.speakers == {"ch1": OWNER.id}


async def test_one_known_to_be_the_owner_is_listened_to_less_often() -> None:
    identity = ALL.identity
    ada = Somebody()
    watch, _, _, _, wait = watching(ada)
    calls = []
    for _ in range(12):
        ada.audio.say(110, 3)
        before = identity.calls  # type: ignore[union-attr]  # the test's own
        await watch.look()
        calls.append(identity.calls - before)  # type: ignore[union-attr]  # the test's own
        wait(LOOK_S)
    assert calls[0] == 1 and sum(calls) == 1 + int(11 * LOOK_S // SETTLED_S)


async def test_short_words_are_kept_until_there_are_enough() -> None:
    ada = Somebody()
    watch, _, events, _, _ = watching(ada)
    for _ in range(8):
        ada.audio.say(230, 1)
        await watch.look()
    assert "stranger" in kinds(events)


def test_pauses_are_taken_out() -> None:
    voice = (tone_voice(110, 2) * 32767).astype(np.int16)
    with_pause = np.concatenate([voice, np.zeros(32_000, np.int16), voice])
    assert len(speech_of(with_pause)) <= 64_000
    assert len(speech_of(np.zeros(16_000, np.int16))) == 0 == len(speech_of(np.zeros(3, np.int16)))
