"""One caller whose voice is learnt in the call: his consent, his speech in clips, the profile so far. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, Protocol

import numpy as np

from dragoman.enrolment.live import MOST_S, LiveLearning, Stretch
from dragoman.media.format import SAMPLE_RATE, Pcm
from dragoman.telephony.model import Leg
from dragoman.voices.embedders import Encoders
from dragoman.voices.make import (
    Audio,
    MadeProfile,
    RawClip,
    clip_id,
    extend_profile,
    make_profile,
    to_audio,
    with_recording,
)
from dragoman.voices.profile import Consent, VoiceProfile, printed

PAUSE_S: Final = 0.5
"""Seconds of silence that end an utterance."""

LEAD_S: Final = 0.5
"""Seconds before the first speech that is seen which may belong to it: the voice detector's, and those of a look."""


class Heard(Protocol):
    """A leg's audio (pipeline.ports.LegAudio)."""

    @property
    def end(self) -> int:
        """Audio time of the next sample."""

    @property
    def heard_until(self) -> int:
        """Audio time behind the last speech."""

    def read(self, start: int, stop: int) -> Pcm:
        """Samples [start, stop)."""


class Learner:
    """From his consent to hanging up. ``make`` computes, and may run in a thread; all else is the loop's."""

    def __init__(self, leg: Leg, consent: Pcm, text: str, now: float) -> None:
        """``consent``: what was heard when he agreed, 16 kHz; ``text``: what he agreed to; ``now``: unix time, s."""
        self.leg = leg
        self.learning = LiveLearning()
        self.profile: VoiceProfile | None = None
        self.seen = 0.0
        """When he was last in a room, s, monotonic."""
        self.consent_audio = to_audio(_raw(consent))
        self.consent = Consent(leg.caller or _name(leg), now, text, clip_id(self.consent_audio))
        self._audio: dict[Stretch, Pcm] = {}  # of stretches in no profile yet: bounded by LiveLearning
        self._clips: dict[str, Audio] = {}
        self._timeline = ""
        self._start: int | None = None
        self._until = 0

    def begin(self, leg_id: str, at: int) -> None:
        """From audio time ``at`` of this leg on, what he says is learnt from."""
        self._timeline, self._start, self._until = leg_id, None, at

    def take(self, leg_id: str, audio: Heard) -> None:
        """Cut what he said since into utterances, and copy them: the audio of a leg reaches back for 20 s only."""
        if self._timeline != leg_id:  # he left the room and came back
            self.begin(leg_id, audio.end)
        until = audio.heard_until
        if self._start is None:
            if until <= self._until:
                return
            self._start = max(self._until, until - round(LEAD_S * SAMPLE_RATE))
        ended = audio.end - until >= round(PAUSE_S * SAMPLE_RATE)
        if ended or until - self._start >= round(MOST_S * SAMPLE_RATE):
            for stretch in self.learning.heard(self._start, until):
                self._audio[stretch] = audio.read(stretch.start, stretch.end)
            self._start, self._until = None, until

    def clips_of(self, due: Sequence[Stretch]) -> list[RawClip]:
        """The clips of these stretches; they are not held here any more."""
        return [_raw(self._audio.pop(stretch)) for stretch in due]

    def make(self, clips: Sequence[RawClip], encoders: Encoders, now: float) -> MadeProfile:
        """The first profile, or the next version of it.

        Raises:
            ClipRejected, VoiceUnavailable: nothing comes of these clips.
        """
        if self.profile is not None:
            return extend_profile(self.profile, clips, encoders=encoders, now=now)
        return make_profile(
            clips,
            name=_name(self.leg),
            consent=self.consent,
            encoders=encoders,
            now=now,
            language=self.leg.language,
            min_clips=1,
        )

    def accept(self, made: MadeProfile) -> None:
        """It was made of the clips that were due."""
        self.learning.made(len(made.audio))
        known = {**self._clips, **made.audio}
        self.profile = made.profile
        self._clips = {clip.id: known[clip.id] for clip in made.profile.clips}

    def to_keep(self) -> tuple[VoiceProfile, Mapping[str, Audio]] | None:
        """The profile as a new one, and its recordings: the consent's is a clip that does not count. None: none yet."""
        if self.profile is None:
            return None
        kept = with_recording(MadeProfile(replace(self.profile, version=1), self._clips, ()), self.consent_audio)
        return kept.profile, kept.audio


def _raw(pcm: Pcm) -> RawClip:
    return RawClip(pcm.astype(np.float32) / np.float32(32768), SAMPLE_RATE)


def _name(leg: Leg) -> str:
    """What his phone shows of him, which comes from outside, without what no profile's name may have.

    Not by ``unmarked``: that leaves control characters for a person to be told of, and here is nobody to tell.
    """
    return "".join(char for char in leg.name if printed(char)).strip() or leg.caller or leg.name
