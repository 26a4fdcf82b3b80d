"""From recordings to a profile: wrong clips are named and left out, and vectors of another encoder are refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.voices.vectors import CONSENT, FlatLatents, LevelStyle, PitchIdentity, noise, tone_voice

from dragoman.errors import ClipRejected, VoiceUnavailable
from dragoman.voices.embedders import Encoders
from dragoman.voices.fault import FaultKind
from dragoman.voices.make import (
    CLIP_RATE,
    MadeProfile,
    RawClip,
    clip_id,
    extend_profile,
    judge,
    make_profile,
    score,
    to_audio,
)
from dragoman.voices.profile import Defaults
from dragoman.voices.store.archive import pack, unpack

ALL = Encoders(PitchIdentity(), LevelStyle(), FlatLatents())


def spoken(pitch: float, seconds: float = 4, rate: int = 16_000, level: float = 0.3) -> RawClip:
    samples = tone_voice(pitch, seconds, rate, level)
    return RawClip(samples + noise(len(samples), 1e-4), rate)


def made(*clips: RawClip, encoders: Encoders = ALL, **options: int) -> MadeProfile:
    return make_profile(clips, name="Ada", consent=CONSENT, encoders=encoders, now=1e9, language="en", **options)  # type: ignore[arg-type]  # min_clips only


def test_three_good_clips_make_a_profile() -> None:
    steps: list[float] = []
    result = make_profile(
        [spoken(110), spoken(112, rate=48_000), spoken(108, 8, rate=8000)],
        name="Ada",
        consent=CONSENT,
        encoders=ALL,
        now=1e9,
        defaults=Defaults(gain_db=2.0),
        progress=lambda done, what: steps.append(done),
    )
    profile = result.profile
    assert (profile.version, profile.created, profile.notes) == (1, 1e9, ())
    assert (profile.models.identity, profile.models.style, profile.models.latents) == ("pitch-1", "level-1", "flat-1")
    weights = [clip.weight for clip in profile.clips]
    assert sum(weights) == pytest.approx(1.0) and weights[2] > weights[0] > 0
    assert profile.identity is not None and profile.style is not None
    assert list(result.audio) == [clip.id for clip in profile.clips]
    assert all(clip_id(pcm) == key for key, pcm in result.audio.items())
    assert len(result.audio[profile.clips[1].id]) == pytest.approx(4 * CLIP_RATE, abs=2)
    assert steps == sorted(steps) and steps[-1] == 1.0
    assert unpack(pack(profile, result.audio))[0].id == profile.id


def test_the_odd_clip_is_left_out_and_named() -> None:
    result = made(spoken(110), spoken(230), spoken(112), spoken(109))
    assert len(result.profile.clips) == 3
    assert [fault.kind for fault in result.reports[1].faults] == [FaultKind.ANOTHER_SPEAKER]
    assert result.profile.notes[0].startswith("clip 2 left out: not the same voice")


def test_too_few_good_clips_say_what_is_wrong_with_each() -> None:
    silent = RawClip(np.zeros(64_000, np.float32), 16_000)
    with pytest.raises(ClipRejected, match="1 good clips of 3; 3 are needed") as caught:
        made(spoken(110), silent, spoken(110, 1))
    assert [len(each) for each in caught.value.faults] == [0, 1, 1]
    assert "clip 2: nobody can be heard" in str(caught.value)


def test_the_same_recording_three_times_is_one() -> None:
    with pytest.raises(ClipRejected, match="the same recording"):
        made(spoken(110), spoken(110), spoken(110))


def test_without_encoders_there_is_a_profile_that_says_what_it_lacks() -> None:
    profile = made(spoken(110), spoken(111), spoken(230), encoders=Encoders()).profile
    assert profile.identity is None and profile.style is None and len(profile.notes) == 3
    assert sum(clip.weight for clip in profile.clips) == pytest.approx(1.0)


def test_a_profile_grows_by_its_owners_clips_only() -> None:
    first = made(spoken(110), min_clips=1).profile
    grown = extend_profile(first, [spoken(112, 6), spoken(230), spoken(110)], encoders=ALL, now=2e9)
    assert (grown.profile.version, grown.profile.changed, len(grown.profile.clips)) == (2, 2e9, 2)
    assert [bool(report.faults) for report in grown.reports] == [False, True, False]
    assert len(grown.audio) == 1, "the clip it has already is not new"
    best = extend_profile(grown.profile, [spoken(p, 9) for p in (108, 109, 111)], encoders=ALL, now=3e9, most=3)
    assert [clip.seconds for clip in best.profile.clips] == pytest.approx([9, 9, 9], abs=0.1)


def test_a_profile_of_another_encoder_is_not_extended_nor_compared() -> None:
    first = made(spoken(110), min_clips=1).profile
    other = PitchIdentity()
    other.name = "pitch-2"
    with pytest.raises(VoiceUnavailable, match="enrol"):
        extend_profile(first, [spoken(112)], encoders=replace(ALL, identity=other), now=2e9)
    with pytest.raises(VoiceUnavailable, match="pitch-1, this daemon has pitch-2"):
        score(first, tone_voice(110, 3), 16_000, other)
    with pytest.raises(VoiceUnavailable, match=r"voices\.ecapa"):
        score(first, tone_voice(110, 3), 16_000, None)


def test_likeness() -> None:
    profile = made(spoken(110), spoken(112), spoken(108)).profile
    assert score(profile, tone_voice(111, 3, 24_000), 24_000, ALL.identity).same
    assert not score(profile, tone_voice(220, 3), 16_000, ALL.identity).same


def test_a_bad_clip_has_no_say_in_who_the_person_is() -> None:
    """Two noisy clips of somebody else must not outvote the good one."""
    noisy = [
        RawClip(c.samples + noise(len(c.samples), 0.1, seed), c.rate)
        for seed, c in enumerate([spoken(230), spoken(232)])
    ]
    reports = judge([*noisy, spoken(110), spoken(111)], ALL.identity)
    assert [[fault.kind for fault in report.faults] for report in reports][2:] == [[], []]


def test_what_is_too_loud_is_limited_when_kept() -> None:
    audio = to_audio(RawClip(np.array([2.0, -2.0, np.nan] * 100, np.float32), CLIP_RATE))
    assert (audio.max(), audio.min()) == (32767, -32768)
