"""How a voice is conditioned on who somebody is and how he speaks just now: arithmetic, in numpy.

ECAPA decides which clips are truly this speaker and how much each weighs (``robust_centroid``), GST which of them
sound like what was just said (``style_weights``), and the latents of the clips are averaged by both (``condition``).
XTTS takes neither vector itself: it is conditioned on *which clips* it hears, in which shares (docs/voices.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dragoman.voices.profile import (
    GAIN_RANGE,
    SPEED_RANGE,
    Clip,
    Defaults,
    Matrix,
    Prosody,
    Style,
    Vector,
    VoiceProfile,
)

ROUNDS: Final = 20
"""Rounds of rejecting and averaging, at most; it settles in two or three."""

STYLE_GAIN_DB: Final = 6.0
"""dB by which a live clause may be louder or softer than the clips: a whisper stays audible, a shout bearable."""

_TINY: Final = 1e-9

Weights = npt.NDArray[np.float64]
"""Shape (clips,); they sum to 1 where any is above 0."""


@dataclass(frozen=True, slots=True, eq=False)
class Centroid:
    """What some clips have in common."""

    vector: Vector
    """Unit norm."""
    weights: Weights
    """Per clip; 0 for those rejected."""
    cosines: npt.NDArray[np.float64]
    """Of each clip with the vector."""

    @property
    def rejected(self) -> tuple[int, ...]:
        """Indices of the clips that are not this person."""
        return tuple(int(i) for i in np.flatnonzero(self.weights <= 0))


@dataclass(frozen=True, slots=True, eq=False)
class Conditioning:
    """What a synthesizer needs to speak one clause in somebody's voice."""

    gpt: Matrix
    """Shape (positions, width), as XTTS takes it."""
    speaker: Vector
    """Shape (512,), unit norm."""
    speed: float
    """Within SPEED_RANGE; 1: as the voice speaks by itself."""
    pitch: float
    """Semitones."""
    gain_db: float
    shares: Weights
    """Of each clip with latents: for the log and the tests."""


def unit(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Vectors scaled to length 1 along their last axis; zeros stay zeros."""
    made = np.asarray(values, np.float64)
    largest = np.max(np.abs(made), axis=-1, keepdims=True, initial=0.0)
    scaled = np.divide(made, largest, out=np.zeros_like(made), where=largest > 0)  # squares of tiny numbers are 0
    length = np.linalg.norm(scaled, axis=-1, keepdims=True)
    return np.asarray(np.divide(scaled, length, out=np.zeros_like(scaled), where=length > 0))


def cosine(one: npt.ArrayLike, other: npt.ArrayLike) -> float:
    """How alike two vectors are, -1 to 1; 0 when one has no direction."""
    return float(np.clip(unit(one) @ unit(other), -1.0, 1.0))


def robust_centroid(vectors: npt.ArrayLike, threshold: float, quality: npt.ArrayLike | None = None) -> Centroid:
    """The direction that most clips share, without those that are somebody else.

    Begins at the clip that has most quality within ``threshold`` of it (the most alike among equals), then rejects and
    averages in turn until nothing changes: a minority of wrong clips cannot pull it over.

    Args:
        vectors: shape (clips, dimension), at least one clip.
        threshold: cosine below which two clips are not one person.
        quality: shape (clips,), not negative: how much to believe each (length, signal to noise); None: all alike.

    Returns:
        Weights are quality times cosine, normalised; at least one clip is kept.
    """
    each = unit(vectors)
    trust = np.ones(len(each)) if quality is None else np.maximum(np.asarray(quality, np.float64), _TINY)
    pairs = np.clip(each @ each.T, -1.0, 1.0)
    np.fill_diagonal(pairs, 1.0)
    near = pairs >= threshold
    seed = max(range(len(each)), key=lambda i: (float(trust @ near[i]), float(trust @ pairs[i]), -i))
    kept = near[seed]
    centre = each[seed]
    for _ in range(ROUNDS):
        # The seed speaks for its neighbours even where their mean has no direction (opposite vectors).
        mean = unit(trust[kept] @ each[kept])
        centre = mean if mean.any() else each[seed]
        now = each @ centre >= threshold
        if not now.any():
            now = np.arange(len(each)) == seed
            centre = each[seed]
        if (now == kept).all():
            break
        kept = now
    cosines = np.clip(each @ centre, -1.0, 1.0)
    weights = np.where(kept, trust * np.maximum(cosines, _TINY), 0.0)
    return Centroid(centre.astype(np.float32), weights / weights.sum(), cosines)


def quality(seconds: float, snr_db: float) -> float:
    """How much a clip is worth: its length to 10 s, times 0.1 at 5 dB of signal to noise to 1 at 30 dB."""
    return min(max(seconds, 0.0), 10.0) / 10.0 * float(np.clip((snr_db - 5.0) / 25.0, 0.1, 1.0))


def style_weights(live: npt.ArrayLike, styles: npt.ArrayLike, temperature: float | None = None) -> Weights:
    """How near each clip's style is to the live one: softmax of minus the squared distance over the temperature.

    Args:
        live: shape (dimension,).
        styles: shape (clips, dimension).
        temperature: in squared units of the style space; None: the mean squared distance between two clips, so that
            it fits any encoder; clips all alike then weigh alike.
    """
    each, here = np.asarray(styles, np.float64), np.asarray(live, np.float64)
    scale = max(1.0, float(np.max(np.abs(each), initial=0.0)), float(np.max(np.abs(here), initial=0.0)))
    each, here = each / scale, here / scale  # squares of large numbers would overflow
    distances = ((each - here) ** 2).sum(axis=-1)
    if temperature is None:
        spread = 2.0 * float(((each - each.mean(axis=0)) ** 2).sum(axis=-1).mean())
        if spread < _TINY:
            return np.full(len(each), 1.0 / len(each))
    else:
        spread = max(temperature / scale**2, _TINY)
    powers = np.exp((distances.min() - distances) / spread)
    return np.asarray(powers / powers.sum())


def shares(clips: tuple[Clip, ...], style: Style | None, temperature: float | None = None) -> Weights:
    """What each clip contributes to a clause spoken like ``style``: its weight, times how near its style is.

    Clips without a style count as the mean of those that have one. All sums to 1.
    """
    weights = np.array([clip.weight for clip in clips], np.float64)
    if not weights.any():
        weights[:] = 1.0
    styled = [i for i, clip in enumerate(clips) if clip.style is not None]
    if style is not None and styled and all(_fits(clips[i], style) for i in styled):
        near = np.full(len(clips), 1.0 / len(styled))
        near[styled] = style_weights(style.vector, np.stack([_style(clips[i]) for i in styled]), temperature)
        near = np.maximum(near, _TINY)  # a style far from all must not leave a profile without a clip
        weights = weights * near
    return np.asarray(weights / weights.sum())


def speed_of(live: Prosody | None, clips: Prosody | None, defaults: Defaults) -> float:
    """How fast to speak: the profile's own speed, times how much faster than in his clips he speaks now; clamped."""
    ratio = 1.0
    if live is not None and clips is not None and live.rate > 0 and clips.rate > 0:
        ratio = live.rate / clips.rate
    return float(np.clip(defaults.speed * ratio, *SPEED_RANGE))


def gain_of(live: Prosody | None, clips: Prosody | None, defaults: Defaults) -> float:
    """How loud to speak, dB: the profile's own gain, and how much louder than in his clips he speaks now; clamped."""
    louder = 0.0
    if live is not None and clips is not None:
        louder = float(np.clip(live.level_db - clips.level_db, -STYLE_GAIN_DB, STYLE_GAIN_DB))
    return float(np.clip(defaults.gain_db + louder, *GAIN_RANGE))


def mean_prosody(clips: tuple[Clip, ...]) -> Prosody | None:
    """How somebody speaks in his clips: their prosody, averaged by weight; None where none has any."""
    known = [(clip.prosody, clip.weight) for clip in clips if clip.prosody is not None and clip.weight > 0]
    total = math.fsum(weight for _, weight in known)
    if not known or total <= 0:
        return None

    def mean(name: str) -> float:
        return math.fsum(getattr(prosody, name) * (weight / total) for prosody, weight in known)

    return Prosody(mean("log_f0"), mean("f0_spread"), mean("rate"), mean("level_db"))


def condition(
    profile: VoiceProfile, style: Style | None = None, temperature: float | None = None
) -> Conditioning | None:
    """The conditioning for a clause whose speaker spoke like ``style`` just now (None: as in his clips).

    None when no clip that counts has latents.
    """
    clips = tuple(clip for clip in profile.clips if clip.latents is not None and clip.weight > 0)
    if not clips:
        return None
    part = shares(clips, style, temperature)
    latents = [clip.latents for clip in clips if clip.latents is not None]
    gpt = np.tensordot(part, np.stack([each.gpt for each in latents]).astype(np.float64), axes=1)
    # The speaker embedding is who he is, not how he speaks: it takes the clips' weights alone.
    who = shares(clips, None)
    speaker = unit(who @ np.stack([unit(each.speaker) for each in latents]))
    if not speaker.any():  # opposite embeddings cancel out: take the heaviest clip's
        speaker = unit(latents[int(np.argmax(who))].speaker)
    live = None if style is None else style.prosody
    usual = mean_prosody(clips)
    return Conditioning(
        gpt=gpt.astype(np.float32),
        speaker=speaker.astype(np.float32),
        speed=speed_of(live, usual, profile.defaults),
        pitch=profile.defaults.pitch,
        gain_db=gain_of(live, usual, profile.defaults),
        shares=part,
    )


def _fits(clip: Clip, style: Style) -> bool:
    return clip.style is not None and clip.style.shape == style.vector.shape


def _style(clip: Clip) -> Vector:
    assert clip.style is not None
    return clip.style
