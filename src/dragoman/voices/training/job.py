"""A whole training, from a folder of speech to an ONNX file and its card: prepare, fit, export, measure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final, Literal

import numpy as np
import torch

from dragoman.errors import TrainingError
from dragoman.voices.training import card, corpus, evaluate, export, prosody, train
from dragoman.voices.training.ecapa import IDENTITY_DIM
from dragoman.voices.training.gst import STYLE_DIM
from dragoman.voices.training.manifest import MANIFEST

Kind = Literal["style", "identity"]

SPEAKERS: Final[dict[Kind, int]] = {"style": 1, "identity": 8}
"""Fewest speakers to train on: style needs none to be told apart, identity has nothing to learn from a few."""

FILES: Final[dict[Kind, str]] = {"style": "gst64", "identity": "identity"}
"""Names of the weights' files, without suffix."""

AVERAGED: Final = 25
"""Steps over which the loss that is shown is averaged."""

EARLY: Final = 200
"""Steps between reports on unseen voices: the first soon enough to stop a training that does not learn."""

EARLY_PIECES: Final = 100
"""Clips of that report."""

Told = Callable[[str, int, int, str], None]
"""Stage, how much of it is done, of how much, a note."""


@dataclass(frozen=True, slots=True)
class Result:
    """What was written, and the figures in a line each."""

    weights: Path
    card: Path
    summary: list[str]


NAMED: Final = 3
"""Unreadable files that are named; the rest is counted."""


def prepared(
    folder: Path, work: Path, seed: int, told: Told, say: Callable[[str], None]
) -> tuple[list[corpus.Piece], str]:
    """The corpus of a folder, and the key that tells it from others; kept in ``work`` for the next time.

    Raises:
        TrainingError: there is no audio in it.
    """
    sources = corpus.find(folder, seed)
    key = corpus.fingerprint(sources, seed)
    work.mkdir(parents=True, exist_ok=True)
    kept = work / "features.npz"
    pieces = corpus.load(kept, key)
    if pieces is None:
        count = 0

        def done() -> None:
            nonlocal count
            count += 1
            told("preparing", count, len(sources), "")

        refused: list[TrainingError] = []
        pieces = corpus.prepare_all(sources, seed, done, refused.append)
        for error in refused[:NAMED]:
            say(f"left out: {error}")
        if len(refused) > NAMED:
            say(f"left out: {len(refused) - NAMED} more that cannot be read")
        if pieces:
            corpus.save(kept, pieces, key)
    return pieces, key


def train_encoder(
    kind: Kind,
    folder: Path,
    out: Path,
    work: Path,
    *,
    steps: int | None,
    minutes: float,
    seed: int,
    told: Told,
    say: Callable[[str], None],
) -> Result:
    """Train an encoder, export it, measure the exported file, write its card.

    Args:
        kind: which.
        folder: of speech.
        out: where the ONNX file and the card go.
        work: where features and checkpoints are kept.
        steps: other than the recipe's.
        minutes: of speech to train on, at least.
        seed: of everything random.
        told: shown progress.
        say: shown lines.

    Raises:
        TrainingError: too little speech or none, a broken checkpoint.
    """
    pieces, key = prepared(folder, work, seed, told, say)
    corpus.require_enough(pieces, minutes, SPEAKERS[kind])
    count, have, people = card.training_part(pieces)
    say(f"{count} pieces, {have:.0f} min, {people} speakers to train on; {len(pieces) - count} pieces to measure with")
    base = train.STYLE if kind == "style" else train.IDENTITY
    recipe = replace(base, steps=steps or base.steps, seed=seed)
    losses: list[float] = []
    unseen = [piece for piece in pieces if piece.split == "unseen"]
    few = unseen[:: max(1, len(unseen) // EARLY_PIECES)]

    def step(done: int, loss: float, net: torch.nn.Module) -> None:
        losses.append(loss)
        told("training", done, recipe.steps, f"loss {np.mean(losses[-AVERAGED:]):.3f}")
        if done % EARLY == 0 and done < recipe.steps:
            say(f"after {done} steps, loss {np.mean(losses[-AVERAGED:]):.3f}: {_glance(kind, net, few)}")

    kept = work / f"{kind}.ckpt"
    net: torch.nn.Module
    if kind == "style":
        net = train.train_style(pieces, recipe, key=key, kept=kept, told=step)
    else:
        net = train.train_identity(pieces, recipe, key=key, kept=kept, told=step)
    out.mkdir(parents=True, exist_ok=True)
    weights = out / f"{FILES[kind]}.onnx"
    difference = export.export(net, weights, export.STYLE_OUTPUTS if kind == "style" else export.IDENTITY_OUTPUTS)
    synthetic = (folder / MANIFEST).exists()
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()[:8]
    made = card.Made(
        name=f"{FILES[kind]}-{'synthetic' if synthetic else folder.resolve().name}-{digest}",
        corpus="the speech of `dragoman voices make-speech`" if synthetic else f"`{folder.resolve().name}`",
        synthetic=synthetic,
        pieces=count,
        minutes=have,
        speakers=people,
        steps=recipe.steps,
        seed=seed,
        parameters=sum(weight.numel() for weight in net.parameters()),
        difference=difference,
        torch=torch.__version__.partition("+")[0],
    )
    return _measure(kind, pieces, weights, made, told)


def _glance(kind: Kind, net: torch.nn.Module, few: Sequence[corpus.Piece]) -> str:
    """How the encoder does on a few clean clips of voices kept from training, in a few words."""
    net.eval()
    with torch.no_grad():
        batches = [corpus.batch([piece], evaluate.SECONDS, hearing=evaluate.CLEAN) for piece in few]
        outs = [net(torch.from_numpy(each.features)) for each in batches]
    net.train()
    if kind == "style":
        said = np.concatenate([out[1].numpy() for out in outs])
        values = evaluate.r_squared(said, np.concatenate([each.labels for each in batches]))
        named = ", ".join(f"{name} {value:.2f}" for name, value in zip(prosody.TARGETS, values, strict=True))
        return f"R2 on voices kept from training: {named}"
    vectors = np.concatenate([out.numpy() for out in outs])
    error, _ = evaluate.equal_error(*evaluate.pairs(vectors, vectors, [piece.speaker for piece in few]))
    return f"EER on voices kept from training: {error:.1%}"


def _measure(kind: Kind, pieces: Sequence[corpus.Piece], weights: Path, made: card.Made, told: Told) -> Result:
    """Measure the exported file, and write down what came out: in the file itself, and in its card."""
    session, done = export.Session.of(weights), 0
    parts = evaluate.PARTS[kind]

    def part() -> None:
        nonlocal done
        done += 1
        told("measuring", done, parts, "")

    about = {"name": made.name, "kind": kind, "licence": "Apache-2.0" if made.synthetic else "as its training speech"}
    figures: evaluate.StyleFigures | evaluate.IdentityFigures
    if kind == "style":
        figures = evaluate.measure_style(session.style, pieces, part)
        about |= {"dimension": str(STYLE_DIM), "targets": ",".join(prosody.TARGETS), "units": ",".join(prosody.UNITS)}
        text = card.style_card(made, figures)
    else:
        figures = evaluate.measure_identity(session.identity, pieces, part)
        about |= {"dimension": str(IDENTITY_DIM), "threshold": f"{figures.threshold:.4f}"}
        about |= {"phone_threshold": f"{figures.phone_threshold:.4f}"}
        text = card.identity_card(made, figures)
    export.label(weights, about | {"card": json.dumps({"made": asdict(made), "figures": asdict(figures)})})
    described = weights.with_suffix(".md")
    described.write_text(text, encoding="utf-8")
    return Result(weights, described, evaluate.summary(figures))
