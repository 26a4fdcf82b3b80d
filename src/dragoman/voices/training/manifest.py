"""``speech.json`` in a folder of speech: who speaks in which file, and who is kept from training."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from dragoman.errors import TrainingError

MANIFEST: Final = "speech.json"

Split = Literal["train", "unseen", "other-engine"]
"""Trained on; voices of the same synthesiser kept apart; voices of a synthesiser never trained on."""

SPLITS: Final = ("train", "unseen", "other-engine")


@dataclass(frozen=True, slots=True)
class Clip:
    """A line of it; ``file`` is relative to its folder, ``syllables`` were in the text."""

    file: str
    speaker: str
    split: Split
    syllables: int


def write(folder: Path, clips: Sequence[Clip], seed: int) -> None:
    """Write the manifest of a folder."""
    table = {"seed": seed, "clips": [asdict(clip) for clip in clips]}
    (folder / MANIFEST).write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


def read(folder: Path) -> list[Clip] | None:
    """The clips of a folder's manifest, None if it has none.

    Raises:
        TrainingError: it is broken.
    """
    path = folder / MANIFEST
    if not path.exists():
        return None
    try:
        return [_clip(line) for line in json.loads(path.read_text(encoding="utf-8"))["clips"]]
    except (ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{path} is broken ({error!r}): delete it, or make the speech again") from None


def _clip(line: dict[str, object]) -> Clip:
    split = line["split"]
    if split not in SPLITS:
        raise ValueError(f"split {split!r}")
    return Clip(str(line["file"]), str(line["speaker"]), split, int(str(line["syllables"])))
