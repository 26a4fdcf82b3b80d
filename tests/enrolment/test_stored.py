"""Enrolment into the real store: clips through the desk become a profile that is listed, compared, changed, deleted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr
from tests.enrolment.clips import encoded, voiced

from dragoman.engines.base import SpeechRequest
from dragoman.enrolment.desk import EnrolmentDesk
from dragoman.enrolment.model import Clip, Consent, Defaults, Enrolment, Order, SentClip, State
from dragoman.enrolment.ports import Changes
from dragoman.enrolment.stored import VOICE, StoredVoices
from dragoman.errors import (
    ClipRejected,
    EngineCrashed,
    EngineRejected,
    ProfileConflict,
    ProfileInvalid,
    VoiceUnavailable,
)
from dragoman.voices.embedders import Encoders
from dragoman.voices.fault import FaultKind
from dragoman.voices.profile import VoiceProfile
from dragoman.voices.source import LiveVoices
from dragoman.voices.store.archive import CLOCKS_S, pack, unpack
from dragoman.voices.store.store import VoiceStore

ORDER = {"name": "Ann", "language": "en", "consent": Consent("Ann", "Yes, clone it.", 5.0)}


class PitchEmbedder:
    """Tells voices by their pitch: a vector with a bump where the logarithm of the pitch lies."""

    name, dimension, threshold = "pitch-1", 48, 0.6

    def embed(self, samples: Any) -> Any:
        wave = np.asarray(samples[:8_000], np.float64)
        found = np.correlate(wave, wave, "full")[len(wave) - 1 :]
        period = 40 + int(np.argmax(found[40:267]))
        at = np.linspace(np.log(60), np.log(400), self.dimension)
        bump = np.exp(-(((at - np.log(16_000 / period)) / 0.1) ** 2))
        return (bump / np.linalg.norm(bump)).astype(np.float32)


@dataclass
class ToySynthesizer:
    fails: bool = False
    late: bool = False

    def __post_init__(self) -> None:
        self.asked: list[SpeechRequest] = []

    def supports(self, language: str) -> bool:
        return True

    async def synthesize(self, request: SpeechRequest) -> AsyncIterator[Any]:
        self.asked.append(request)
        if self.fails and not self.late:
            raise EngineCrashed("toy", "gone")
        yield np.ones(320, np.int16)
        if self.fails:
            raise EngineCrashed("toy", "gone")
        yield np.ones(320, np.int16)


@asynccontextmanager
async def voices_of(
    folder: Path, engines: Sequence[Any] = (), encoders: Encoders | None = None
) -> AsyncIterator[tuple[StoredVoices, EnrolmentDesk]]:
    store = VoiceStore(SecretStr(str(folder / "voices.sqlite")))
    await store.start()
    try:
        voices = StoredVoices(
            store, lambda: encoders or Encoders(PitchEmbedder()), lambda language: engines, lambda: 7.0
        )
        desk = EnrolmentDesk(voices, folder / "in")
        async with asyncio.TaskGroup() as group:
            running = group.create_task(desk.run())
            yield voices, desk
            running.cancel()
    finally:
        await store.close()


async def enrol(desk: EnrolmentDesk, *clips: tuple[str, bytes], **more: Any) -> Enrolment:
    place = await desk.admit()
    sent = []
    for number, (name, data) in enumerate(clips):
        path = place.folder / f"{number:02d}"
        path.write_bytes(data)
        sent.append(SentClip(name, path))
    begun = place.submit(Order(clips=tuple(sent), **ORDER | more))
    async with asyncio.timeout(60):
        return [step async for _, step in desk.watch(begun.id)][-1]


def good(seed: int, **changes: Any) -> tuple[str, bytes]:
    return f"{seed}.wav", encoded(voiced(6.0, seed=seed, **changes))


async def test_the_whole_way_of_a_profile(tmp_path: Path) -> None:
    async with voices_of(tmp_path) as (voices, desk):
        last = await enrol(desk, *map(good, (1, 2, 3)), callers=("+34600",), defaults=Defaults(1.1, 1.0, -2.0))
        assert (last.state, last.detail) == (State.DONE, "")
        assert any("no voice-cloning synthesizer" in warning for warning in last.warnings)
        found = await voices.get(last.id)
        assert found is not None and found.consent == Consent("Ann", "Yes, clone it.", 5.0)
        assert (found.defaults, found.head.callers, found.head.clips) == (Defaults(1.1, 1.0, -2.0), ("+34600",), 3)
        assert (found.identity, found.clone) == (True, False)
        assert [view.id for view in await voices.list(0, 10)] == [last.id]

        changed = await voices.change(last.id, Changes(name="Bea", callers=("7",)))
        assert changed is not None and (changed.head.name, changed.head.callers) == ("Bea", ("7",))
        assert changed.defaults == found.defaults and changed.head.version == 2
        assert await voices.callers() == [("7", last.id)]
        assert await voices.assign("8", last.id) and not await voices.assign("8", "v_" + "x" * 22)
        assert await voices.unassign("8") and not await voices.unassign("8")

        exported = await voices.export(last.id)
        assert exported is not None
        with pytest.raises(ProfileConflict):
            await voices.take(exported)
        gone = await voices.delete(last.id)
        assert gone is not None and gone[1:3] == ["3 recordings", "1 caller ids"]
        assert await voices.get(last.id) is None and await voices.delete(last.id) is None
        assert (await voices.take(exported)).head.id == last.id
        with pytest.raises(ProfileInvalid):
            await voices.take(b"PK\x03\x04nonsense")
        await voices.delete(last.id)
        profile, audio = unpack(exported)
        agreed = replace(profile.consent, at=time.time() + 2 * CLOCKS_S)
        with pytest.raises(ProfileInvalid, match="still to come"):
            await voices.take(pack(replace(profile, consent=agreed), audio))
        assert await voices.get(last.id) is None


async def test_the_owner_is_told_from_another(tmp_path: Path) -> None:
    async with voices_of(tmp_path) as (voices, desk):
        last = await enrol(desk, *map(good, (1, 2, 3)))
        profile = await voices.fetch(last.id)
        assert profile is not None

        def clip(pitch: float) -> Clip:
            return Clip("a", (voiced(4.0, pitch=pitch) * 32767).astype(np.int16), 16_000, 4.0, 0.0)

        assert voices.likeness(profile, clip(120.0)).same and not voices.likeness(profile, clip(230.0)).same
        for pcm, why in ((np.zeros(64_000, np.int16), "nobody can be heard"), (clip(120.0).samples[:16_000], "speech")):
            with pytest.raises(ClipRejected, match=why):
                voices.likeness(profile, Clip("a", pcm, 16_000, len(pcm) / 16_000, 0.0))
        deaf = StoredVoices(voices._store, Encoders, lambda language: ())
        with pytest.raises(VoiceUnavailable, match=r"voices\.ecapa"):
            deaf.likeness(profile, clip(120.0))


async def test_what_is_wrong_with_each_clip_is_told(tmp_path: Path) -> None:
    clip = voiced(6.0)
    noise = np.random.default_rng(1).standard_normal(len(clip)).astype(np.float32)
    both = np.concatenate([voiced(5.0), voiced(5.0, pitch=230.0)])
    bad = {
        FaultKind.TOO_SHORT: encoded(voiced(0.8)),
        FaultKind.SILENT: encoded(0 * clip),
        FaultKind.CLIPPED: encoded(np.stack([np.clip(30 * clip, -1, 1), 0 * clip], axis=1)),
        FaultKind.NOISY: encoded(clip + 0.05 * noise),
        FaultKind.TWO_SPEAKERS: encoded(both),
        FaultKind.ANOTHER_SPEAKER: encoded(voiced(6.0, pitch=230.0)),
        FaultKind.UNREADABLE: b"RIFF1234WAVE",
    }
    async with voices_of(tmp_path) as (_, desk):
        sent = [(str(fault), data) for fault, data in bad.items()]
        last = await enrol(desk, *map(good, (1, 2, 3)), *sent)
        assert last.state is State.DONE, last
        for report in last.clips[3:]:
            assert FaultKind(report.name) in report.faults and report.advice, report
        assert all(report.good and report.snr_db for report in last.clips[:3])


async def test_the_same_recording_thrice_is_not_three_clips(tmp_path: Path) -> None:
    async with voices_of(tmp_path) as (_, desk):
        again = [(f"{number}.wav", good(1)[1]) for number in (2, 3)]
        last = await enrol(desk, good(1), *again)
        assert last.state is State.REFUSED and "same recording" in last.detail
        assert [clip.faults for clip in last.clips] == [(), (FaultKind.REPEATED,), (FaultKind.REPEATED,)]
        assert f"the same recording as {good(1)[0]}:" in last.clips[2].advice
        last = await enrol(desk, good(1), *again, good(4), good(5))
        assert last.state is State.DONE, "what was said of a good clip is not taken from its copy"


async def test_without_any_encoder_a_profile_is_made_and_says_what_it_lacks(tmp_path: Path) -> None:
    async with voices_of(tmp_path, encoders=Encoders()) as (voices, desk):
        last = await enrol(desk, *map(good, (1, 2, 3)))
        assert last.state is State.DONE and len(last.warnings) == 3
        found = await voices.get(last.id)
        assert found is not None and not found.identity


async def test_a_preview_names_the_profile_and_falls_back_before_the_first_sound(tmp_path: Path) -> None:
    broken, working = ToySynthesizer(fails=True), ToySynthesizer()
    async with voices_of(tmp_path, [broken, working]) as (voices, _):
        heard = [piece async for piece in voices.speak("v_1", "Hello", "en")]
        assert len(heard) == 2 and working.asked[0].options == {VOICE: "v_1"}
        broken.late = True
        with pytest.raises(EngineCrashed):
            async for _ in voices.speak("v_1", "Hello", "en"):
                pass
    async with voices_of(tmp_path) as (voices, _):
        with pytest.raises(EngineRejected, match="no synthesizer speaks en"):
            await anext(voices.speak("v_1", "Hello", "en"))


async def test_the_recording_of_the_consent_is_kept_and_named_by_its_hash_whether_it_is_a_good_clip_or_not(
    tmp_path: Path,
) -> None:
    async with voices_of(tmp_path) as (voices, desk):
        for data, clips in ((good(1)[1], 3), (encoded(voiced(1.0)), 4)):
            place = await desk.admit()
            sent = []
            for name, content in (("sentence 1", data), *map(good, (2, 3, 4))):
                path = place.folder / name
                path.write_bytes(content)
                sent.append(SentClip(name, path))
            if clips == 3:
                sent.pop()
            order = Order(**ORDER, clips=tuple(sent), consent_clip="sentence 1")
            place.submit(order)
            async for _, step in desk.watch(place.id):
                last = step
            assert last.state is State.DONE, last
            profile = await voices.fetch(place.id)
            assert isinstance(profile, VoiceProfile) and len(profile.clips) == clips
            key = profile.consent.audio_sha256
            assert key in {clip.id for clip in profile.clips}
            assert await voices._store.audio(place.id, key or "") is not None


async def test_a_preview_is_spoken_in_the_profile_and_leaves_nothing_behind(tmp_path: Path) -> None:
    seen = []
    async with voices_of(tmp_path) as (voices, desk):
        last = await enrol(desk, *map(good, (1, 2, 3)))
        live = LiveVoices(voices._store, Encoders())

        class Listening(ToySynthesizer):
            async def synthesize(self, request: SpeechRequest) -> AsyncIterator[Any]:
                seen.append(live.speakers[request.speaker])
                yield np.ones(320, np.int16)

        voices._live = lambda: live
        voices._synthesizers = lambda language: [Listening()]
        assert len([piece async for piece in voices.speak(last.id, "Hello", "en")]) == 1
        assert seen == [last.id] and live.speakers == {}

        live.latents_model = "another synthesizer's"
        seen.clear()

        class Neutral(ToySynthesizer):
            async def synthesize(self, request: SpeechRequest) -> AsyncIterator[Any]:
                seen.append(live.conditioning(request.speaker))
                yield np.ones(320, np.int16)

        voices._synthesizers = lambda language: [Neutral()]
        assert len([piece async for piece in voices.speak(last.id, "Hello", "en")]) == 1
        assert seen == [None], "a profile of another model is not guessed at, as in a call"


async def test_a_preview_ends_when_its_profile_is_deleted(tmp_path: Path) -> None:
    async with voices_of(tmp_path, [ToySynthesizer()]) as (voices, desk):
        last = await enrol(desk, *map(good, (1, 2, 3)))
        live = LiveVoices(voices._store, Encoders())
        voices._live = lambda: live
        voices._store.on_change = live.changed
        heard = 0
        with pytest.raises(EngineRejected, match="the profile was deleted"):
            async for _ in voices.speak(last.id, "Hello", "en"):
                heard += 1
                await voices.delete(last.id)
        assert heard == 1 and live.speakers == {}


async def test_each_clip_is_embedded_once(tmp_path: Path) -> None:
    class Counting(PitchEmbedder):
        def __init__(self) -> None:
            self.lengths: list[int] = []

        def embed(self, samples: Any) -> Any:
            self.lengths.append(len(samples))
            return super().embed(samples)

    identity = Counting()
    async with voices_of(tmp_path, encoders=Encoders(identity)) as (_, desk):
        assert (await enrol(desk, *map(good, (1, 2, 3)))).state is State.DONE
    longest = max(identity.lengths)
    assert sum(length > longest * 0.8 for length in identity.lengths) == 3
