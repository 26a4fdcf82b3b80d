"""XTTS v2 models with weights made here: those of the demo, and what the tests and the bench compare with.

``make`` gives random weights: enough to compare two implementations. ``talkative`` gives a model that speaks as a good
one does: its stop token comes after a number of tokens that grows with the text.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dragoman.demo import tiny_weights
from dragoman.demo.tiny_weights import FULL, LANGUAGES, SPEAKERS, TINY, build, make, narrow, save, talkative

__all__ = [
    "FULL",
    "LANGUAGES",
    "SPEAKERS",
    "TINY",
    "as_published",
    "build",
    "by_coqui",
    "make",
    "narrow",
    "save",
    "talkative",
]


@contextmanager
def as_published() -> Iterator[None]:
    """Nothing is changed: the counterpart of ``narrow``."""
    yield


def by_coqui(folder: Path) -> Any:
    """The model, loaded by coqui's own loader: what ours is compared with."""
    config = tiny_weights.XttsConfig()
    config.load_json(str(folder / "config.json"))
    xtts = tiny_weights.coqui.Xtts(config)
    xtts.load_checkpoint(config, checkpoint_dir=folder, eval=True, use_deepspeed=False)
    return xtts
