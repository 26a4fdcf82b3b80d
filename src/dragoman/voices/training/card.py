"""Model cards: what an encoder was trained on, what was measured, and its limits; written from the figures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dragoman.voices import mel
from dragoman.voices.training import evaluate, line, prosody
from dragoman.voices.training.corpus import Piece
from dragoman.voices.training.evaluate import IdentityFigures, StyleFigures

SYNTHETIC_WARNING: Final = (
    "**It only knows synthetic voices.** It was trained on speech synthesisers and on nothing else. People differ from "
    "each other in other ways, and from themselves from day to day, which no synthesiser does. Its error rates say "
    "nothing of people: for them use the public ECAPA weights (docs/voices.md)."
)

OWN_WARNING: Final = (
    "It knows the voices of its training folder; how well it does on others was not measured beyond the table."
)

WEAK: Final = 0.3
"""R2 in any row of a card below which a target counts as hardly told."""

LEVEL: Final = (
    "`level` is what arrives, so it tells a near microphone from a far one as much as a loud voice from a soft one.\n"
    "Emotion was never a target."
)

SYNTHETIC_STYLE: Final = "It was trained on speech synthesisers, in English."

SYNTHETIC_SPEAKERS: Final = (
    "A speaker is a synthesiser's voice with a vocal tract of one length: the same voice with another length counts as "
    "another speaker. There is no session variance: all clips of a speaker come from the same throat, room and day."
)

OWN_LICENCE: Final = "Licence: Apache-2.0, as the package; trained on its own synthetic speech."
OTHERS_LICENCE: Final = "Licence: that of the speech it was trained on decides."

SPLITS: Final = {"unseen": "voices kept from training", "other-engine": "another synthesiser, never trained on (flite)"}


@dataclass(frozen=True, slots=True)
class Made:
    """How the weights came about.

    Attributes:
        name: of the weights, changing when they do.
        corpus: what they were trained on, in words.
        synthetic: whether that is ``make-speech``'s.
        pieces, minutes, speakers: of the training part.
        steps: of training.
        seed: of the training.
        parameters: of the network.
        difference: of the exported file from torch.
        torch: its version.
    """

    name: str
    corpus: str
    synthetic: bool
    pieces: int
    minutes: float
    speakers: int
    steps: int
    seed: int
    parameters: int
    difference: float
    torch: str


def training_part(pieces: Sequence[Piece]) -> tuple[int, float, int]:
    """Pieces, minutes and speakers that were trained on."""
    part = [piece for piece in pieces if piece.split == "train"]
    minutes = sum(len(piece.track) for piece in part) / mel.FRAMES_PER_SECOND / 60
    return len(part), minutes, len({piece.speaker for piece in part})


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _origin(made: Made) -> str:
    return (
        f"Trained on {made.corpus}: {made.pieces} pieces, {made.minutes:.0f} min, {made.speakers} speakers; "
        f"{made.steps} steps, seed {made.seed}, torch {made.torch}, one thread. {made.parameters:,} parameters. "
        f"The ONNX file differs from the trained network by {made.difference:.1g} at most."
    )


def _weak(figures: StyleFigures) -> str:
    """Which targets nobody should build on, in a sentence; empty if there is none."""
    worst = [min(row.head[at] for row in figures.rows) for at in range(len(prosody.TARGETS))] if figures.rows else []
    names = [f"`{name}`" for name, value in zip(prosody.TARGETS, worst, strict=bool(worst)) if value < WEAK]
    return f"Hardly told, and nothing to build on: {', '.join(names)}.\n" if names else ""


def of_weights(about: Mapping[str, str]) -> str:
    """The card of a weights' file once more, from its own metadata."""
    kept = json.loads(about["card"])
    made, figures = Made(**kept["made"]), kept["figures"]
    if about["kind"] == "style":
        rows = tuple(
            evaluate.StyleRow(**{**row, "probe": tuple(row["probe"]), "head": tuple(row["head"])})
            for row in figures["rows"]
        )
        return style_card(made, StyleFigures(**{**figures, "rows": rows}))
    rows_of_identity = tuple(evaluate.IdentityRow(**row) for row in figures["rows"])
    return identity_card(made, IdentityFigures(**{**figures, "rows": rows_of_identity}))


def style_card(made: Made, figures: StyleFigures) -> str:
    """The style encoder's card."""
    head = ["voices", "line", "clips", *prosody.TARGETS]

    def rows(which: str) -> list[list[str]]:
        return [
            [
                SPLITS.get(row.split, row.split),
                row.hearing,
                str(row.pieces),
                *(f"{value:.2f}" for value in (row.probe if which == "probe" else row.head)),
            ]
            for row in figures.rows
        ]

    units = ", ".join(f"`{name}` in {unit}" for name, unit in zip(prosody.TARGETS, prosody.UNITS, strict=True))
    return f"""# {made.name}: style encoder (GST, 64-D)

Tells how a clip is spoken. In: `mel`, log-mel of `dragoman.voices.mel`, (batch, frames, {mel.BANDS}). Out: `style`,
(batch, 64), and `prosody`, (batch, 4): {units}.

{_origin(made)}

## Measured

{evaluate.SECONDS:g} s of each clip, R2 (1: all of the variance told, 0: none); "phone" is {line.CARD_SNR_DB:g} dB
signal to noise, then G.711 mu-law at 8 kHz, and what is to be told is the prosody of the clean sound.

What the encoder says itself (`prosody`):

{_table(head, rows("head"))}

A linear probe of `style`, fitted on the clean training voices:

{_table(head, rows("probe"))}

Cosine of two styles, over all pairs of clips of voices kept from training: correlation with nearness in prosody
{figures.prosody_correlation:.2f}, with being the same speaker {figures.speaker_correlation:.2f}.

## Limits

{SYNTHETIC_STYLE if made.synthetic else OWN_WARNING} The labels are signal processing (YIN for F0, peaks of loudness
for syllables), not annotation: the table says how well they are foretold, not how right they are.
{_weak(figures)}{LEVEL}

{OWN_LICENCE if made.synthetic else OTHERS_LICENCE}
"""


def identity_card(made: Made, figures: IdentityFigures) -> str:
    """The identity encoder's card."""
    head = ["voices", "clips", "speakers", "clean 3 s", "clean against phone", "3 s against 1 s"]
    rows = [
        [
            SPLITS.get(row.split, row.split),
            str(row.pieces),
            str(row.speakers),
            *(f"{value:.1%}" for value in (row.clean, row.phone, row.short)),
        ]
        for row in figures.rows
    ]
    return f"""# {made.name}: identity encoder (ECAPA-TDNN, 256-D)

{SYNTHETIC_WARNING if made.synthetic else OWN_WARNING}

Tells who speaks. In: `mel`, log-mel of `dragoman.voices.mel`, (batch, frames, {mel.BANDS}). Out: `identity`,
(batch, 256), of length 1; compare two by their cosine.

{_origin(made)}

## Measured

Equal error rate over all pairs of clips; "phone" is {line.CARD_SNR_DB:g} dB signal to noise, then G.711 mu-law at
8 kHz.

{_table(head, rows)}

Cosine at the equal error rate, voices kept from training: {figures.threshold:.3f} clean (the file's `threshold`),
{figures.phone_threshold:.3f} clean against phone.

## Limits

{SYNTHETIC_SPEAKERS if made.synthetic else "A speaker is a subfolder of the training folder."}

{OWN_LICENCE if made.synthetic else OTHERS_LICENCE}
"""
