"""The vocoder on a GPU, in windows of a few fixed shapes, each recorded as CUDA graphs before anybody speaks.

cuDNN makes its plans for each shape when it first meets it: on an H200 95 ms for one window of the published network,
in which nobody gets his next token. And 80 convolutions that are launched one by one take 5 ms for one window, of which
the GPU needs 1.6 (both measured). Windows of a stream are of all lengths, and so many of them at once as chance has it:
each is cut into parts of three kinds, filled up to the kind's length with what no wanted sample sees, and the parts of
all clauses go through the network in batches of a power of two.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import torch
from torch import Tensor

from dragoman.engines.tts.xtts.graphs import ALIKE, recorded, sizes
from dragoman.engines.tts.xtts.hifigan import generate

SEEN = 16
"""Frames that the network sees to either side of one, at most (vocoder.CONTEXT)."""

STEP = 8
"""Frames of which lengths are multiples."""

Record = Callable[[Callable[[], None], object, Any], Any]


class Kind(Enum):
    """Where a part lies: the network pads with zeros what has no neighbours, and that has to be so in fact."""

    BEGIN = 1
    """From the piece's first frame on; filled up behind its end."""
    MIDDLE = 2
    """With SEEN frames to either side; filled up behind them."""
    END = 3
    """To the piece's last frame; filled up before its beginning."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind, and how many frames of it can be wanted."""

    kind: Kind
    wanted: int

    @property
    def length(self) -> int:
        """Frames."""
        return self.wanted + (SEEN if self.kind is not Kind.MIDDLE else 2 * SEEN)

    @property
    def first(self) -> int:
        """The first wanted one."""
        return 0 if self.kind is Kind.BEGIN else SEEN

    @property
    def last(self) -> int:
        """The first one that is not wanted any more."""
        return self.first + self.wanted


@dataclass(frozen=True, slots=True)
class Part:
    """Of a window: its frames ``start`` to ``stop``, for the samples of ``first`` to ``last``."""

    kind: Kind
    start: int
    stop: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Lengths:
    """Wanted frames of each kind; of the end's, the shortest that suffices is taken."""

    begin: int
    middle: int
    ends: tuple[int, ...]

    @classmethod
    def of(cls, first: float, chunk: float) -> Lengths:
        """For pieces of so many frames at first and from then on."""
        begin, middle = (STEP * math.ceil(frames / STEP) for frames in (first, chunk))
        end = middle + 3 * STEP  # with what was held back before
        return cls(max(begin, 2 * SEEN) - SEEN, middle, (STEP * math.ceil(end / 2 / STEP), end))

    @property
    def shapes(self) -> list[Shape]:
        """All of them."""
        return [
            Shape(Kind.BEGIN, self.begin),
            Shape(Kind.MIDDLE, self.middle),
            *(Shape(Kind.END, end) for end in self.ends),
        ]

    def shape(self, part: Part) -> Shape:
        """The one in which it fits."""
        if part.kind is Kind.BEGIN:
            return Shape(part.kind, self.begin)
        if part.kind is Kind.MIDDLE:
            return Shape(part.kind, self.middle)
        return Shape(part.kind, next(end for end in self.ends if end >= part.last - part.first))

    def parts(self, frames: int, first: int, last: int, begins: bool, ends: bool) -> list[Part]:
        """Of a window of so many frames, of which those from ``first`` to ``last`` are wanted; none: it is too short.

        ``begins``, ``ends``: its first frame is the piece's first one, its last one the piece's last.
        """
        found, at = [], first
        # Whoever is no end has SEEN frames behind him.
        middle_until = frames - SEEN if ends else last
        while at < last:
            if begins and at < SEEN:
                until = min(middle_until, self.begin)
                if until <= at or (until < last and until < SEEN):
                    return []
                part = Part(Kind.BEGIN, 0, until + SEEN, at, until)
            elif ends and last - at <= self.ends[-1]:
                part = Part(Kind.END, at - SEEN, last, at, last)
            else:
                until = min(middle_until, at + self.middle)
                part = Part(Kind.MIDDLE, at - SEEN, until + SEEN, at, until)
            found.append(part)
            at = part.last
        return found


@dataclass(slots=True, eq=False)
class _Recorded:
    """One shape in one batch size."""

    frames: Tensor
    embeddings: Tensor
    sound: Tensor
    replay: Callable[[], None]


class FixedShapes:
    """The graphs of one vocoder; used in one thread."""

    def __init__(self, generator: Any, lengths: Lengths, at_once: int) -> None:
        """``generator``: coqui's ``HifiganGenerator``; ``at_once``: parts decoded together at most."""
        self._generator = generator
        self._lengths = lengths
        self._sizes = sizes(at_once)
        self._recorded: dict[tuple[Shape, int], _Recorded] = {}

    def __len__(self) -> int:
        """How many graphs there are."""
        return len(self._recorded)

    def capture(self, record: Record = recorded) -> str:
        """Record all, and try each against the network itself.

        Returns:
            Why they are not to be used; empty: they are.

        Raises:
            RuntimeError: the device itself failed.
        """
        weight = self._generator.conv_pre.weight
        about = {"device": weight.device, "dtype": weight.dtype}
        width, voice = self._generator.conv_pre.in_channels, self._generator.cond_layer.in_channels
        try:
            pool = torch.cuda.graph_pool_handle() if weight.is_cuda else None
            stream = torch.cuda.Stream() if weight.is_cuda else None
            with torch.inference_mode():
                for size in reversed(self._sizes):
                    for shape in self._lengths.shapes:
                        frames = torch.randn(size, width, shape.length, **about)
                        voices = torch.nn.functional.normalize(torch.randn(size, voice, 1, **about), dim=1)
                        sound = torch.zeros(size, self._decode(shape, frames, voices).shape[1], **about)

                        def run(
                            shape: Shape = shape, frames: Tensor = frames, voices: Tensor = voices, into: Tensor = sound
                        ) -> None:
                            into.copy_(self._decode(shape, frames, voices))

                        graph = record(run, pool, stream)
                        self._recorded[shape, size] = _Recorded(frames, voices, sound, graph.replay)
                for (shape, _), one in self._recorded.items():
                    one.frames.normal_()
                    wanted = self._decode(shape, one.frames, one.embeddings)
                    one.sound.zero_()
                    one.replay()
                    # Written so that numbers that are none are unlike everything.
                    if not bool((one.sound - wanted).abs().max() <= ALIKE * wanted.abs().max()):
                        self._recorded.clear()
                        return f"replayed for {shape} it gives something else than the network itself"
        except Exception as error:
            self._recorded.clear()
            if weight.is_cuda:
                torch.cuda.synchronize()  # raises where the device is lost, and not only what was being recorded
            return f"{type(error).__name__}: {error}"
        return ""

    def _decode(self, shape: Shape, frames: Tensor, embeddings: Tensor) -> Tensor:
        return generate(self._generator, frames, embeddings, shape.first, shape.last)

    def decode(self, windows: Sequence[Any]) -> dict[int, Tensor]:
        """The samples of those windows (``vocoder.Window``) that are long enough, by their number; on the device."""
        work: dict[Shape, list[tuple[int, int, Part]]] = {}
        counts: dict[int, int] = {}
        for number, window in enumerate(windows):
            parts = self._lengths.parts(window.frames.shape[-1], window.first, window.last, window.begins, window.ends)
            counts[number] = len(parts)
            for nth, part in enumerate(parts):
                work.setdefault(self._lengths.shape(part), []).append((number, nth, part))
        made: dict[tuple[int, int], Tensor] = {}
        most = self._sizes[-1]
        for shape, all_parts in work.items():
            for at in range(0, len(all_parts), most):
                some = all_parts[at : at + most]
                sound = self._replay(shape, [(windows[number], part) for number, _, part in some])
                hop = sound.shape[1] // shape.wanted
                for row, (number, nth, part) in zip(sound, some, strict=True):
                    begin = _begin(shape, part) + part.first - part.start - shape.first
                    made[number, nth] = row[begin * hop : (begin + part.last - part.first) * hop]
        return {
            number: torch.cat([made[number, nth] for nth in range(count)]) for number, count in counts.items() if count
        }

    def _replay(self, shape: Shape, parts: Sequence[tuple[Any, Part]]) -> Tensor:
        """The wanted samples of the shape, of each part; a copy."""
        one = self._recorded[shape, next(size for size in self._sizes if size >= len(parts))]
        one.frames.zero_()
        for row, (window, part) in enumerate(parts):
            begin = _begin(shape, part)
            one.frames[row, :, begin : begin + part.stop - part.start] = window.frames[0, :, part.start : part.stop]
            one.embeddings[row] = window.embedding[0]
        one.replay()
        return one.sound[: len(parts)].clone()


def _begin(shape: Shape, part: Part) -> int:
    """Where in the shape its frames begin."""
    return shape.length - (part.stop - part.start) if shape.kind is Kind.END else 0
