"""Fits the two encoders to a prepared corpus: on one torch thread, the same weights from the same seed.

What a step sees follows from its number alone, so a training that was stopped goes on as if it had not been.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import nn

from dragoman.errors import TrainingError
from dragoman.voices.training.corpus import Batch, Piece, batch
from dragoman.voices.training.ecapa import AngularMargin, IdentityEncoder
from dragoman.voices.training.evaluate import SECONDS, fit_probe
from dragoman.voices.training.gst import StyleEncoder


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train.

    Attributes:
        steps: how many batches.
        size: pieces of a batch.
        seconds: shortest and longest stretch; each batch draws one length.
        rate: largest learning rate.
        seed: of weights and batches.
    """

    steps: int
    size: int
    seconds: tuple[float, float]
    rate: float
    seed: int


STYLE: Final = Recipe(steps=1000, size=32, seconds=(1.5, 3.5), rate=2e-3, seed=1)
IDENTITY: Final = Recipe(steps=800, size=32, seconds=(1.0, 3.0), rate=2e-3, seed=1)
"""Some 5 minutes each on one core."""

WARM_UP: Final = 50
"""Steps in which the learning rate rises: Adam's variances are guesses before."""

LAST_RATE: Final = 0.02
"""What is left of the learning rate at the end."""

SAVED_EVERY: Final = 100
"""Steps between checkpoints: half a minute of work is lost at most."""

LONGEST_GRADIENT: Final = 5.0

OnStep = Callable[[int, float, nn.Module], None]
"""Told the steps done, the loss of the last and the encoder so far, after each; leaves the encoder in training mode."""

Loss = Callable[[Batch], torch.Tensor]


def one_thread() -> None:
    """Threads that spin for each other cost ten times what they bring on matrices this small (measured)."""
    torch.set_num_threads(1)


def learning_rate(recipe: Recipe, step: int) -> float:
    """Rises for WARM_UP steps, then falls in a straight line."""
    left = max(LAST_RATE, 1 - step / recipe.steps)
    return recipe.rate * min(1.0, (step + 1) / WARM_UP) * left


def draw(pieces: Sequence[Piece], recipe: Recipe, step: int) -> Batch:
    """The batch of this step."""
    rng = np.random.default_rng([recipe.seed, step])
    chosen = rng.choice(len(pieces), min(recipe.size, len(pieces)), replace=False)
    return batch([pieces[n] for n in chosen], float(rng.uniform(*recipe.seconds)), rng)


def _fit(
    net: nn.Module,
    parts: nn.Module,
    loss_of: Loss,
    pieces: Sequence[Piece],
    recipe: Recipe,
    key: str,
    kept: Path | None,
    told: OnStep,
) -> None:
    """Train ``parts``, of which ``net`` is the encoder."""
    optimizer = torch.optim.AdamW(parts.parameters(), recipe.rate, weight_decay=1e-4)
    begin = _resume(parts, optimizer, recipe, key, kept)
    parts.train()
    for step in range(begin, recipe.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(recipe, step)
        loss = loss_of(draw(pieces, recipe, step))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parts.parameters(), LONGEST_GRADIENT)
        optimizer.step()
        done = step + 1
        if kept is not None and (done % SAVED_EVERY == 0 or done == recipe.steps):
            _save(parts, optimizer, recipe, key, done, kept)
        told(done, float(loss.detach()), net)
    parts.eval()


def _same(recipe: Recipe, key: str) -> str:
    return f"{key} {asdict(recipe)}"


def _save(parts: nn.Module, optimizer: torch.optim.Optimizer, recipe: Recipe, key: str, done: int, path: Path) -> None:
    state = {"parts": parts.state_dict(), "optimizer": optimizer.state_dict(), "of": _same(recipe, key), "done": done}
    new = path.with_suffix(".part")
    torch.save(state, new)
    new.replace(path)


def _resume(parts: nn.Module, optimizer: torch.optim.Optimizer, recipe: Recipe, key: str, path: Path | None) -> int:
    """Go on where a checkpoint of the very same training is; gives the steps done."""
    if path is None or not path.exists():
        return 0
    try:
        state = torch.load(path, weights_only=True)
        if state["of"] != _same(recipe, key):
            return 0
        parts.load_state_dict(state["parts"])
        optimizer.load_state_dict(state["optimizer"])
        return int(state["done"])
    except Exception as error:  # torch raises many kinds for a file that is not its own
        raise TrainingError(f"{path} is no checkpoint ({type(error).__name__}): delete it to begin anew") from error


def _nothing(step: int, loss: float, net: nn.Module) -> None:
    """For who does not ask."""


def train_style(
    pieces: Sequence[Piece], recipe: Recipe = STYLE, *, key: str = "", kept: Path | None = None, told: OnStep = _nothing
) -> StyleEncoder:
    """Train the style encoder to tell the prosody of what it hears.

    Args:
        pieces: the prepared corpus; only those of its ``train`` split are used.
        recipe: how.
        key: which corpus it is.
        kept: the checkpoint's file; a training of the same recipe and corpus goes on from it.
        told: called after each step.

    Raises:
        TrainingError: the checkpoint is broken.
    """
    one_thread()
    torch.manual_seed(recipe.seed)
    training = [piece for piece in pieces if piece.split == "train"]
    net = StyleEncoder()
    # Scales first: of the clips as they come in the first batches.
    seen = [draw(training, recipe, step) for step in range(20)]
    frames = np.concatenate([each.features.reshape(-1, each.features.shape[-1]) for each in seen])
    known = np.concatenate([each.labels for each in seen])
    net.band_mean.copy_(torch.from_numpy(frames.mean(0)))
    net.band_deviation.copy_(torch.from_numpy(np.maximum(frames.std(0), 0.1)))
    net.label_mean.copy_(torch.from_numpy(np.nanmean(known, 0)))
    net.label_deviation.copy_(torch.from_numpy(np.maximum(np.nanstd(known, 0), 0.01)))

    def loss_of(drawn: Batch) -> torch.Tensor:
        wanted = torch.from_numpy(drawn.labels)
        known = ~torch.isnan(wanted)
        off = (net(torch.from_numpy(drawn.features))[1] - wanted) / net.label_deviation
        return (off[known] ** 2).mean()

    _fit(net, net, loss_of, training, recipe, key, kept, told)
    _refit_head(net, training)
    return net


def _refit_head(net: StyleEncoder, training: Sequence[Piece]) -> None:
    """Fit the head once more, by least squares, on whole sentences, each in one of its hearings.

    The stretches of training are shorter, and a shorter stretch has less spread: the head would say too little.
    """
    styles, true = [], []
    with torch.no_grad():
        for number, piece in enumerate(training):
            one = batch([piece], SECONDS, hearing=number % len(piece.hearings))
            styles.append(net(torch.from_numpy(one.features))[0][0].numpy())
            true.append((one.labels[0] - net.label_mean.numpy()) / net.label_deviation.numpy())
        fitted = torch.from_numpy(fit_probe(np.stack(styles), np.stack(true)).astype(np.float32))
        net.head.weight.copy_(fitted[:-1].T)
        net.head.bias.copy_(fitted[-1])


def train_identity(
    pieces: Sequence[Piece],
    recipe: Recipe = IDENTITY,
    *,
    key: str = "",
    kept: Path | None = None,
    told: OnStep = _nothing,
) -> IdentityEncoder:
    """Train the identity encoder to tell its speakers apart; arguments and errors as of ``train_style``."""
    one_thread()
    torch.manual_seed(recipe.seed)
    training = [piece for piece in pieces if piece.split == "train"]
    number = {name: n for n, name in enumerate(sorted({piece.speaker for piece in training}))}
    net, margin = IdentityEncoder(), AngularMargin(len(number))

    def loss_of(drawn: Batch) -> torch.Tensor:
        speakers = torch.tensor([number[name] for name in drawn.speakers])
        return margin(net(torch.from_numpy(drawn.features)), speakers)

    _fit(net, nn.ModuleList([net, margin]), loss_of, training, recipe, key, kept, told)
    return net
