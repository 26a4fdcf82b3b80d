"""From recordings to a profile: judge the clips, embed them, keep what is one person. Heavy: call it in a thread."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from dragoman.errors import ClipRejected, VoiceUnavailable
from dragoman.media.format import SAMPLE_RATE
from dragoman.voices.clip import ClipReport, Fault, compare, examine, resample
from dragoman.voices.conditioning import Centroid, cosine, quality, robust_centroid
from dragoman.voices.embedders import Encoders, IdentityEmbedder, Samples
from dragoman.voices.fault import FaultKind
from dragoman.voices.profile import MAX_CLIPS, Clip, Consent, Defaults, Models, Vector, VoiceProfile, new_id

CLIP_RATE: Final = 24_000
"""Hz at which recordings are kept: XTTS's own output rate; its encoders take 22.05 and 16 kHz, so nothing is lost."""

MIN_CLIPS: Final = 3
"""Good clips of a profile: with three, one that is somebody else is outvoted."""

PLAIN: Final = Defaults()

Audio = npt.NDArray[np.int16]
"""Mono, 16 bits, CLIP_RATE, shape (samples,)."""

Progress = Callable[[float, str], None]
"""Told how much is done, 0 to 1, and what is being done."""


@dataclass(frozen=True, slots=True, eq=False)
class RawClip:
    """A recording as it was decoded: mono, full scale 1.0, at its own rate in Hz."""

    samples: Samples
    rate: int


@dataclass(frozen=True, slots=True, eq=False)
class MadeProfile:
    """A profile, the recordings it was made from by clip id, and what was found in each that was given."""

    profile: VoiceProfile
    audio: Mapping[str, Audio]
    reports: tuple[ClipReport, ...]


@dataclass(frozen=True, slots=True)
class Similarity:
    """How much a recording sounds like the owner of a profile."""

    cosine: float
    threshold: float

    @property
    def same(self) -> bool:
        """Whether it is he."""
        return self.cosine >= self.threshold


def judge(
    clips: Sequence[RawClip],
    identity: IdentityEmbedder | None,
    names: Sequence[str] = (),
    progress: Progress = lambda done, what: None,
) -> tuple[ClipReport, ...]:
    """What is wrong with each clip, by itself and beside the others; ``names``: what their sender calls them."""
    reports = []
    for at, clip in enumerate(clips):
        progress(at / len(clips), f"clip {at + 1} of {len(clips)}: listening")
        reports.append(examine(clip.samples, clip.rate, identity))
    for at, first in _repeated(clips).items():
        which = names[first] if names else f"clip {first + 1}"
        text = f"the same recording as {which}: it says nothing more of the voice; another sentence, please"
        reports[at] = replace(reports[at], faults=(*reports[at].faults, Fault(FaultKind.REPEATED, text)))
    if identity is None:
        return tuple(reports)
    # A clip that is wrong by itself must not have a say in who the person is.
    heard = [replace(report, identity=None) if report.faults else report for report in reports]
    among = compare(heard, identity.threshold)
    return tuple(replace(r, faults=(*r.faults, *found)) for r, found in zip(reports, among, strict=True))


def _repeated(clips: Sequence[RawClip]) -> dict[int, int]:
    """Clips that were given before, by place, and where they were first."""
    first: dict[bytes, int] = {}
    found = {}
    for at, clip in enumerate(clips):
        samples = np.ascontiguousarray(clip.samples, np.float32)
        key = hashlib.sha256(samples.tobytes() + clip.rate.to_bytes(4)).digest()
        if first.setdefault(key, at) != at:
            found[at] = first[key]
    return found


def make_profile(
    clips: Sequence[RawClip],
    *,
    name: str,
    consent: Consent,
    encoders: Encoders,
    now: float,
    language: str = "",
    defaults: Defaults = PLAIN,
    min_clips: int = MIN_CLIPS,
    reports: Sequence[ClipReport] | None = None,
    progress: Progress = lambda done, what: None,
) -> MadeProfile:
    """Make a profile from recordings of one person.

    Args:
        clips: at least ``min_clips`` good ones.
        name: of the person.
        consent: his.
        encoders: what there is; the profile lacks what the others would have made, and says so in its notes.
        now: seconds since 1970.
        language: spoken in the clips, ISO 639-1; empty: not known.
        defaults: how to play the voice.
        min_clips: 3; fewer only for a profile that grows during a call.
        reports: what ``judge`` found in these clips, where that is known already: it is half of the work.
        progress: told how far it is; from the thread this runs in.

    Raises:
        ClipRejected: too few clips are good; says what is wrong with which.
        ProfileInvalid: the name, consent or language is none.
    """
    if len(clips) > MAX_CLIPS:
        raise ClipRejected(f"{len(clips)} clips; at most {MAX_CLIPS}")
    if reports is None:
        reports = judge(clips, encoders.identity, progress=lambda done, what: progress(done * 0.5, what))
    reports = tuple(reports)
    good = [at for at, report in enumerate(reports) if report.usable]
    made: dict[str, tuple[Clip, Audio]] = {}
    for count, at in enumerate(good):
        progress(0.5 + 0.5 * count / len(good), f"clip {at + 1} of {len(clips)}: learning the voice")
        clip, audio = _encoded(clips[at], reports[at], encoders)
        made.setdefault(clip.id, (clip, audio))
    if len(made) < min_clips:
        raise _too_few(reports, len(made), min_clips)
    profile = VoiceProfile(
        id=new_id(),
        name=name,
        consent=consent,
        clips=tuple(clip for clip, _ in made.values()),
        language=language,
        defaults=defaults,
        created=now,
        changed=now,
        notes=_notes(reports, encoders),
        models=_models(encoders),
    )
    progress(1.0, "done")
    return MadeProfile(weighed(profile, encoders.identity), {key: audio for key, (_, audio) in made.items()}, reports)


def extend_profile(
    profile: VoiceProfile, clips: Sequence[RawClip], *, encoders: Encoders, now: float, most: int = 12
) -> MadeProfile:
    """The next version of a profile with further clips of its owner; the poorest go where there are over ``most``.

    Clips that are bad, or somebody else, are left out: the reports say which. ``audio`` holds the new ones only.

    Raises:
        VoiceUnavailable: an encoder is another one than the profile was made with.
    """
    if _models(encoders) != profile.models:
        raise VoiceUnavailable("the profile was made with other encoders than there are now: enrol its owner again")
    reports = list(judge(clips, encoders.identity))
    made = {clip.id: clip for clip in profile.clips}
    audio: dict[str, Audio] = {}
    for at, report in enumerate(reports):
        if report.identity is not None and profile.identity is not None and encoders.identity is not None:
            alike = cosine(report.identity, profile.identity)
            if alike < encoders.identity.threshold and not report.faults:
                text = f"not the owner of the profile (likeness {alike:.2f})"
                reports[at] = report = replace(report, faults=(Fault(FaultKind.ANOTHER_SPEAKER, text),))
        if report.usable:
            clip, pcm = _encoded(clips[at], report, encoders)
            if clip.id not in made:
                made[clip.id], audio[clip.id] = clip, pcm
    kept = sorted(made.values(), key=lambda clip: -quality(clip.seconds, clip.snr_db))[: min(most, MAX_CLIPS)]
    grown = replace(profile, clips=tuple(kept), version=profile.version + 1, changed=now)
    ids = {clip.id for clip in kept}
    new = {key: pcm for key, pcm in audio.items() if key in ids}
    return MadeProfile(weighed(grown, encoders.identity), new, tuple(reports))


def weighed(profile: VoiceProfile, identity: IdentityEmbedder | None) -> VoiceProfile:
    """The profile with its centroid, its mean style and every clip's weight computed anew."""
    worth = np.array([quality(clip.seconds, clip.snr_db) for clip in profile.clips])
    weights, centre = worth / worth.sum(), None
    embedded = [at for at, clip in enumerate(profile.clips) if clip.identity is not None]
    if identity is not None and embedded:
        vectors = np.stack([v for clip in profile.clips if (v := clip.identity) is not None])
        found: Centroid = robust_centroid(vectors, identity.threshold, worth[embedded])
        weights = np.zeros(len(profile.clips))
        weights[embedded] = found.weights
        centre = found.vector
    clips = tuple(
        replace(clip, weight=float(np.clip(weight, 0.0, 1.0)))
        for clip, weight in zip(profile.clips, weights, strict=True)
    )
    return replace(profile, clips=clips, identity=centre, style=_mean_style(clips))


def score(profile: VoiceProfile, samples: Samples, rate: int, identity: IdentityEmbedder | None) -> Similarity:
    """How much a recording, or what a clone said, sounds like the owner of a profile.

    Raises:
        VoiceUnavailable: no identity encoder is there, or it is another one than made the profile.
    """
    if identity is None:
        raise VoiceUnavailable("no identity encoder: set voices.ecapa to a folder with the ECAPA weights")
    if profile.identity is None or profile.models.identity != identity.name:
        made_by = profile.models.identity or "none"
        raise VoiceUnavailable(
            f"the profile's identity was made by {made_by}, this daemon has {identity.name}: enrol its owner again"
        )
    heard = identity.embed(resample(np.asarray(samples, np.float32), rate, SAMPLE_RATE))
    return Similarity(cosine(heard, profile.identity), identity.threshold)


def to_audio(clip: RawClip) -> Audio:
    """A recording as it is kept."""
    samples = resample(np.nan_to_num(np.asarray(clip.samples, np.float32)), clip.rate, CLIP_RATE)
    made: Audio = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16)
    return made


def with_recording(made: MadeProfile, audio: Audio) -> MadeProfile:
    """With a recording that is kept and does not count, such as that of the consent; as it is where a clip is that."""
    key = clip_id(audio)
    if any(clip.id == key for clip in made.profile.clips):
        return made
    kept = Clip(id=key, seconds=len(audio) / CLIP_RATE, snr_db=0.0, weight=0.0)
    profile = replace(made.profile, clips=(*made.profile.clips, kept))
    return replace(made, profile=profile, audio={**made.audio, key: audio})


def clip_id(audio: Audio) -> str:
    """The id of a clip: a hash of its samples, little endian."""
    return hashlib.sha256(audio.astype("<i2").tobytes()).hexdigest()


def _encoded(raw: RawClip, report: ClipReport, encoders: Encoders) -> tuple[Clip, Audio]:
    audio = to_audio(raw)
    kept = audio.astype(np.float32) / np.float32(32768)
    style = None if encoders.style is None else encoders.style.embed(resample(kept, CLIP_RATE, SAMPLE_RATE))
    return (
        Clip(
            id=clip_id(audio),
            seconds=report.seconds,
            snr_db=report.snr_db,
            identity=report.identity,
            style=None if style is None else style.vector,
            prosody=None if style is None else style.prosody,
            latents=None if encoders.latents is None else encoders.latents.latents(kept, CLIP_RATE),
        ),
        audio,
    )


def _mean_style(clips: Sequence[Clip]) -> Vector | None:
    styled = [(clip.style, clip.weight) for clip in clips if clip.style is not None]
    total = sum(weight for _, weight in styled)
    if not styled or total <= 0:
        return None
    mean = sum(style.astype(np.float64) * (weight / total) for style, weight in styled)
    return np.asarray(mean, np.float32)


def _models(encoders: Encoders) -> Models:
    return Models(
        *(None if each is None else each.name for each in (encoders.identity, encoders.style, encoders.latents))
    )


def _notes(reports: Sequence[ClipReport], encoders: Encoders) -> tuple[str, ...]:
    left_out = [f"clip {at + 1} left out: {fault.text}" for at, report in enumerate(reports) for fault in report.faults]
    lacking = [
        text
        for encoder, text in (
            (
                encoders.identity,
                "no identity encoder: clips of somebody else are not noticed, nor is a stranger's call",
            ),
            (encoders.style, "no style encoder: the voice does not follow how its owner speaks"),
            (encoders.latents, "no voice-cloning synthesizer: the profile cannot be spoken in yet"),
        )
        if encoder is None
    ]
    return (*left_out, *lacking)


def _too_few(reports: Sequence[ClipReport], good: int, least: int) -> ClipRejected:
    faults = tuple(tuple(fault.text for fault in report.faults) for report in reports)
    said = [f"clip {at + 1}: {'; '.join(texts)}" for at, texts in enumerate(faults) if texts]
    if good < sum(not texts for texts in faults):
        said.append("some clips are the same recording")
    return ClipRejected(". ".join([f"{good} good clips of {len(reports)}; {least} are needed", *said]), faults)
