"""``*7`` in a room: asked, agreed by key or word, learnt while he speaks, kept or forgotten; nothing on disk before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from pydantic import SecretStr
from tests.voices.test_make import ALL
from tests.voices.test_source import Somebody
from tests.voices.vectors import tone_voice

from dragoman.config.voices import VoicesSettings
from dragoman.enrolment.incall import AWAY_S, TOLD, InCall, Reply, answer_to
from dragoman.errors import AriTransportError, StoreUnavailable
from dragoman.media.format import Pcm
from dragoman.pipeline.captions import Caption, CaptionHub, CaptionKind
from dragoman.telephony.ari.events import ChannelDestroyed, ChannelVarset
from dragoman.telephony.ari.model import Channel
from dragoman.voices.embedders import Encoders
from dragoman.voices.voicing import Voicing

RATE = 16_000


class Line:
    """A caller's audio, as it comes."""

    def __init__(self) -> None:
        self.pcm = np.zeros(RATE, np.int16)
        self.heard_until = 0

    @property
    def end(self) -> int:
        return len(self.pcm)

    def read(self, start: int, stop: int) -> Pcm:
        return self.pcm[start:stop]

    def add(self, pcm: Pcm, speech: bool) -> None:
        self.pcm = np.concatenate([self.pcm, pcm])
        if speech:
            self.heard_until = len(self.pcm)


@dataclass
class Hall:
    """A daemon's part, and the callers in its rooms."""

    incall: InCall
    voices: Voicing
    captions: CaptionHub
    present: dict[str, Somebody]
    answers: list[tuple[str, str]] = field(default_factory=list)
    now: float = 100.0
    gone: bool = False

    async def set_global(self, variable: str, value: str) -> None:
        if self.gone:
            raise AriTransportError("no answer")
        self.answers.append((variable, value))

    def come(self, somebody: Somebody) -> Line:
        line = Line()
        somebody.audio = line  # type: ignore[assignment]  # it can grow while he speaks
        self.present[somebody.leg.id] = somebody
        return line

    async def tells(self, value: str, channel: str = "ch1") -> str:
        """The dialplan sets its variable; what it is answered."""
        before = len(self.answers)
        self.incall.see(ChannelVarset(_channel(channel), TOLD, value))
        async with asyncio.timeout(60):
            while len(self.answers) == before:
                await asyncio.sleep(0.01)
        variable, answer = self.answers[-1]
        assert variable == answer_to(channel)
        return answer

    async def speaks(self, line: Line, pitch: float, seconds: float) -> None:
        """He speaks, looked at every quarter of a second, and pauses."""
        said = (tone_voice(pitch, seconds) * 32767).astype(np.int16)
        for at in range(0, len(said), RATE // 4):
            line.add(said[at : at + RATE // 4], True)
            await self.incall.look()
        for _ in range(4):
            line.add(np.zeros(RATE // 4, np.int16), False)
            await self.incall.look()

    def says(self, somebody: Somebody, text: str) -> None:
        """The recogniser has a clause of his."""
        leg = somebody.leg
        self.captions.publish(
            Caption(CaptionKind.CLAUSE, leg.room, leg.language, f"{leg.id}/1", leg.name, "en", text, text, 0.0, 1.0)
        )

    async def until(self, version: int, channel: str = "ch1") -> None:
        """Wait until so much was learnt."""
        live = self.voices.live
        assert live is not None
        async with asyncio.timeout(60):
            while (found := live.voice(channel)) is None or int(found[0].rpartition(".")[2]) < version:
                await asyncio.sleep(0.01)

    async def stored(self) -> int:
        assert self.voices.store is not None
        return await self.voices.store.count()


def _channel(name: str) -> Channel:
    return Channel(name, f"PJSIP/{name}", "", "", {})


@asynccontextmanager
async def hall(folder: Path, encoders: Encoders = ALL) -> AsyncIterator[Hall]:
    voices = Voicing(VoicesSettings(store=SecretStr(str(folder / "v.sqlite")), small_identity=False))
    await voices.start()
    assert voices.live is not None
    voices.encoders = voices.live.encoders = encoders
    captions, present = CaptionHub(), {}
    made = Hall(None, voices, captions, present)  # type: ignore[arg-type]  # in the next line
    made.incall = InCall(made, voices, captions, lambda: present, lambda: made.now, lambda: 1_700_000_000.0)
    running = asyncio.ensure_future(made.incall.run())
    await asyncio.sleep(0)
    try:
        yield made
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await voices.close()


async def test_who_agreed_by_key_is_spoken_for_in_a_voice_that_gets_better_and_is_gone_when_he_hangs_up(
    tmp_path: Path,
) -> None:
    async with hall(tmp_path) as place:
        line, live = place.come(Somebody(caller="+34600999999")), place.voices.live
        assert live is not None
        assert await place.tells("pressed") == Reply.ASK
        await place.speaks(line, 110, 3)
        assert await place.tells("answered 1") == Reply.YES
        assert live.voice("ch1") is None, "nothing of what he said before he agreed"
        await place.speaks(line, 110, 3)
        await place.speaks(line, 112, 3.5)
        await place.until(1)
        await place.speaks(line, 108, 4)
        await place.speaks(line, 110, 4)
        await place.until(2)
        assert await place.stored() == 0
        place.incall.see(ChannelDestroyed(_channel("ch1")))
        assert live.voice("ch1") is None and live.speakers == {}
        assert await place.stored() == 0
        assert place.incall.counts == {Reply.ASK: 1, Reply.YES: 1}


async def test_a_spoken_yes_is_a_yes_and_its_audio_is_kept_with_the_voice(tmp_path: Path) -> None:
    async with hall(tmp_path) as place:
        ada = Somebody(caller="+34600999999")
        line = place.come(ada)
        assert place.captions.languages("1000") == frozenset()
        assert await place.tells("pressed") == Reply.ASK
        assert place.captions.languages("1000") == {"en"}, "what he answers has to be recognised"
        await asyncio.sleep(0)
        line.add((tone_voice(110, 1.0) * 32767).astype(np.int16), True)
        place.says(ada, "Yes, please.")
        assert await place.tells("answered ") == Reply.YES
        assert place.captions.languages("1000") == frozenset()
        await place.speaks(line, 110, 3)
        await place.speaks(line, 112, 3.5)
        await place.until(1)
        assert await place.tells("pressed") == Reply.KEEP
        assert await place.tells("decided 1") == Reply.KEPT
        store, live = place.voices.store, place.voices.live
        assert store is not None and live is not None
        key = await store.profile_of("+34600999999")
        assert key is not None
        profile = await store.get(key)
        assert profile is not None and profile.version == 1
        consent = profile.consent
        assert "Said: Yes, please." in consent.text and consent.given_by == "+34600999999"
        assert consent.audio_sha256 in {clip.id for clip in profile.clips}
        recorded = await store.audio(key, consent.audio_sha256 or "")
        assert recorded is not None and np.abs(recorded).max() > 1000
        assert [clip.weight for clip in profile.clips if clip.id == consent.audio_sha256] == [0.0]
        await live.refresh()
        await live.enter("ch1", "+34600999999")
        assert live.voice("ch1") is not None and not (live.voice("ch1") or ("",))[0].startswith("call")
        assert await place.tells("pressed") == Reply.HAS


async def test_what_is_kept_while_the_database_is_away_is_stored_when_it_is_back_also_of_who_hung_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hall(tmp_path) as place:
        line, (store, live) = place.come(Somebody(caller="+34600999999")), (place.voices.store, place.voices.live)
        assert store is not None and live is not None
        for value in ("pressed", "answered 1"):
            await place.tells(value)
        await place.speaks(line, 110, 7)
        await place.until(1)
        await place.tells("pressed")

        async def away(*_: object) -> None:
            raise StoreUnavailable("away")

        with monkeypatch.context() as gone:
            gone.setattr(store, "put", away)
            assert await place.tells("decided 1") == Reply.LATER
            assert live.voice("ch1") is not None, "he speaks in it meanwhile"
            assert await place.tells("pressed") == Reply.KEEP
            assert await place.tells("decided 1") == Reply.LATER
            place.incall.see(ChannelDestroyed(_channel("ch1")))
            assert live.voice("ch1") is None
        async with asyncio.timeout(20):
            while not place.incall.counts[Reply.KEPT]:
                await asyncio.sleep(0.01)
        assert await store.profile_of("+34600999999") is not None and await place.stored() == 1


async def test_no_other_word_a_wrong_key_and_silence_are_no_consent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dragoman.enrolment.incall.ANSWER_S", -1.0)
    async with hall(tmp_path) as place:
        ada, bob = Somebody(caller="+34600999999"), Somebody("ch2", 2, caller="7")
        line = place.come(ada)
        place.come(bob)
        for answer, words in (("answered 2", ""), ("answered ", "No, yes, no."), ("answered ", "")):
            assert await place.tells("pressed") == Reply.ASK
            await asyncio.sleep(0)
            if words:
                place.says(ada, words)
            place.says(bob, "Yes.")
            assert await place.tells(answer) == Reply.NO
        await place.speaks(line, 110, 8)
        assert place.voices.live is not None and place.voices.live.speakers == {}
        assert await place.tells("answered 1") == Reply.AWAY, "nobody asked him"
        assert await place.tells("decided 1") == Reply.AWAY


async def test_what_is_learnt_may_be_forgotten_at_once_and_of_a_hidden_number_nothing_is_kept(tmp_path: Path) -> None:
    async with hall(tmp_path) as place:
        line, live = place.come(Somebody(caller="")), place.voices.live
        assert live is not None
        await place.tells("pressed")
        assert await place.tells("answered 1") == Reply.YES
        assert await place.tells("pressed") == Reply.KEEP
        assert await place.tells("decided 1") == Reply.AWAY, "there is nothing yet"
        await place.speaks(line, 110, 7)
        await place.until(1)
        assert await place.tells("decided 1") == Reply.AWAY
        assert await place.tells("decided ") == Reply.YES
        assert live.voice("ch1") is not None and await place.stored() == 0
        assert await place.tells("decided 3") == Reply.DROPPED
        assert live.voice("ch1") is None


async def test_without_a_cloning_engine_or_a_store_the_caller_is_told(tmp_path: Path) -> None:
    async with hall(tmp_path, Encoders(ALL.identity, ALL.style, None)) as place:
        place.come(Somebody(caller="+34600999999"))
        assert await place.tells("pressed") == Reply.AWAY
        place.voices.encoders = ALL
        assert await place.tells("pressed", "nobody") == Reply.AWAY
        place.voices.live = None
        assert await place.tells("pressed") == Reply.AWAY


async def test_another_person_on_the_phone_teaches_it_nothing_and_does_not_speak_in_the_first_ones_voice(
    tmp_path: Path,
) -> None:
    async with hall(tmp_path) as place:
        line, live = place.come(Somebody(caller="+34600999999")), place.voices.live
        assert live is not None
        await place.tells("pressed")
        await place.tells("answered 1")
        await place.speaks(line, 110, 7)
        await place.until(1)
        await place.speaks(line, 230, 8)
        learner = place.incall._learners["ch1"]
        async with asyncio.timeout(60):
            while not learner.learning.rejected:
                await asyncio.sleep(0.01)
        for _ in range(2):
            await live.hear("ch1", tone_voice(230, 3), 3.0)
        assert live.voice("ch1") is None


async def test_who_chooses_another_language_has_his_voice_again_and_who_stays_away_has_not(tmp_path: Path) -> None:
    async with hall(tmp_path) as place:
        line, live = place.come(Somebody(caller="+34600999999")), place.voices.live
        assert live is not None
        await place.tells("pressed")
        await place.tells("answered 1")
        await place.speaks(line, 110, 7)
        await place.until(1)
        place.present.clear()
        live.leave("ch1")
        await place.incall.look()
        place.come(Somebody(epoch=2, caller="+34600999999"))
        await place.incall.look()
        assert live.voice("ch1") is not None
        place.present.clear()
        place.now += AWAY_S + 1
        await place.incall.look()
        assert live.voice("ch1") is None


def test_the_answer_is_where_the_dialplan_looks_for_it() -> None:
    assert answer_to("1795627712.12") == "DRAGOMAN_OWN_179562771212"
    assert answer_to("pbx-1795627712.12") == "DRAGOMAN_OWN_179562771212"


async def test_while_asterisk_does_not_answer_nobody_is_and_afterwards_they_are(tmp_path: Path) -> None:
    async with hall(tmp_path) as place:
        place.come(Somebody(caller="+34600999999"))
        place.gone = True
        place.incall.see(ChannelVarset(_channel("ch1"), TOLD, "pressed"))
        place.incall.see(ChannelVarset(_channel("ch1"), TOLD, "nonsense"))
        place.incall.see(ChannelVarset(None, TOLD, "pressed"))
        async with asyncio.timeout(60):
            while not place.incall.counts[Reply.ASK]:
                await asyncio.sleep(0)
        assert not place.answers
        place.gone = False
        assert await place.tells("pressed") == Reply.ASK
