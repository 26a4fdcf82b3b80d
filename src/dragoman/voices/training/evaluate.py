"""What the encoders can do, measured on voices they were not trained on: R2 of the style, error rates of the identity.

The encoder is handed in as a function, so that what is measured is the very file that ships, run as the daemon runs it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dragoman.voices.training import prosody
from dragoman.voices.training.corpus import Piece, batch

Vectors = npt.NDArray[np.float32]
"""(pieces, dimension)"""

SECONDS: Final = 3.0
"""Of each clip that is measured: a sentence."""

SHORT_SECONDS: Final = 1.0
"""The identity encoder's hard case."""

RIDGE: Final = 1e-2
"""Of the linear probe: next to nothing, it only keeps the solution finite."""

PARTS: Final = {"style": 5, "identity": 2}
"""How often each measurement says that a part of it is done."""

CLEAN, PHONE = 0, 1
"""Hearings of a piece that is measured."""

ENGINE_SPLITS: Final = ("unseen", "other-engine")

Style = Callable[[npt.NDArray[np.float32]], tuple[Vectors, Vectors]]
"""Features, (1, frames, bands), to style and prosody, (1, dimension) each."""

Identity = Callable[[npt.NDArray[np.float32]], Vectors]
"""Features, (1, frames, bands), to the identity, (1, dimension)."""


@dataclass(frozen=True, slots=True)
class StyleRow:
    """R2 per target on one split in one hearing.

    Attributes:
        split: whose voices.
        hearing: clean or phone.
        probe: of a linear probe of the 64-D style, fitted on the clean training voices.
        head: of what the encoder itself says.
        pieces: how many were measured.
    """

    split: str
    hearing: str
    probe: tuple[float, ...]
    head: tuple[float, ...]
    pieces: int


@dataclass(frozen=True, slots=True)
class StyleFigures:
    """All rows; and how far the nearness of two styles goes with prosody and with who speaks (correlations)."""

    rows: tuple[StyleRow, ...]
    prosody_correlation: float
    speaker_correlation: float


@dataclass(frozen=True, slots=True)
class IdentityRow:
    """Equal error rates (0 to 1) over all pairs of one split's clips."""

    split: str
    clean: float
    phone: float
    short: float
    pieces: int
    speakers: int


@dataclass(frozen=True, slots=True)
class IdentityFigures:
    """All rows, and the cosine at the equal error rate of clean against clean on unseen voices."""

    rows: tuple[IdentityRow, ...]
    threshold: float
    phone_threshold: float


def r_squared(said: Vectors, true: Vectors) -> tuple[float, ...]:
    """1 is perfect, 0 no better than always saying the mean; each column by itself, leaving out what is NaN."""
    found = []
    for column in range(true.shape[1]):
        known = ~np.isnan(true[:, column])
        wanted, got = true[known, column].astype(np.float64), said[known, column].astype(np.float64)
        spread = float(((wanted - wanted.mean()) ** 2).sum()) if len(wanted) else 0.0
        found.append(1.0 - float(((wanted - got) ** 2).sum()) / spread if spread else float("nan"))
    return tuple(found)


def fit_probe(vectors: Vectors, true: Vectors) -> npt.NDArray[np.float64]:
    """Least squares from vectors (and a constant) to each target, (dimension + 1, targets)."""
    columns = []
    for column in range(true.shape[1]):
        known = ~np.isnan(true[:, column])
        design = _with_constant(vectors[known])
        ridge = RIDGE * np.eye(design.shape[1])
        columns.append(np.linalg.solve(design.T @ design + ridge, design.T @ true[known, column].astype(np.float64)))
    return np.stack(columns, 1)


def _with_constant(vectors: Vectors) -> npt.NDArray[np.float64]:
    return np.concatenate([vectors.astype(np.float64), np.ones((len(vectors), 1))], 1)


def _say(encode: Style, pieces: Sequence[Piece], hearing: int) -> tuple[Vectors, Vectors, Vectors]:
    """Styles, what the encoder says of prosody, and what is true of the clean sound."""
    styles, said, true = [], [], []
    for piece in pieces:
        one = batch([piece], SECONDS, hearing=hearing)
        style, told = encode(one.features)
        styles.append(style[0])
        said.append(told[0])
        true.append(one.labels[0])
    return np.stack(styles), np.stack(said), np.stack(true)


def measure_style(encode: Style, pieces: Sequence[Piece], done: Callable[[], None] = lambda: None) -> StyleFigures:
    """Measure a style encoder; ``done`` is called as each of five parts is."""
    styles, _, true = _say(encode, [piece for piece in pieces if piece.split == "train"], CLEAN)
    probe, centre = fit_probe(styles, true), styles.mean(0)
    done()
    rows, by_prosody, by_speaker = [], float("nan"), float("nan")
    for split in ENGINE_SPLITS:
        kept = [piece for piece in pieces if piece.split == split]
        for hearing, name in ((CLEAN, "clean"), (PHONE, "phone")):
            if kept:
                styles, said, true = _say(encode, kept, hearing)
                guessed = (_with_constant(styles) @ probe).astype(np.float32)
                rows.append(StyleRow(split, name, r_squared(guessed, true), r_squared(said, true), len(kept)))
            if kept and split == "unseen" and hearing == CLEAN:
                by_prosody, by_speaker = _correlations(styles - centre, true, [piece.speaker for piece in kept])
            done()
    return StyleFigures(tuple(rows), by_prosody, by_speaker)


def _correlations(styles: Vectors, true: Vectors, speakers: Sequence[str]) -> tuple[float, float]:
    """Over all pairs: of the styles' cosine with nearness in prosody, and with being the same speaker; NaN of one."""
    known = np.asarray(~np.isnan(true).any(axis=1), np.bool_)
    if len({name for name, there in zip(speakers, known, strict=True) if there}) < 2:
        return float("nan"), float("nan")
    unit = styles[known] / np.linalg.norm(styles[known], axis=1, keepdims=True)
    scaled = (true[known] - true[known].mean(0)) / np.maximum(true[known].std(0), 1e-6)
    far = np.sqrt(((scaled[:, None] - scaled[None]) ** 2).sum(-1))
    names = np.array(speakers)[known]
    upper = np.triu_indices(len(unit), 1)
    cosine = (unit @ unit.T)[upper]
    same = (names[:, None] == names[None])[upper].astype(np.float64)
    return float(np.corrcoef(cosine, -far[upper])[0, 1]), float(np.corrcoef(cosine, same)[0, 1])


def equal_error(same: npt.NDArray[np.floating], other: npt.NDArray[np.floating]) -> tuple[float, float]:
    """Equal error rate, and the score at which it is met.

    Args:
        same: scores of pairs of one speaker.
        other: of pairs of two.
    """
    if not len(same) or not len(other):
        return float("nan"), float("nan")
    scores = np.unique(np.concatenate([same, other]))
    refused = np.searchsorted(np.sort(same), scores, side="left") / len(same)
    accepted = 1.0 - np.searchsorted(np.sort(other), scores, side="left") / len(other)
    at = int(np.argmin(np.abs(refused - accepted)))
    return float(refused[at] + accepted[at]) / 2, float(scores[at])


def pairs(left: Vectors, right: Vectors, speakers: Sequence[str]) -> tuple[Vectors, Vectors]:
    """Cosines of different pieces: of one speaker, of two."""
    names = np.array(speakers)
    same = names[:, None] == names[None]
    apart = ~np.eye(len(names), dtype=bool)
    cosine = left @ right.T
    return cosine[same & apart], cosine[~same]


def measure_identity(
    encode: Identity, pieces: Sequence[Piece], done: Callable[[], None] = lambda: None
) -> IdentityFigures:
    """Measure an identity encoder whose vectors have length 1; ``done`` is called as each of two parts is."""
    rows, threshold, phone_threshold = [], float("nan"), float("nan")
    for split in ENGINE_SPLITS:
        kept = [piece for piece in pieces if piece.split == split]
        names = [piece.speaker for piece in kept]
        if kept:

            def all_of(seconds: float, hearing: int, kept: Sequence[Piece] = kept) -> Vectors:
                return np.stack([encode(batch([piece], seconds, hearing=hearing).features)[0] for piece in kept])

            clean, phone, short = all_of(SECONDS, CLEAN), all_of(SECONDS, PHONE), all_of(SHORT_SECONDS, CLEAN)
            error, at = equal_error(*pairs(clean, clean, names))
            phone_error, phone_at = equal_error(*pairs(clean, phone, names))
            short_error, _ = equal_error(*pairs(clean, short, names))
            rows.append(IdentityRow(split, error, phone_error, short_error, len(kept), len(set(names))))
            if split == "unseen":
                threshold, phone_threshold = at, phone_at
        done()
    return IdentityFigures(tuple(rows), threshold, phone_threshold)


def summary(figures: StyleFigures | IdentityFigures) -> list[str]:
    """A line for each row, for a terminal."""
    lines = []
    for row in figures.rows:
        if isinstance(row, StyleRow):
            said = ", ".join(f"{name} {value:.2f}" for name, value in zip(prosody.TARGETS, row.head, strict=True))
            lines.append(f"{row.split}, {row.hearing}: R2 {said}")
        else:
            lines.append(f"{row.split}: EER clean {row.clean:.1%}, phone {row.phone:.1%}, 1 s {row.short:.1%}")
    return lines
