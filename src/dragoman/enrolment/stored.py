"""The voices that enrolment works with: profiles made by ``voices.make``, kept in its store, spoken by the engines."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Final, cast

import numpy as np

from dragoman.engines.base import SpeechRequest, Synthesizer
from dragoman.enrolment import model
from dragoman.enrolment.model import Clip, ClipReport, Order
from dragoman.enrolment.ports import Changes, Likeness, ProfileDetail, ProfileView
from dragoman.errors import ClipRejected, EngineError, EngineRejected, ProfileConflict
from dragoman.media.format import Pcm
from dragoman.voices import clip as measures
from dragoman.voices.embedders import Encoders
from dragoman.voices.fault import FaultKind
from dragoman.voices.make import (
    MadeProfile,
    RawClip,
    clip_id,
    judge,
    make_profile,
    score,
    to_audio,
    with_recording,
)
from dragoman.voices.profile import Consent, Defaults, VoiceProfile
from dragoman.voices.source import LiveVoices
from dragoman.voices.store.rows import ProfileHead
from dragoman.voices.store.store import VoiceStore

VOICE: Final = "voice"
"""Option of a SpeechRequest that names the profile to speak in."""

EXAMINED: Final = 2 * model.CLIPS_TAKEN
"""Clips whose examination is remembered until the profile is made: the desk works on one enrolment at a time."""

PAGE: Final = 500
"""Profiles read at once where all are wanted."""


class StoredVoices:
    """Implements enrolment.ports.Voices.

    Args:
        store: a store that was started.
        encoders: what there is to listen with, by now: they are loaded after the store is built.
        synthesizers: the engines that speak a language, in the order in which they are asked.
        clock: unix time, s.
        live: where synthesizers find whose voice a speaker has; for previews.
    """

    def __init__(
        self,
        store: VoiceStore,
        encoders: Callable[[], Encoders],
        synthesizers: Callable[[str], Sequence[Synthesizer]],
        clock: Callable[[], float] = time.time,
        live: Callable[[], LiveVoices | None] = lambda: None,
    ) -> None:
        self._store = store
        self._encoders = encoders
        self._synthesizers = synthesizers
        self._clock = clock
        self._live = live
        self._examined: OrderedDict[bytes, measures.ClipReport] = OrderedDict()
        """What was found in clips that a profile is made of next, by a hash of their samples; EXAMINED at most."""

    # ---- what computes

    def examine(self, clips: Sequence[Clip]) -> Sequence[ClipReport]:
        """Voices."""
        if not clips:
            return ()
        identity = self._encoders().identity
        found = judge([_raw(clip) for clip in clips], identity, [clip.name for clip in clips])
        for clip, report in zip(clips, found, strict=True):
            if report.usable:  # a profile is made of no other; and a repeated clip has the hash of a good one
                self._examined[_hash(clip)] = report
        while len(self._examined) > EXAMINED:
            self._examined.popitem(last=False)
        return [_report(clip, report) for clip, report in zip(clips, found, strict=True)]

    def make(self, profile_id: str, order: Order, clips: Sequence[Clip]) -> tuple[object, tuple[str, ...]]:
        """Voices."""
        agreed = None if order.consent_audio is None else to_audio(_raw(order.consent_audio))
        heard = order.consent.audio_sha256 if agreed is None else clip_id(agreed)
        reports = [self._examined.pop(_hash(clip), None) for clip in clips]
        known = [report for report in reports if report is not None]
        made = make_profile(
            [_raw(clip) for clip in clips],
            reports=known if len(known) == len(clips) else None,
            name=order.name,
            language=order.language,
            consent=Consent(order.consent.who, order.consent.at, order.consent.text, heard),
            defaults=Defaults(order.defaults.speed, order.defaults.pitch, order.defaults.gain_db),
            encoders=self._encoders(),
            now=self._clock(),
        )
        made = replace(made, profile=replace(made.profile, id=profile_id))
        return made if agreed is None else with_recording(made, agreed), made.profile.notes

    def likeness(self, profile: object, clip: Clip) -> Likeness:
        """Voices."""
        assert isinstance(profile, VoiceProfile)
        raw = _raw(clip)
        faults = measures.examine(raw.samples, raw.rate).faults
        if unheard := [fault.text for fault in faults if fault.kind in (FaultKind.SILENT, FaultKind.TOO_SHORT)]:
            raise ClipRejected("; ".join(unheard))
        found = score(profile, raw.samples, raw.rate, self._encoders().identity)
        return Likeness(found.cosine, found.threshold)

    # ---- the store

    async def put(self, profile: object, callers: Sequence[str]) -> None:
        """Voices."""
        assert isinstance(profile, MadeProfile)
        await self._store.put(profile.profile, profile.audio, callers)

    async def fetch(self, profile_id: str) -> object | None:
        """Voices."""
        return await self._store.get(profile_id)

    async def get(self, profile_id: str) -> ProfileDetail | None:
        """Voices."""
        profile = await self._store.get(profile_id)
        return None if profile is None else _detail(profile, await self._store.callers(profile_id))

    async def list(self, offset: int, limit: int) -> Sequence[ProfileView]:
        """Voices."""
        return [_view(head.profile, head.callers) for head in await self._store.list(offset, limit)]

    async def change(self, profile_id: str, changes: Changes) -> ProfileDetail | None:
        """Voices."""
        defaults = changes.defaults
        profile = await self._store.patch(
            profile_id,
            name=changes.name,
            defaults=None if defaults is None else Defaults(defaults.speed, defaults.pitch, defaults.gain_db),
            callers=changes.callers,
        )
        return None if profile is None else await self.get(profile_id)

    async def delete(self, profile_id: str) -> Sequence[str] | None:
        """Voices."""
        gone = await self._store.delete(profile_id)
        if not gone.found:
            return None
        deleted = [
            "the profile, with its consent and vectors",
            f"{gone.clips} recordings",
            f"{gone.callers} caller ids",
        ]
        if gone.wiped:
            deleted.append("their traces in the database's files")
        return [*deleted, f"not within our reach: {gone.note}"] if gone.note else deleted

    async def callers(self) -> Sequence[tuple[str, str]]:
        """Voices."""
        return sorted([(caller, head.profile.id) async for head in self._heads() for caller in head.callers])

    async def assign(self, caller: str, profile_id: str) -> bool:
        """Voices."""
        try:
            await self._store.assign(caller, profile_id)
        except ProfileConflict:
            return False
        return True

    async def unassign(self, caller: str) -> bool:
        """Voices."""
        return await self._store.unassign(caller)

    async def export(self, profile_id: str) -> bytes | None:
        """Voices."""
        return await self._store.export(profile_id)

    async def take(self, data: bytes) -> ProfileDetail:
        """Voices."""
        return _detail(await self._store.load(data), ())

    # ---- the engines

    async def speak(self, profile_id: str, text: str, language: str) -> AsyncIterator[Pcm]:
        """Voices. An engine that fails before it made a sound leaves it to the next one."""
        profile, live = await self._store.get(profile_id), self._live()
        speaker = f"preview.{secrets.token_hex(8)}"
        if live is not None and (profile is None or not live.takes(profile)):
            live = None  # the neutral voice, as in a call
        if live is not None and profile is not None:
            live.lend(speaker, profile)
        try:
            async with aclosing(self._speak(speaker, profile_id, text, language)) as speech:
                async for piece in speech:
                    if live is not None and speaker not in live.speakers:
                        raise EngineRejected("preview", "the profile was deleted")
                    yield piece
        finally:
            if live is not None:
                live.leave(speaker)

    async def _speak(self, speaker: str, profile_id: str, text: str, language: str) -> AsyncGenerator[Pcm, None]:
        problem: EngineError = EngineRejected("preview", f"no synthesizer speaks {language}")
        request = SpeechRequest(text, language, speaker, {VOICE: profile_id})
        for engine in self._synthesizers(language):
            began = False
            try:
                async with aclosing(cast("AsyncGenerator[Pcm]", engine.synthesize(request))) as speech:
                    async for piece in speech:
                        began = True
                        yield piece
                return
            except EngineError as error:
                if began:
                    raise
                problem = error
        raise problem

    async def _heads(self) -> AsyncIterator[ProfileHead]:
        offset = 0
        while page := await self._store.list(offset, PAGE):
            for head in page:
                yield head
            offset += len(page)


def _hash(clip: Clip) -> bytes:
    return hashlib.sha256(clip.samples.tobytes() + str(clip.rate).encode()).digest()


def _raw(clip: Clip) -> RawClip:
    return RawClip(clip.samples.astype(np.float32) / np.float32(32768), clip.rate)


def _report(clip: Clip, found: measures.ClipReport) -> ClipReport:
    """What was measured, in the words of enrolment; clipping was looked for before mixing and resampling hid it."""
    faults = {fault.kind: fault.text for fault in found.faults}
    if clip.clipped > measures.CLIPPED_SHARE:
        share = f"{clip.clipped:.1%} of it is cut off at the loudest level"
        faults.setdefault(FaultKind.CLIPPED, f"{share}: farther from the microphone, please")
    return ClipReport(
        name=clip.name,
        faults=tuple(faults),
        advice="; ".join(faults.values()),
        seconds=clip.seconds,
        speech_s=found.speech_seconds,
        snr_db=found.snr_db,
    )


def _view(profile: VoiceProfile, callers: Sequence[str]) -> ProfileView:
    return ProfileView(
        id=profile.id,
        name=profile.name,
        language=profile.language,
        version=profile.version,
        created=profile.created,
        clips=len(profile.clips),
        callers=tuple(callers),
    )


def _detail(profile: VoiceProfile, callers: Sequence[str]) -> ProfileDetail:
    consent, defaults = profile.consent, profile.defaults
    return ProfileDetail(
        head=_view(profile, callers),
        consent=model.Consent(consent.given_by, consent.text, consent.at, consent.audio_sha256),
        defaults=model.Defaults(defaults.speed, defaults.pitch, defaults.gain_db),
        identity=profile.identity is not None,
        clone=profile.models.latents is not None,
    )
